/**
 * @file Softmax and its logarithm over the last axis.
 */
import { normalizeAxis } from "../shape.ts";
import { applyOne, type Tensor } from "../tensor.ts";
import { exp, mul, sub } from "./elementwise.ts";
import { sum } from "./broadcasting.ts";

/** eˣ / Σ eˣ over the last axis. Derivative: y · (dy - Σ dy · y). */
export function softmax(x: Tensor): Tensor {
  normalizeAxis("softmax", x.shape, -1);
  const y: Tensor = applyOne(
    "softmax",
    [x],
    { shape: x.shape },
    {
      inPlace: true,
      lower: (onnx, [name]) => [onnx.node("Softmax", [name], { axis: -1 })],
      vjp: ([dy]) => [dy && mul(y, sub(dy, sum(mul(dy, y), [-1], { keepDims: true })))],
    },
  );
  return y;
}

/** x - log Σ eˣ over the last axis. Derivative: dy - e^y · Σ dy. */
export function logSoftmax(x: Tensor): Tensor {
  normalizeAxis("logSoftmax", x.shape, -1);
  const y: Tensor = applyOne(
    "logSoftmax",
    [x],
    { shape: x.shape },
    {
      inPlace: true,
      lower: (onnx, [name]) => [onnx.node("LogSoftmax", [name], { axis: -1 })],
      vjp: ([dy]) => [dy && sub(dy, mul(exp(y), sum(dy, [-1], { keepDims: true })))],
    },
  );
  return y;
}
