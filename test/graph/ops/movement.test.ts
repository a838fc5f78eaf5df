import fc from "fast-check";
import * as movement from "../../../src/graph/ops/movement.ts";
import { sizeOf } from "../../../src/graph/index.ts";
import { anywhere, broadcastableTo, describeOps, extent, shapes, type OpCase } from "../support/op-cases.ts";

/** Ways to write `size` elements as a shape, one extent perhaps left to be inferred. */
const shapesOfSize = (size: number): fc.Arbitrary<number[]> => {
  const divisors = Array.from({ length: size }, (_, i) => i + 1).filter((n) => size % n === 0);
  return fc.tuple(fc.constantFrom(...divisors), fc.constantFrom(...divisors), fc.boolean()).map(([a, b, infer]) => {
    const second = (size / a) % b === 0 ? b : 1;
    const full = [a, second, size / a / second];
    return infer ? full.map((n, axis) => (axis === a % 3 ? -1 : n)) : full;
  });
};

/** An axis, counted from the front or from the back. */
const axisOf = (rank: number) => fc.integer({ min: -rank, max: rank - 1 });

const perAxis = (shape: readonly number[], amount: fc.Arbitrary<number>) =>
  fc.array(amount, { minLength: shape.length, maxLength: shape.length });

describeOps(movement, {
  reshape: shapes(0, 4).chain((shape) =>
    shapesOfSize(sizeOf(shape)).map((target): OpCase => ({
      operands: [anywhere(shape)],
      apply: (x) => movement.reshape(x, target),
    })),
  ),
  transpose: shapes(0, 4).chain((shape) =>
    fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }).map((permutation): OpCase => ({
      operands: [anywhere(shape)],
      apply: (x) => movement.transpose(x, permutation),
    })),
  ),
  broadcastTo: shapes(0, 3).chain((full) =>
    broadcastableTo(full).map((shape): OpCase => ({
      operands: [anywhere(shape)],
      apply: (x) => movement.broadcastTo(x, full),
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
