import fc from "fast-check";
import * as movement from "../../../src/graph/ops/movement.ts";
import { anywhere, describeOps, extent, shapes, type OpCase } from "../support/op-cases.ts";

/** An axis, counted from the front or from the back. */
const axisOf = (rank: number) => fc.integer({ min: -rank, max: rank - 1 });

const perAxis = (shape: readonly number[], amount: fc.Arbitrary<number>) =>
  fc.array(amount, { minLength: shape.length, maxLength: shape.length });

describeOps(movement, {
  transpose: shapes(0, 4).chain((shape) =>
    fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }).map((permutation): OpCase => ({
      operands: [anywhere(shape)],
      apply: (x) => movement.transpose(x, permutation),
    })),
  ),
  concat: fc.tuple(shapes(1, 3), fc.array(extent(1, 3), { minLength: 1, maxLength: 3 })).chain(([shape, extents]) =>
    axisOf(shape.length).map((axis): OpCase => {
      const at = (axis + shape.length) % shape.length;
      return {
        operands: extents.map((n) => anywhere(shape.map((m, i) => (i === at ? n : m)))),
        apply: (...xs) => movement.concat(xs, axis),
      };
    }),
  ),
  // A piece may be left unread: its cotangent is then missing.
  split: fc.tuple(shapes(1, 3), fc.array(extent(1, 3), { minLength: 1, maxLength: 3 })).chain(([shape, extents]) =>
    fc.tuple(axisOf(shape.length), extent(1, extents.length)).map(([axis, read]): OpCase => {
      const at = (axis + shape.length) % shape.length;
      const whole = extents.reduce((a, b) => a + b, 0);
      return {
        operands: [anywhere(shape.map((n, i) => (i === at ? whole : n)))],
        apply: (x) => movement.split(x, extents, axis).slice(0, read),
      };
    }),
  ),
  slice: shapes(0, 4).chain((shape) =>
    fc.tuple(perAxis(shape, fc.nat(2)), perAxis(shape, fc.nat(2))).map(([starts, rest]): OpCase => {
      const whole = shape.map((n, i) => n + (starts[i] ?? 0) + (rest[i] ?? 0));
      const ends = shape.map((n, i) => n + (starts[i] ?? 0));
      return { operands: [anywhere(whole)], apply: (x) => movement.slice(x, starts, ends) };
    }),
  ),
  pad: shapes(0, 4).chain((shape) =>
    fc.tuple(perAxis(shape, fc.nat(2)), perAxis(shape, fc.nat(2))).map(([before, after]): OpCase => ({
      operands: [anywhere(shape)],
      apply: (x) => movement.pad(x, before, after),
    })),
  ),
});
