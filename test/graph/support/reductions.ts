/** @file Random cases of ops that reduce over axes. */
import fc from "fast-check";
import type { ReduceOptions, Tensor } from "../../../src/graph/index.ts";
import { anywhere, shapes, type OpCase } from "./op-cases.ts";

type Reduction = (x: Tensor, axes?: readonly number[], options?: ReduceOptions) => Tensor;

/** Over all axes, or over some of them counted from the front or from the back. */
export const reductions = (op: Reduction) =>
  shapes(0, 4).chain((shape): fc.Arbitrary<OpCase> => {
    const rank = shape.length;
    const axes = fc
      .tuple(fc.subarray([...shape.keys()]), fc.boolean())
      .map(([some, fromBack]) => (fromBack ? some.map((axis) => axis - rank) : some));
    return fc.tuple(fc.option(axes, { nil: undefined }), fc.boolean()).map(([chosen, keepDims]) => ({
      operands: [anywhere(shape)],
      apply: (x) => op(x, chosen, { keepDims }),
    }));
  });
