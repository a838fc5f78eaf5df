import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  constant,
  conv2d,
  countFlops,
  detach,
  div,
  dump,
  embedding,
  exp,
  gradients,
  input,
  linear,
  mul,
  parameter,
  ShapeError,
  sigmoid,
  slice,
  split,
  square,
  sub,
  sum,
  tanh,
  toFloat32,
  type Tensor,
} from "../../src/graph/index.ts";
import { reachableNodes } from "../../src/graph/tensor.ts";
import { compute, noise } from "./support/compute.ts";
import { expectClose } from "./support/op-cases.ts";
import { evaluate } from "./support/reference.ts";

type Op = (a: Tensor, b: Tensor) => Tensor;

const opsOf = (...tensors: Tensor[]) => reachableNodes(tensors).map((node) => node.op);

describe("gradients", () => {
  it("adds up over every use of a shared value", () => {
    const x = input("x", [3]);
    const shared = square(x);
    // loss = Σ x² · x² + 3 x² + x
    const loss = sum(add(add(mul(shared, shared), mul(shared, 3)), x));
    const [slope] = evaluate(gradients(loss, [x]), { x: [0.5, -2, 3] });
    expectClose(
      slope,
      [0.5, -2, 3].map((v) => 4 * v ** 3 + 6 * v + 1),
      1e-12,
    );
  });

  it("agrees with finite differences on random graphs", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom(add, sub, mul, tanh, sigmoid), fc.nat(), fc.nat()), {
      minLength: 1,
      maxLength: 12,
    });
    const run = (program: readonly (readonly [Op, number, number])[], point: readonly number[]) => {
      const leaves = point.map((_, i) => input(`x${i}`, []));
      const values: Tensor[] = [...leaves];
      for (const [op, i, j] of program) {
        const [a, b] = [values[i % values.length], values[j % values.length]];
        values.push(op(a, b));
      }
      const loss = values.at(-1) ?? constant(NaN);
      const feeds = Object.fromEntries(point.map((value, i) => [`x${i}`, [value]]));
      return { loss, slopes: evaluate(gradients(loss, leaves), feeds).map(([slope]) => slope), feeds };
    };
    const coordinate = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(steps, fc.tuple(coordinate, coordinate, coordinate), (program, point) => {
        const { loss, slopes, feeds } = run(program, point);
        const differences = point.map((value, i) => {
          const shifted = (by: number) => evaluate([loss], { ...feeds, [`x${i}`]: [value + by] })[0][0];
          return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
        });
        expectClose(slopes, differences, 1e-6);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it("can be applied to a gradient again", () => {
    const x = input("x", []);
    const [first] = gradients(exp(square(x)), [x]);
    const [second] = evaluate(gradients(first, [x]), { x: [0.7] });
    expectClose(second, [(2 + 4 * 0.7 ** 2) * Math.exp(0.7 ** 2)], 1e-12);
  });

  it("reaches values in the middle of the graph", () => {
    const x = input("x", [2]);
    const middle = mul(x, 3);
    const [slope] = evaluate(gradients(sum(square(middle)), [middle]), { x: [1, 2] });
    expect(Array.from(slope)).toEqual([6, 12]);
  });

  it("of the loss itself is 1", () => {
    const loss = sum(input("x", [2]));
    expect(evaluate(gradients(loss, [loss]), { x: [1, 2] })).toEqual([Float64Array.of(1)]);
  });

  it("keeps the order of the tensors asked for, even when one is asked for twice", () => {
    const [x, y] = [input("x", []), input("y", [])];
    const slopes = evaluate(gradients(mul(mul(x, 2), y), [y, x, y]), { x: [3], y: [5] });
    expect(slopes.map(([slope]) => slope)).toEqual([6, 10, 6]);
  });

  it("is zero for a tensor on which the loss does not depend", async () => {
    const [x, unused] = [input("x", [2]), input("unused", [2, 3])];
    const [dx, dUnused] = gradients(sum(square(x)), [x, unused]);
    expect(dUnused.shape).toEqual([2, 3]);
    expect(opsOf(dUnused)).toEqual(["constant"]);
    expect(await compute({ dx, dUnused }, { x: Float32Array.of(1, 2) })).toEqual({
      dx: Float32Array.of(2, 4),
      dUnused: new Float32Array(6),
    });
  });

  it("does not pass through detach", () => {
    const x = input("x", []);
    const [slope] = evaluate(gradients(mul(x, detach(square(x))), [x]), { x: [3] });
    expect(slope).toEqual(Float64Array.of(9));
    const [behind] = evaluate(gradients(detach(square(x)), [x]), { x: [3] });
    expect(behind).toEqual(Float64Array.of(0));
  });

  it("of a detached value itself is its own", () => {
    const frozen = detach(square(input("x", [])));
    expect(evaluate(gradients(square(frozen), [frozen]), { x: [3] })).toEqual([Float64Array.of(18)]);
  });

  it("gives zeros to the pieces of a split that are not read", () => {
    const x = input("x", [5]);
    const [, middle] = split(x, [1, 2, 2], 0);
    expect(evaluate(gradients(sum(square(middle)), [x]), { x: [1, 2, 3, 4, 5] })).toEqual([
      Float64Array.of(0, 4, 6, 0, 0),
    ]);
  });

  it("refuses a loss that is not a scalar", () => {
    const x = input("x", [2, 3]);
    expect(() => gradients(x, [x])).toThrow(ShapeError);
    expect(() => gradients(x, [x])).toThrow(/^gradients\(\[2, 3\]\): the loss must be a scalar/);
  });
});

describe("a path without derivative", () => {
  const source = { path: "/weights.safetensors", byteOffset: 0, byteLength: 8, dtype: "float16" } as const;

  it("is an error that names the op", () => {
    const x = input("x", [4]);
    const everyOther = slice(x, [0], [4], [2]);
    expect(() => gradients(sum(everyOther), [x])).toThrow("no derivative is defined for slice");
    const weight = parameter("w", [4], source);
    expect(() => gradients(sum(toFloat32(weight)), [weight])).toThrow("no derivative is defined for toFloat32");
    const [picture, kernel] = [input("picture", [1, 1, 3, 3]), input("kernel", [1, 1, 2, 2])];
    const [slope] = gradients(sum(square(conv2d(picture, kernel))), [picture]);
    expect(() => gradients(sum(slope), [kernel])).toThrow("no derivative is defined for conv2dInputGradient");
  });

  it("does not matter where no gradient has to pass", () => {
    const x = input("x", [4]);
    const loss = sum(mul(x, toFloat32(parameter("w", [4], source))));
    expect(evaluate(gradients(loss, [x]), { w: [1, 2, 3, 4] })).toEqual([Float64Array.of(1, 2, 3, 4)]);
    const table = input("table", [3, 2]);
    const ids = input("ids", [2], "int32");
    expect(() => gradients(sum(embedding(table, ids)), [table])).not.toThrow();
  });
});

describe("pruning", () => {
  const [rows, width] = [4, 8];
  const product = 2 * rows * width * width;
  const x = input("x", [rows, width]);
  const weights = Array.from({ length: 3 }, (_, i) => input(`w${i}`, [width, width]));
  const loss = sum(weights.reduce((h, weight) => linear(h, weight), x));

  it("computes no derivative that nobody asked for", () => {
    const flopsFor = (...wrt: Tensor[]) =>
      countFlops(Object.fromEntries([["loss", loss], ...gradients(loss, wrt).map((t, i) => [`d${i}`, t] as const)]));
    const [first, second, last] = weights;
    expect(countFlops({ loss })).toBe(3 * product);
    expect(flopsFor(last)).toBe((3 + 1) * product);
    expect(flopsFor(second)).toBe((3 + 2) * product);
    expect(flopsFor(first)).toBe((3 + 3) * product);
    expect(flopsFor(x)).toBe((3 + 3) * product);
    expect(flopsFor(first, last)).toBe((3 + 4) * product);
    expect(flopsFor(x, ...weights)).toBe((3 + 6) * product);
  });

  it("leaves out what the derivatives do not read", () => {
    const [, , last] = weights;
    const [dLast] = gradients(loss, [last]);
    // The cotangent of the sum, the two layers below, and one product; not the last layer itself.
    expect(opsOf(dLast).filter((op) => op === "linear" || op === "matmul")).toEqual(["linear", "linear", "matmul"]);
    expect(dump({ dLast })).not.toContain("w2");
  });
});

describe("a whole training step", () => {
  it("moves the loss as its gradient says", async () => {
    const [x, weight, bias, target] = [
      input("x", [5, 3]),
      input("weight", [2, 3]),
      input("bias", [2]),
      input("target", [5, 2]),
    ];
    const loss = div(sum(square(sub(tanh(linear(x, weight, bias)), target))), 10);
    const [dWeight, dBias] = gradients(loss, [weight, bias]);
    const feeds = {
      x: noise(15, 1),
      weight: noise(6, 2),
      bias: noise(2, 3),
      target: noise(10, 4),
    };
    const before = await compute({ loss, dWeight, dBias }, feeds);
    const stepped = {
      ...feeds,
      weight: feeds.weight.map((w, i) => w - 1e-2 * before.dWeight[i]),
      bias: feeds.bias.map((b, i) => b - 1e-2 * before.dBias[i]),
    };
    const after = await compute({ loss }, stepped);
    const slope = [...before.dWeight, ...before.dBias].reduce((total, g) => total + g * g, 0);
    expect(before.loss[0] - after.loss[0]).toBeCloseTo(1e-2 * slope, 3);
  });
});
