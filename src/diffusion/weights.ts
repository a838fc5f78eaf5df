/**
 * @file The weights of one model where they lie: one or several safetensors files, seen as frozen parameters of a graph (mapped into
 * memory by ONNX Runtime, never copied) or as trainable inputs.
 */
import { realpath } from "node:fs/promises";
import { KeepsakeError, shortened } from "../errors.ts";
import { type ParameterSource, type Shape, type Tensor, input, parameter, toFloat32 } from "../graph/index.ts";
import { type SafetensorsDType, type TensorInfo, SafetensorsFile } from "../io/safetensors/safetensors.ts";
import type { ModuleContext } from "./module.ts";

const graphDTypes: Readonly<Partial<Record<SafetensorsDType, ParameterSource["dtype"]>>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

interface StoredTensor {
  readonly info: TensorInfo;
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

  private constructor(label: string, tensors: ReadonlyMap<string, StoredTensor>) {
    this.#label = label;
    this.#tensors = tensors;
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
        if (name !== undefined) tensors.set(name, { info, file, realPath });
      }
    }
    return new Weights(label, tensors);
  }

  /** Every tensor, buffers such as `position_ids` included, in the order of the file. */
  get tensors(): readonly { readonly name: string; readonly shape: Shape }[] {
    return Array.from(this.#tensors, ([name, { info }]) => ({ name, shape: info.shape }));
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
    return this.#stored(name).info.shape;
  }

  /** A tensor's values as float32, e.g. to start training from. @throws KeepsakeError if there is no such tensor. */
  async readFloat32(name: string): Promise<Float32Array> {
    const { file, info } = this.#stored(name);
    return file.readFloat32(info.name);
  }

  /** What is wrong with the numbers, if one is NaN or infinite: file and tensor. Reads everything, so it is for when something went wrong. */
  async damage(): Promise<string | undefined> {
    for (const { file, info } of this.#tensors.values()) {
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
        const stored = parameters.get(name) ?? parameter(name, shape, this.#source(name));
        parameters.set(name, stored);
        // One cast for each use: a shared one would keep the float32 copy alive from the first use to the last.
        return toFloat32(stored);
      },
    };
  }

  /**
   * The parameters as graph inputs, to be fed at each run. All inputs are made at once, before any model is traced, so that gradients reach
   * them from within checkpointed segments too.
   * @param options `select` limits training to some parameters, the rest stays frozen; `prefix` goes before the names of the inputs.
   */
  trainable(
    options: { readonly select?: (name: string) => boolean; readonly prefix?: string } = {},
  ): TrainableParameters {
    const { select = () => true, prefix = "" } = options;
    const inputs = new Map<string, Tensor>();
    for (const [name, { info }] of this.#tensors) {
      if (graphDTypes[info.dtype] !== undefined && select(name)) inputs.set(name, input(prefix + name, info.shape));
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
      `${this.#label}: tensor "${name}" is missing; these weights are not those of the model that config.json describes.`,
    );
  }

  #checkShape(name: string, shape: Shape): void {
    const { file, info } = this.#stored(name);
    if (info.shape.length === shape.length && info.shape.every((extent, axis) => extent === shape[axis])) return;
    throw new KeepsakeError(
      "input",
      `${file.path}: tensor "${info.name}" has the shape [${info.shape.join(", ")}], but config.json asks for ` +
        `[${shape.join(", ")}]; weights and config do not belong together.`,
    );
  }

  #source(name: string): ParameterSource {
    const { file, info, realPath } = this.#stored(name);
    const dtype = graphDTypes[info.dtype];
    if (dtype === undefined) {
      throw new KeepsakeError(
        "input",
        `${file.path}: tensor "${info.name}" is stored as ${info.dtype}; weights must be F32, F16 or BF16.`,
      );
    }
    return { path: realPath, byteOffset: info.byteOffset, byteLength: info.byteLength, dtype };
  }
}
