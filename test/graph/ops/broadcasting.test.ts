import fc from "fast-check";
import { sizeOf } from "../../../src/graph/index.ts";
import * as broadcasting from "../../../src/graph/ops/broadcasting.ts";
import { anywhere, broadcastableTo, describeOps, shapes, type OpCase } from "../support/op-cases.ts";
import { reductions } from "../support/reductions.ts";

/** Ways to write `size` elements as a shape, one extent perhaps left to be inferred. */
const shapesOfSize = (size: number): fc.Arbitrary<number[]> => {
  const divisors = Array.from({ length: size }, (_, i) => i + 1).filter((n) => size % n === 0);
  return fc.tuple(fc.constantFrom(...divisors), fc.constantFrom(...divisors), fc.boolean()).map(([a, b, infer]) => {
    const second = (size / a) % b === 0 ? b : 1;
    const full = [a, second, size / a / second];
    return infer ? full.map((n, axis) => (axis === a % 3 ? -1 : n)) : full;
  });
};

describeOps(broadcasting, {
  reshape: shapes(0, 4).chain((shape) =>
    shapesOfSize(sizeOf(shape)).map((target): OpCase => ({
      operands: [anywhere(shape)],
      apply: (x) => broadcasting.reshape(x, target),
    })),
  ),
  broadcastTo: shapes(0, 3).chain((full) =>
    broadcastableTo(full).map((shape): OpCase => ({
      operands: [anywhere(shape)],
      apply: (x) => broadcasting.broadcastTo(x, full),
    })),
  ),
  sum: reductions(broadcasting.sum),
  sumTo: shapes(0, 3).chain((full) =>
    broadcastableTo(full).map((shape): OpCase => ({
      operands: [anywhere(full)],
      apply: (x) => broadcasting.sumTo(x, shape),
    })),
  ),
});
