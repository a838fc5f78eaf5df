/**
 * @file The mean over axes.
 */
import { reductionOf, type ReduceOptions } from "../reduction.ts";
import { sizeOf } from "../shape.ts";
import { applyOne, type Tensor } from "../tensor.ts";
import { broadcastTo, reshape } from "./broadcasting.ts";
import { mul } from "./elementwise.ts";

/** Arithmetic mean over `axes` (all of them by default). Derivative: dy / n, repeated. */
export function mean(x: Tensor, axes?: readonly number[], options: ReduceOptions = {}): Tensor {
  const { axes: reduced, kept, shape, lower } = reductionOf("mean", "ReduceMean", x.shape, axes, options);
  if (reduced.length === 0) return x;
  const scale = 1 / (sizeOf(x.shape) / sizeOf(kept));
  return applyOne(
    "mean",
    [x],
    { shape },
    {
      attributes: { axes: reduced, keepDims: options.keepDims ?? false },
      lower: (onnx, [name]) => [lower(onnx, name)],
      vjp: ([dy]) => {
        if (dy === undefined) return [];
        const scaled = scale === 1 ? dy : mul(dy, scale);
        return [broadcastTo(reshape(scaled, kept), x.shape)];
      },
    },
  );
}
