import fc from "fast-check";
import type { Tensor, TensorLike } from "../../../src/graph/index.ts";
import * as elementwise from "../../../src/graph/ops/elementwise.ts";
import {
  anywhere,
  broadcastableTo,
  broadcastPairs,
  describeOps,
  positive,
  shapes,
  type OpCase,
  type Operand,
} from "../support/op-cases.ts";

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
    sumTo: shapes(0, 3).chain((full) =>
      broadcastableTo(full).map((shape): OpCase => ({
        operands: [anywhere(full)],
        apply: (x) => elementwise.sumTo(x, shape),
      })),
    ),
    meanSquaredError: shapes(0, 3).map((shape): OpCase => ({
      operands: [anywhere(shape), anywhere(shape)],
      apply: elementwise.meanSquaredError,
    })),
  },
  ["inRange"],
);
