/**
 * @file Sums and means over axes.
 */
import { normalizeAxis, sizeOf, type Shape } from "../shape.ts";
import { applyOne, type Tensor } from "../tensor.ts";
import { mul } from "./elementwise.ts";
import { broadcastTo, reshape } from "./movement.ts";

export interface ReduceOptions {
  /** Keep the reduced axes with extent 1. */
  readonly keepDims?: boolean;
}

/** Σ over `axes` (all of them by default). Derivative: dy, repeated along the summed axes. */
export function sum(x: Tensor, axes?: readonly number[], options: ReduceOptions = {}): Tensor {
  return reduce("sum", "ReduceSum", x, axes, options, () => 1);
}

/** Arithmetic mean over `axes` (all of them by default). Derivative: dy / n, repeated. */
export function mean(x: Tensor, axes?: readonly number[], options: ReduceOptions = {}): Tensor {
  return reduce("mean", "ReduceMean", x, axes, options, (count) => 1 / count);
}

function reduce(
  op: string,
  opType: string,
  x: Tensor,
  axes: readonly number[] | undefined,
  { keepDims = false }: ReduceOptions,
  weight: (count: number) => number,
): Tensor {
  const reduced = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => normalizeAxis(op, x.shape, axis));
  if (reduced.length === 0) return x;
  const kept: Shape = x.shape.map((extent, axis) => (reduced.includes(axis) ? 1 : extent));
  const shape = keepDims ? kept : x.shape.filter((_, axis) => !reduced.includes(axis));
  const scale = weight(sizeOf(x.shape) / sizeOf(kept));
  return applyOne(
    op,
    [x],
    { shape },
    {
      attributes: { axes: reduced, keepDims },
      lower: (onnx, [name = ""]) => {
        const attributes = { keepdims: keepDims ? 1 : 0 };
        // Reducing the innermost axes first leaves little for the strided rest: several times faster than all at once.
        const inner = innermost(reduced, x.shape.length);
        if (inner.length === 0 || inner.length === reduced.length) {
          return [onnx.node(opType, [name, onnx.ints(reduced)], attributes)];
        }
        const outer = reduced.filter((axis) => !inner.includes(axis));
        const partial = onnx.node(opType, [name, onnx.ints(inner)], attributes);
        return [onnx.node(opType, [partial, onnx.ints(outer)], attributes)];
      },
      vjp: ([dy]) => {
        if (dy === undefined) return [];
        const scaled = scale === 1 ? dy : mul(dy, scale);
        return [broadcastTo(reshape(scaled, kept), x.shape)];
      },
    },
  );
}

/** The reduced axes that end the shape without a gap. */
function innermost(reduced: readonly number[], rank: number): number[] {
  const inner: number[] = [];
  for (let axis = rank - 1; reduced.includes(axis); axis--) inner.push(axis);
  return inner;
}
