/**
 * @file Elementwise arithmetic with NumPy broadcasting, and the activation functions.
 */
import { broadcastShapes, sizeOf } from "../shape.ts";
import { applyOne, type OpRules, type Tensor } from "../tensor.ts";
import type { OnnxBuilder } from "../onnx/builder.ts";
import { sum, sumTo } from "./broadcasting.ts";
import { constant } from "./leaves.ts";

export type TensorLike = Tensor | number;

const asTensor = (x: TensorLike): Tensor => (typeof x === "number" ? constant(x) : x);

function binary(
  op: string,
  opType: string,
  a: Tensor,
  b: Tensor,
  derivative: (dy: Tensor) => [Tensor, Tensor],
): Tensor {
  return applyOne(
    op,
    [a, b],
    { shape: broadcastShapes(op, a.shape, b.shape) },
    {
      inPlace: true,
      lower: (onnx, inputs) => [onnx.node(opType, inputs)],
      vjp: ([dy]) => {
        if (dy === undefined) return [];
        const [da, db] = derivative(dy);
        return [sumTo(da, a.shape), sumTo(db, b.shape)];
      },
    },
  );
}

/** a + b. Derivative: (dy, dy), summed over broadcast axes. */
export function add(a: TensorLike, b: TensorLike): Tensor {
  return binary("add", "Add", asTensor(a), asTensor(b), (dy) => [dy, dy]);
}

/** a - b. Derivative: (dy, -dy). */
export function sub(a: TensorLike, b: TensorLike): Tensor {
  return binary("sub", "Sub", asTensor(a), asTensor(b), (dy) => [dy, neg(dy)]);
}

/** a · b. Derivative: (dy · b, dy · a). */
export function mul(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [asTensor(a), asTensor(b)];
  return binary("mul", "Mul", x, y, (dy) => [mul(dy, y), mul(dy, x)]);
}

/** a / b. Derivative: (dy / b, -dy · a / b²). */
export function div(a: TensorLike, b: TensorLike): Tensor {
  const [x, y] = [asTensor(a), asTensor(b)];
  return binary("div", "Div", x, y, (dy) => [div(dy, y), neg(div(mul(dy, x), square(y)))]);
}

function unary(
  op: string,
  x: Tensor,
  lower: string | ((onnx: OnnxBuilder, x: string) => string),
  derivative: (dy: Tensor, y: Tensor) => Tensor,
  attributes: OpRules["attributes"] = {},
): Tensor {
  const y: Tensor = applyOne(
    op,
    [x],
    { shape: x.shape },
    {
      attributes,
      inPlace: true,
      lower: (onnx, [name]) => [typeof lower === "string" ? onnx.node(lower, [name]) : lower(onnx, name)],
      vjp: ([dy]) => (dy === undefined ? [] : [derivative(dy, y)]),
    },
  );
  return y;
}

/** -x */
export const neg = (x: Tensor): Tensor => unary("neg", x, "Neg", (dy) => neg(dy));

/** eˣ. Derivative: dy · y. */
export const exp = (x: Tensor): Tensor => unary("exp", x, "Exp", (dy, y) => mul(dy, y));

/** Natural logarithm. Derivative: dy / x. */
export const log = (x: Tensor): Tensor => unary("log", x, "Log", (dy) => div(dy, x));

/** √x. Derivative: dy / (2y). */
export const sqrt = (x: Tensor): Tensor => unary("sqrt", x, "Sqrt", (dy, y) => div(dy, mul(y, 2)));

/** x². Derivative: 2 · dy · x. */
export const square = (x: Tensor): Tensor =>
  unary(
    "square",
    x,
    (onnx, name) => onnx.node("Mul", [name, name]),
    (dy) => mul(mul(dy, x), 2),
  );

/** The error function 2/√π ∫₀ˣ e^(-t²) dt. Derivative: dy · 2/√π · e^(-x²). */
export const erf = (x: Tensor): Tensor =>
  unary("erf", x, "Erf", (dy) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))));

/** Hyperbolic tangent. Derivative: dy · (1 - y²). */
export const tanh = (x: Tensor): Tensor => unary("tanh", x, "Tanh", (dy, y) => mul(dy, sub(1, square(y))));

/** 1 / (1 + e^(-x)). Derivative: dy · y · (1 - y). */
export const sigmoid = (x: Tensor): Tensor => unary("sigmoid", x, "Sigmoid", (dy, y) => mul(dy, mul(y, sub(1, y))));

/** x · σ(x) (Ramachandran et al. 2017). Derivative: dy · s · (1 + x · (1 - s)) with s = σ(x), computed again. */
export const silu = (x: Tensor): Tensor => swish("silu", x, 1);

/** x · σ(1.702 x), CLIP's approximation of GELU (openai/CLIP: clip/model.py). */
export const quickGelu = (x: Tensor): Tensor => swish("quickGelu", x, 1.702);

/** x · σ(αx). The derivative recomputes σ: keeping it would cost as much memory as the activation. */
function swish(op: string, x: Tensor, alpha: number): Tensor {
  const scaled = (t: Tensor) => (alpha === 1 ? t : mul(t, alpha));
  return unary(
    op,
    x,
    (onnx, name) => {
      if (onnx.target === "cpu") return onnx.fused("QuickGelu", [name], { alpha: { float: alpha } });
      const argument = alpha === 1 ? name : onnx.node("Mul", [name, onnx.floats([alpha])]);
      return onnx.node("Mul", [name, onnx.node("Sigmoid", [argument])]);
    },
    (dy) => {
      const s = sigmoid(scaled(x));
      return mul(dy, mul(s, add(1, mul(scaled(x), sub(1, s)))));
    },
    { alpha },
  );
}

/**
 * x · Φ(x), the exact GELU (Hendrycks & Gimpel 2016). Derivative: dy · (Φ(x) + x · φ(x)) with the normal distribution's
 * Φ(x) = (1 + erf(x/√2)) / 2 and density φ(x) = e^(-x²/2) / √(2π).
 */
export const gelu = (x: Tensor): Tensor =>
  unary("gelu", x, "Gelu", (dy) => {
    const cdf = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
    const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return mul(dy, add(cdf, mul(x, density)));
  });

/** min(max(x, low), high). Derivative: dy where low ≤ x ≤ high, else 0 (PyTorch's convention at the bounds). */
export function clip(x: Tensor, low: number, high: number): Tensor {
  return unary(
    "clip",
    x,
    (onnx, name) => onnx.node("Clip", [name, onnx.floats([low]), onnx.floats([high])]),
    (dy) => mul(dy, inRange(x, low, high)),
    { low, high },
  );
}

/** 1 where low ≤ x ≤ high, else 0. */
function inRange(x: Tensor, low: number, high: number): Tensor {
  return applyOne(
    "inRange",
    [x],
    { shape: x.shape },
    {
      attributes: { low, high },
      lower: (onnx, [name]) => {
        const above = onnx.node("GreaterOrEqual", [name, onnx.floats([low])]);
        const below = onnx.node("LessOrEqual", [name, onnx.floats([high])]);
        return [onnx.node("Cast", [onnx.node("And", [above, below])], { to: 1 })];
      },
    },
  );
}

/** mean((a - b)²) over all elements, a scalar. */
export function meanSquaredError(a: Tensor, b: Tensor): Tensor {
  const squared = square(sub(a, b));
  return mul(sum(squared), 1 / sizeOf(squared.shape));
}
