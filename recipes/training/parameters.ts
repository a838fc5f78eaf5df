/**
 * @file All parameters of a model under training: found by tracing the model, initialised as PyTorch would, kept in one
 * flat array.
 */
import type { ModuleContext } from "../../src/diffusion/module.ts";
import { input, sizeOf, type Shape, type Tensor } from "../../src/graph/index.ts";
import { RandomStream } from "../../src/random/random.ts";

/** One parameter's place in the flat array. */
export interface ParameterPlace {
  readonly name: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly length: number;
}

/** Names and shapes in the order in which the model asks for them, and their numbers. */
export class Parameters {
  readonly places: readonly ParameterPlace[];
  /** In shared memory, for the threads of a training. ONNX Runtime reads no shared memory: feed a copy. */
  readonly values: Float32Array;

  constructor(shapes: ReadonlyMap<string, Shape>) {
    let offset = 0;
    this.places = [...shapes].map(([name, shape]) => {
      const place = { name, shape, offset, length: sizeOf(shape) };
      offset += place.length;
      return place;
    });
    this.values = new Float32Array(new SharedArrayBuffer(offset * Float32Array.BYTES_PER_ELEMENT));
  }

  /** A window on one parameter, in `values` or in an array of the same layout. */
  window({ offset, length }: ParameterPlace, values: Float32Array = this.values): Float32Array {
    return values.subarray(offset, offset + length);
  }

  /** Windows on all parameters, by name: what to feed to a program. */
  feeds(values: Float32Array): Record<string, Float32Array> {
    return Object.fromEntries(this.places.map((place) => [place.name, this.window(place, values)]));
  }

  /**
   * Draws every parameter as PyTorch's layers do: weights and biases of linear layers and convolutions uniform in
   * ±1/√fanIn, norms 1 and 0, embeddings normal with deviation 0.02.
   */
  initialize(seed: number): void {
    const fanIns = new Map<string, number>();
    for (const { name, shape, length } of this.places) {
      if (shape.length > 1) fanIns.set(name.replace(/\.weight$/, ""), length / shape[0]);
    }
    for (const place of this.places) {
      const { name, shape, length } = place;
      const random = new RandomStream(seed, "initialize", name);
      const module = name.replace(/\.(weight|bias)$/, "");
      const fanIn = fanIns.get(module);
      const window = this.window(place);
      if (/embedding(\.weight)?$/.test(name)) window.set(random.normal(length).map((x) => 0.02 * x));
      else if (fanIn !== undefined) window.set(random.uniform(length).map((u) => (2 * u - 1) / Math.sqrt(fanIn)));
      else if (name === "logit_scale") window.fill(Math.log(1 / 0.07));
      else window.fill(shape.length === 1 && name.endsWith(".weight") ? 1 : 0);
    }
  }
}

/**
 * Runs `trace` with a context that hands out inputs named after the parameters, and returns the parameters that it
 * asked for.
 */
export function traceParameters<T>(trace: (context: ModuleContext) => T): {
  readonly traced: T;
  readonly parameters: Parameters;
  /** Each parameter's input, in the order of `parameters.places`. */
  readonly inputs: readonly Tensor[];
} {
  const inputs = new Map<string, Tensor>();
  const context: ModuleContext = {
    has: () => true,
    parameter: (name, shape) => {
      const tensor = inputs.get(name) ?? input(name, shape);
      inputs.set(name, tensor);
      return tensor;
    },
  };
  const traced = trace(context);
  const shapes = new Map([...inputs].map(([name, { shape }]) => [name, shape]));
  return { traced, parameters: new Parameters(shapes), inputs: [...inputs.values()] };
}
