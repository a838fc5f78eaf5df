/**
 * @file Random applications of an op, and the property that every op must have: ONNX Runtime computes what the float64
 * reference computes, and the gradient graph is the derivative that finite differences see.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { add, gradients, input, mul, Program, sizeOf, sum, type Shape, type Tensor } from "../../../src/graph/index.ts";
import { reachableNodes } from "../../../src/graph/tensor.ts";
import { evaluate } from "./reference.ts";

/** A number in [0, 1), from a seeded generator. */
export type Random = () => number;

/** A tensor that an op is applied to; the float32 ones are those to differentiate with respect to. */
export interface Operand {
  readonly shape: Shape;
  readonly dtype?: "float32" | "int32";
  /** Draws one element. */
  readonly draw: (random: Random) => number;
}

/** One random application of an op. */
export interface OpCase {
  readonly operands: readonly Operand[];
  /** Calls the op; the tensors are those of `operands`. */
  readonly apply: (...tensors: Tensor[]) => Tensor | readonly Tensor[];
}

/** Elements in [-2, 2). */
export const anywhere = (shape: Shape): Operand => ({ shape, draw: (random) => 4 * random() - 2 });

/** Elements in [0.25, 2.25), for what has a pole or a branch at 0. */
export const positive = (shape: Shape): Operand => ({ shape, draw: (random) => 0.25 + 2 * random() });

/** int32 elements in [0, below). */
export const ids = (shape: Shape, below: number): Operand => ({
  shape,
  dtype: "int32",
  draw: (random) => Math.floor(random() * below),
});

export const extent = (min: number, max: number) => fc.integer({ min, max });

/** Shapes of rank `minRank` to `maxRank` with extents from 1 to `maxExtent`. */
export const shapes = (minRank: number, maxRank: number, maxExtent = 4) =>
  fc.array(extent(1, maxExtent), { minLength: minRank, maxLength: maxRank });

/** Two shapes that NumPy's rule broadcasts together. */
export const broadcastPairs = (maxRank: number): fc.Arbitrary<[Shape, Shape]> =>
  shapes(0, maxRank).chain((full) => fc.tuple(broadcastableTo(full), broadcastableTo(full)));

/** Shapes that broadcast to `full`: leading axes left out, others of extent 1. */
export const broadcastableTo = (full: Shape): fc.Arbitrary<Shape> =>
  fc
    .tuple(extent(0, full.length), fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }))
    .map(([dropped, stretched]) => full.map((n, axis) => (stretched[axis] ? 1 : n)).slice(dropped));

/** The same examples on every run. */
const SEED = 20230511;
const RUNS = 25;

/** Op names met in the graphs of this file, gradients included. */
const met = new Set<string>();

/**
 * Checks each op of a module on random cases. `cases` has one entry for each function the module exports, so that a new
 * op without a test does not compile.
 *
 * @param gradientOps - ops of the module that only gradients apply, which the cases have to meet
 */
export function describeOps<Module extends object>(
  module: Module,
  cases: Readonly<Record<keyof Module & string, fc.Arbitrary<OpCase>>>,
  gradientOps: readonly string[] = [],
): void {
  const entries: [string, fc.Arbitrary<OpCase>][] = Object.entries(cases);
  describe.each(entries)("%s", (_name, arbitrary) => {
    it("computes its definition, and its gradient is its derivative", async () => {
      await fc.assert(fc.asyncProperty(arbitrary, fc.nat(), checkCase), { seed: SEED, numRuns: RUNS });
    });
  });

  it("tests every op of the module", () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(module).sort());
    expect([...met]).toEqual(expect.arrayContaining([...gradientOps]));
  });
}

async function checkCase({ operands, apply }: OpCase, seed: number): Promise<void> {
  const random = mulberry32(seed);
  const inputs = operands.map(({ shape, dtype }, i) => input(`x${i}`, shape, dtype));
  const results = [apply(...inputs)].flat();
  const cotangents = results.map(({ shape }, i) => input(`dy${i}`, shape));
  const loss = results.map((y, i) => sum(mul(y, cotangents[i]))).reduce((partial, term) => add(partial, term));
  const wrt = inputs.filter((tensor) => tensor.dtype === "float32");
  const slopes = gradients(loss, wrt);

  const feeds: Record<string, Float32Array | Int32Array> = {};
  operands.forEach(({ shape, dtype, draw }, i) => {
    const values = Array.from({ length: sizeOf(shape) }, () => draw(random));
    feeds[`x${i}`] = dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values);
  });
  cotangents.forEach(({ shape }, i) => {
    feeds[`dy${i}`] = Float32Array.from({ length: sizeOf(shape) }, () => 2 * random() - 1);
  });

  const tensors = [...results, ...slopes];
  for (const node of reachableNodes(tensors)) met.add(node.op);
  const expected = evaluate(tensors, feeds);
  wrt.forEach((tensor, i) => {
    const differences = finiteDifferences(loss, tensor, feeds);
    expectClose(expected[results.length + i], differences, 1e-6, `derivative in operand ${inputs.indexOf(tensor)}`);
  });
  for (const lowering of ["cpu", "portable"] as const) {
    const program = await Program.create(Object.fromEntries(tensors.entries()), { lowering, threads: 1 });
    const computed = await program.run(feeds);
    await program.dispose();
    expected.forEach((values, i) => {
      const isResult = i < results.length;
      const what = isResult ? `result ${i}` : `gradient ${i - results.length}`;
      expectClose(computed[i], values, isResult ? 1e-5 : 1e-4, `${what} (${lowering} lowering)`);
    });
  }
}

/** d loss / d x of the reference, by central differences. */
function finiteDifferences(
  loss: Tensor,
  x: Tensor,
  feeds: Readonly<Record<string, Float32Array | Int32Array>>,
): Float64Array {
  const name = x.node.leaf?.kind === "input" ? x.node.leaf.name : "";
  const step = 1e-5;
  return Float64Array.from({ length: sizeOf(x.shape) }, (_, i) => {
    const [above, below] = [step, -step].map((change) => {
      const values = Float64Array.from(feeds[name]);
      values[i] = values[i] + change;
      return evaluate([loss], { ...feeds, [name]: values })[0][0];
    });
    return (above - below) / (2 * step);
  });
}

/** Fails unless the largest difference is below `tolerance` times the largest expected element (at least 0.01). */
export function expectClose(
  actual: ArrayLike<number> | undefined,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "",
): void {
  expect(actual?.length, what).toBe(expected.length);
  let [size, worst] = [0.01, 0];
  for (let i = 0; i < expected.length; i++) {
    size = Math.max(size, Math.abs(expected[i]));
    worst = Math.max(worst, Math.abs(expected[i] - (actual?.[i] ?? NaN)));
  }
  expect(worst / size, what).toBeLessThan(tolerance);
}

/** Tommy Ettinger's mulberry32. */
function mulberry32(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
