/**
 * @file A layer small enough for formulas in float64: its weight, bias and inputs, and runs of an adapter on it.
 */
import type { AdaptedLayer, Adapter } from "../../src/adapters/adapter.ts";
import { BoundAdapter } from "../../src/adapters/bound-adapter.ts";
import { constant, conv2d, gradients, input, linear, mul, Program, sum, type Tensor } from "../../src/graph/index.ts";
import { RandomStream } from "../../src/random/random.ts";

export const [RANK, IN, OUT] = [2, 3, 4];
const POSITIONS = 6;

export const normal = (name: string, count: number): Float32Array => new RandomStream(23, "toy", name).normal(count);

export const WEIGHT = normal("weight", OUT * IN);
export const BIAS = normal("bias", OUT);
/** `[1, POSITIONS, IN]` */
export const X = normal("x", POSITIONS * IN);

/** A 1x1 convolution, which may be applied to tokens too. */
export const LAYER: AdaptedLayer = {
  ...{ component: "unet", module: "to_k", kind: "conv1x1" },
  ...{ rank: RANK, inFeatures: IN, outFeatures: OUT },
};

/** W x + bias in float64, `[POSITIONS, OUT]`. */
export function outputOf(weight: ArrayLike<number>, bias: ArrayLike<number> = BIAS): number[] {
  return Array.from({ length: POSITIONS * OUT }, (_, i) => {
    const [position, row] = [Math.floor(i / OUT), i % OUT];
    let y = bias[row];
    for (let k = 0; k < IN; k++) y += weight[row * IN + k] * X[position * IN + k];
    return y;
  });
}

/** Weights of a loss: Σ c_i y_i. */
export const C = normal("c", POSITIONS * OUT);

export interface ToyRun {
  /** `[POSITIONS, OUT]` */
  readonly y: Float32Array;
  /** Without the adapter. */
  readonly plain: Float32Array;
  /** d Σ c y / d parameters, laid out as the adapter's parameters. */
  readonly gradient: Float32Array;
}

/** Runs the layer with an adapter on it, on tokens. */
export async function runToy(adapter: Adapter, options: { readonly scale?: number } = {}): Promise<ToyRun> {
  const binding = new BoundAdapter(adapter, options);
  const base = { weight: constant(WEIGHT, [OUT, IN]), bias: constant(BIAS, [OUT]) };
  const x = input("x", [1, POSITIONS, IN]);
  const plain = linear(x, base.weight, base.bias);
  const y = binding.adapt("unet", "to_k", x, plain, base);
  const loss = sum(mul(y, constant(C, [1, POSITIONS, OUT])));
  const derivatives = gradients(loss, binding.inputs);
  const outputs = Object.fromEntries(adapter.slots.map(({ name }, i) => [name, derivatives[i]]));
  const result = await run({ ...outputs, y, plain }, { x: X, ...binding.feeds() });
  return { y: result.y, plain: result.plain, gradient: adapter.flatten((name) => result[name]) };
}

/** The same layer as a 1x1 convolution, on an image of the same pixels; `[POSITIONS, OUT]`. */
export async function runToyOnImage(adapter: Adapter): Promise<Float32Array> {
  const binding = new BoundAdapter(adapter);
  const base = { weight: constant(WEIGHT, [OUT, IN, 1, 1]), bias: constant(BIAS, [OUT]) };
  const image = input("image", [1, IN, 2, POSITIONS / 2]);
  const y = binding.adapt("unet", "to_k", image, conv2d(image, base.weight, base.bias), base);
  const result = await run({ y }, { image: transposed(X, POSITIONS, IN), ...binding.feeds() });
  return transposed(result.y, OUT, POSITIONS);
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}

async function run(
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, Float32Array>>,
): Promise<Record<string, Float32Array>> {
  const program = await Program.create(outputs);
  try {
    return await program.run(feeds);
  } finally {
    await program.dispose();
  }
}

/** d f / d parameters by central differences of a function in float64. */
export function differences(parameters: Float32Array, f: (parameters: Float64Array) => number, step = 1e-5): number[] {
  return Array.from(parameters, (_, i) => {
    const at = (sign: number) => f(Float64Array.from(parameters, (value, j) => value + (i === j ? sign * step : 0)));
    return (at(1) - at(-1)) / (2 * step);
  });
}

/** Σ c y in float64. */
export const lossOf = (y: readonly number[]): number => y.reduce((total, value, i) => total + C[i] * value, 0);
