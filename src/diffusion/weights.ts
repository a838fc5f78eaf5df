/**
 * @file The weights of one model where they lie: one or several safetensors files, seen as frozen parameters of a graph
 * (mapped into memory by ONNX Runtime, never copied) or as trainable inputs.
 */
import { realpath } from "node:fs/promises";
import { KeepsakeError, shortened } from "../errors.ts";
import {
  type ParameterSource,
  type Shape,
  type Tensor,
  input,
  parameter,
  sizeOf,
  toFloat32,
  transpose,
} from "../graph/index.ts";
import { type SafetensorsDType, type TensorInfo, SafetensorsFile } from "../io/safetensors/safetensors.ts";
import type { ModuleContext } from "./module.ts";

const graphDTypes: Readonly<Partial<Record<SafetensorsDType, ParameterSource["dtype"]>>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/** A tensor of the model as it lies in a tensor of a file: under another name, in another shape, or as a part of it. */
export interface TensorView {
  readonly name: string;
  /** Default: as stored. */
  readonly shape?: Shape;
  /** Where its elements begin among the stored ones. Default 0. */
  readonly firstElement?: number;
  /** A matrix that is stored with rows and columns exchanged. Its shape is that of the model's tensor. */
  readonly isTransposed?: boolean;
}

interface StoredTensor {
  readonly info: TensorInfo;
  /** As the model knows it: the stored one, or a view's. */
  readonly shape: Shape;
  readonly firstElement: number;
  readonly isTransposed?: boolean;
  readonly file: SafetensorsFile;
  /** ONNX Runtime does not follow symbolic links out of a folder, and hub caches are made of them. */
  readonly realPath: string;
}

/** Parameters as graph inputs. */
export interface TrainableParameters {
  readonly context: ModuleContext;
  /** By parameter name, in the order of the file. Each is an input named `prefix + name`. */
  readonly inputs: ReadonlyMap<string, Tensor>;
}

/** An error that names the weights that hold NaN or infinity, if any of these do. */
export async function damagedWeights(weights: readonly Weights[]): Promise<KeepsakeError | undefined> {
  for (const each of weights) {
    const damage = await each.damage();
    if (damage !== undefined) {
      return new KeepsakeError("input", `${damage}: these weights are damaged; download the checkpoint again.`);
    }
  }
  return undefined;
}

export class Weights {
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  /** What to call the whole in messages. */
  readonly #label: string;
  /** What to call the model's config in messages. */
  readonly #config: string;

  private constructor(label: string, tensors: ReadonlyMap<string, StoredTensor>, config = "config.json") {
    this.#label = label;
    this.#tensors = tensors;
    this.#config = config;
  }

  /**
   * Opens safetensors files and reads their headers.
   * @param label the file to name when a tensor is missing: the only file, or the index of several.
   * @param rename maps names in the files to today's names; a tensor without one is left out.
   * @throws KeepsakeError for a missing, damaged or truncated file.
   */
  static async open(
    label: string,
    paths: readonly string[],
    rename: (name: string) => string | undefined = (name) => name,
  ): Promise<Weights> {
    const tensors = new Map<string, StoredTensor>();
    for (const path of paths) {
      const file = await SafetensorsFile.open(path);
      const realPath = await realpath(path);
      for (const [stored, info] of file.tensors) {
        const name = rename(stored);
        if (name !== undefined) tensors.set(name, { info, file, realPath, shape: info.shape, firstElement: 0 });
      }
    }
    return new Weights(label, tensors);
  }

  /**
   * The weights of one model in a file that may hold more, in another layout. They are in the order of their names, as
   * in a folder of their own, so that an adapter has its layers in the same order.
   * @param view what of the model lies in a stored tensor; nothing of it if the tensor belongs to something else.
   * @param config what to call the model's config in messages.
   */
  static async within(
    file: SafetensorsFile,
    view: (stored: TensorInfo) => readonly TensorView[],
    config: string,
  ): Promise<Weights> {
    const realPath = await realpath(file.path);
    const found = [...file.tensors.values()].flatMap((info) =>
      view(info).map(({ name, shape: viewed, firstElement = 0, isTransposed = false }): [string, StoredTensor] => {
        const shape = viewed ?? (isTransposed ? info.shape.toReversed() : info.shape);
        return [name, { info, file, realPath, shape, firstElement, isTransposed }];
      }),
    );
    found.sort(([a], [b]) => (a < b ? -1 : 1));
    return new Weights(file.path, new Map(found), config);
  }

