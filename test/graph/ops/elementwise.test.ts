import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradients, input, sum, type Tensor, type TensorLike } from "../../../src/graph/index.ts";
import * as elementwise from "../../../src/graph/ops/elementwise.ts";
import {
  anywhere,
  broadcastPairs,
  describeOps,
  positive,
  shapes,
  type OpCase,
  type Operand,
} from "../support/op-cases.ts";
import { compute } from "../support/compute.ts";
import { evaluate } from "../support/reference.ts";

type Binary = (a: TensorLike, b: TensorLike) => Tensor;

/** Two tensors that broadcast, or a tensor and a number on either side. */
const binary = (op: Binary, second: (shape: readonly number[]) => Operand = anywhere): fc.Arbitrary<OpCase> => {
  const scalar = fc.constantFrom(0.5, 1.5, 3);
  return fc.oneof(
    { weight: 3, arbitrary: broadcastPairs(3).map(([a, b]) => ({ operands: [anywhere(a), second(b)], apply: op })) },
    {
      weight: 1,
      arbitrary: fc.tuple(shapes(0, 3), scalar).map(([shape, c]) => ({
        operands: [anywhere(shape)],
        apply: (x: Tensor) => op(x, c),
      })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(shapes(0, 3), scalar).map(([shape, c]) => ({
        operands: [second(shape)],
        apply: (x: Tensor) => op(c, x),
      })),
    },
  );
};

const unary = (op: (x: Tensor) => Tensor, values: (shape: readonly number[]) => Operand = anywhere) =>
  shapes(0, 3).map((shape): OpCase => ({ operands: [values(shape)], apply: op }));

/** Odd multiples of 1/16, so that no element is near a bound of `clip` that is a multiple of 1/8. */
const betweenEighths = (shape: readonly number[]): Operand => ({
  shape,
  draw: (random) => (2 * Math.floor(random() * 32) - 31) / 16,
});

describeOps(
  elementwise,
  {
    add: binary(elementwise.add),
    sub: binary(elementwise.sub),
    mul: binary(elementwise.mul),
    div: binary(elementwise.div, positive),
    neg: unary(elementwise.neg),
    exp: unary(elementwise.exp),
    log: unary(elementwise.log, positive),
    sqrt: unary(elementwise.sqrt, positive),
    square: unary(elementwise.square),
    erf: unary(elementwise.erf),
    tanh: unary(elementwise.tanh),
    sigmoid: unary(elementwise.sigmoid),
    silu: unary(elementwise.silu),
    gelu: unary(elementwise.gelu),
    quickGelu: unary(elementwise.quickGelu),
    clip: fc
      .tuple(shapes(0, 3), fc.integer({ min: -8, max: 0 }), fc.integer({ min: 1, max: 8 }))
      .map(([shape, low, high]): OpCase => ({
        operands: [betweenEighths(shape)],
        apply: (x) => elementwise.clip(x, low / 8, high / 8),
      })),
    meanSquaredError: shapes(0, 3).map((shape): OpCase => ({
      operands: [anywhere(shape), anywhere(shape)],
      apply: elementwise.meanSquaredError,
    })),
  },
  ["inRange"],
);

describe("activation functions", () => {
  const { erf, gelu, quickGelu, sigmoid, silu, tanh } = elementwise;

  it.each(Object.entries({ erf, gelu, quickGelu, sigmoid, silu, tanh }))("%s is right far from 0", async (_name, f) => {
    const far = Float32Array.of(-1000, -100, -20, -8, -5, -3, 0, 3, 5, 8, 20, 100, 1000);
    const x = input("x", [far.length]);
    const y = f(x);
    const [dx] = gradients(sum(y), [x]);
    const [exactY, exactDx] = evaluate([y, dx], { x: far });
    for (const lowering of ["cpu", "portable"] as const) {
      const computed = await compute({ y, dx }, { x: far }, { lowering });
      far.forEach((at, i) => {
        // ONNX Runtime's sigmoid is off by 1e-7 in its tails.
        const value = exactY[i];
        const slope = exactDx[i];
        expect(Math.abs(computed.y[i] - value), `at ${at}`).toBeLessThan(2e-6 * Math.max(1, Math.abs(value)));
        expect(Math.abs(computed.dx[i] - slope), `slope at ${at}`).toBeLessThan(1e-5);
      });
    }
  });
});

describe("clip", () => {
  it("passes the gradient at its bounds, as PyTorch does", async () => {
    const x = input("x", [5]);
    const y = elementwise.clip(x, -1, 2);
    const [dx] = gradients(sum(y), [x]);
    expect(await compute({ y, dx }, { x: Float32Array.of(-1.5, -1, 0, 2, 2.5) })).toEqual({
      y: Float32Array.of(-1, -1, 0, 2, 2),
      dx: Float32Array.of(0, 1, 1, 1, 0),
    });
  });
});
