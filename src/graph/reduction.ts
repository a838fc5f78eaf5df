/**
 * @file What sums and means over axes share: which axes, which shape is left, and how ONNX Runtime does it quickly.
 */
import type { OnnxBuilder } from "./onnx/builder.ts";
import { normalizeAxis, type Shape } from "./shape.ts";

export interface ReduceOptions {
  /** Keep the reduced axes with extent 1. */
  readonly keepDims?: boolean;
}

export interface Reduction {
  /** The reduced axes, counted from the front. */
  readonly axes: readonly number[];
  /** The shape with extent 1 along them. */
  readonly kept: Shape;
  /** The shape of the result. */
  readonly shape: Shape;
  readonly lower: (onnx: OnnxBuilder, x: string) => string;
}

/**
 * @param opType - of ONNX: ReduceSum or ReduceMean
 * @param axes - all of them by default
 * @throws ShapeError for an axis that is not there
 */
export function reductionOf(
  op: string,
  opType: string,
  shape: Shape,
  axes: readonly number[] | undefined,
  { keepDims = false }: ReduceOptions,
): Reduction {
  const reduced = (axes ?? shape.map((_, axis) => axis)).map((axis) => normalizeAxis(op, shape, axis));
  const kept = shape.map((extent, axis) => (reduced.includes(axis) ? 1 : extent));
  return {
    axes: reduced,
    kept,
    shape: keepDims ? kept : shape.filter((_, axis) => !reduced.includes(axis)),
    lower: (onnx, x) => {
      const attributes = { keepdims: keepDims ? 1 : 0 };
      // Reducing the innermost axes first leaves little for the strided rest: several times faster than all at once.
      const inner = innermost(reduced, shape.length);
      if (inner.length === 0 || inner.length === reduced.length) {
        return onnx.node(opType, [x, onnx.ints(reduced)], attributes);
      }
      const outer = reduced.filter((axis) => !inner.includes(axis));
      return onnx.node(opType, [onnx.node(opType, [x, onnx.ints(inner)], attributes), onnx.ints(outer)], attributes);
    },
  };
}

/** The reduced axes that end the shape without a gap. */
function innermost(reduced: readonly number[], rank: number): number[] {
  const inner: number[] = [];
  for (let axis = rank - 1; reduced.includes(axis); axis--) inner.push(axis);
  return inner;
}