  /** Every tensor, buffers such as `position_ids` included, in the order of the file. */
  get tensors(): readonly { readonly name: string; readonly shape: Shape }[] {
    return Array.from(this.#tensors, ([name, { shape }]) => ({ name, shape }));
  }

  /** The files in which the tensors lie. */
  get files(): readonly string[] {
    return [...new Set([...this.#tensors.values()].map(({ file }) => file.path))];
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** @throws KeepsakeError if there is no such tensor. */
  shape(name: string): Shape {
    return this.#stored(name).shape;
  }

  /** A tensor's values as float32, e.g. to start training from. @throws KeepsakeError if there is no such tensor. */
  async readFloat32(name: string): Promise<Float32Array> {
    const { file, info, shape, firstElement, isTransposed } = this.#stored(name);
    const values = await file.readFloat32(info.name);
    if (isTransposed) return exchanged(values, shape);
    const size = sizeOf(shape);
    return size === values.length ? values : values.slice(firstElement, firstElement + size);
  }

  /**
   * What is wrong with the numbers, if one is NaN or infinite: file and tensor. Reads everything, so it is for when
   * something went wrong.
   */
  async damage(): Promise<string | undefined> {
    const stored = new Map([...this.#tensors.values()].map((tensor) => [tensor.info, tensor]));
    for (const { file, info } of stored.values()) {
      if (graphDTypes[info.dtype] === undefined) continue;
      const values = await file.readFloat32(info.name);
      if (!values.every(Number.isFinite)) return `${file.path}: tensor "${shortened(info.name)}" holds NaN or infinity`;
    }
    return undefined;
  }

  /** The parameters as constants that stay in their files; half precision is widened to float32 where it is used. */
  frozen(): ModuleContext {
    const parameters = new Map<string, Tensor>();
    return {
      has: (name) => this.has(name),
      parameter: (name, shape) => {
        this.#checkShape(name, shape);
        const { isTransposed } = this.#stored(name);
        const inFile = isTransposed ? shape.toReversed() : shape;
        const stored = parameters.get(name) ?? parameter(name, inFile, this.#source(name));
        parameters.set(name, stored);
        // One cast for each use: a shared one would keep the float32 copy alive from the first use to the last.
        const widened = toFloat32(stored);
        return isTransposed ? transpose(widened, [1, 0]) : widened;
      },
    };
  }

  /**
   * The parameters as graph inputs, to be fed at each run. All inputs are made at once, before any model is traced, so
   * that gradients reach them from within checkpointed segments too.
   * @param options `select` limits training to some parameters, the rest stays frozen; `prefix` goes before the names
   *   of the inputs.
   */
  trainable(
    options: { readonly select?: (name: string) => boolean; readonly prefix?: string } = {},
  ): TrainableParameters {
    const { select = () => true, prefix = "" } = options;
    const inputs = new Map<string, Tensor>();
    for (const [name, { info, shape }] of this.#tensors) {
      if (graphDTypes[info.dtype] !== undefined && select(name)) inputs.set(name, input(prefix + name, shape));
    }
    const rest = this.frozen();
    const context: ModuleContext = {
      has: (name) => this.has(name),
      parameter: (name, shape) => {
        const trained = inputs.get(name);
        if (trained === undefined) return rest.parameter(name, shape);
        this.#checkShape(name, shape);
        return trained;
      },
    };
    return { context, inputs };
  }

  #stored(name: string): StoredTensor {
    const stored = this.#tensors.get(name);
    if (stored !== undefined) return stored;
    throw new KeepsakeError(
      "input",
      `${this.#label}: tensor "${name}" is missing; these weights are not those of the model that ${this.#config} describes.`,
    );
  }

  #checkShape(name: string, shape: Shape): void {
    const { file, info, shape: found } = this.#stored(name);
    if (found.length === shape.length && found.every((extent, axis) => extent === shape[axis])) return;
    throw new KeepsakeError(
      "input",
      `${file.path}: tensor "${info.name}" has the shape [${found.join(", ")}], but ${this.#config} asks for ` +
        `[${shape.join(", ")}]; weights and config do not belong together.`,
    );
  }

  #source(name: string): ParameterSource {
    const { file, info, realPath, shape, firstElement } = this.#stored(name);
    const dtype = graphDTypes[info.dtype];
    if (dtype === undefined) {
      throw new KeepsakeError(
        "input",
        `${file.path}: tensor "${info.name}" is stored as ${info.dtype}; weights must be F32, F16 or BF16.`,
      );
    }
    const elements = sizeOf(info.shape);
    const byteOffset = info.byteOffset + (info.byteLength / elements) * firstElement;
    return { path: realPath, byteOffset, byteLength: (info.byteLength / elements) * sizeOf(shape), dtype };
  }
}

/** A matrix of this shape from one that is stored column after column. */
function exchanged(values: Float32Array, [rows, columns]: Shape): Float32Array {
  return Float32Array.from(values, (_, i) => values[(i % columns) * rows + Math.floor(i / columns)]);
}
