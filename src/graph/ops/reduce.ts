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
      lower: (onnx, [name = ""]) => [onnx.node(opType, [name, onnx.ints(reduced)], { keepdims: keepDims ? 1 : 0 })],
      vjp: ([dy]) => {
        if (dy === undefined) return [];
        const scaled = scale === 1 ? dy : mul(dy, scale);
        return [broadcastTo(reshape(scaled, kept), x.shape)];
      },
    },
  );
}
