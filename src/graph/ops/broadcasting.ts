/**
 * @file Reshaping, repeating and summing: the ops that are each other's derivatives, and that all arithmetic with NumPy
 * broadcasting rests on.
 */
import { reductionOf, type ReduceOptions } from "../reduction.ts";
import { broadcastShapes, sameShape, ShapeError, sizeOf, type Shape } from "../shape.ts";
import { applyOne, type Tensor } from "../tensor.ts";

/** The same elements in the same order under another shape; one extent may be -1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.filter((extent) => extent !== -1);
  const rest = sizeOf(x.shape) / sizeOf(known);
  const full = shape.map((extent) => (extent === -1 ? rest : extent));
  if (shape.length - known.length > 1 || !Number.isInteger(rest) || sizeOf(full) !== sizeOf(x.shape)) {
    throw new ShapeError("reshape", [x.shape], `the elements do not fit [${shape.join(", ")}]`);
  }
  if (sameShape(x.shape, full)) return x;
  return applyOne(
    "reshape",
    [x],
    { shape: full, dtype: x.dtype },
    {
      attributes: { shape: full },
      isView: true,
      seeWeight: (weight) => ({ ...weight, shape: full }),
      lower: (onnx, [name]) => [onnx.reshape(name, full)],
      vjp: ([dy]) => [dy && reshape(dy, x.shape)],
    },
  );
}

/** Repeats along axes of extent 1 (NumPy broadcasting to `shape`). Derivative: the sum over the repeated axes. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (!sameShape(broadcastShapes("broadcastTo", x.shape, shape), shape)) {
    throw new ShapeError("broadcastTo", [x.shape, shape], "the second shape is smaller");
  }
  if (sameShape(x.shape, shape)) return x;
  return applyOne(
    "broadcastTo",
    [x],
    { shape, dtype: x.dtype },
    {
      attributes: { shape },
      lower: (onnx, [name]) => [onnx.node("Expand", [name, onnx.ints(shape)])],
      vjp: ([dy]) => [dy && sumTo(dy, x.shape)],
    },
  );
}

/** Σ over `axes` (all of them by default). Derivative: dy, repeated along the summed axes. */
export function sum(x: Tensor, axes?: readonly number[], options: ReduceOptions = {}): Tensor {
  const { axes: reduced, kept, shape, lower } = reductionOf("sum", "ReduceSum", x.shape, axes, options);
  if (reduced.length === 0) return x;
  return applyOne(
    "sum",
    [x],
    { shape },
    {
      attributes: { axes: reduced, keepDims: options.keepDims ?? false },
      lower: (onnx, [name]) => [lower(onnx, name)],
      vjp: ([dy]) => [dy && broadcastTo(reshape(dy, kept), x.shape)],
    },
  );
}

/** The adjoint of broadcasting: sums over the axes that were stretched. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const added = x.shape.length - shape.length;
  const axes = x.shape.flatMap((extent, axis) =>
    axis < added || (shape[axis - added] === 1 && extent !== 1) ? [axis] : [],
  );
  return reshape(sum(x, axes), shape);
}
