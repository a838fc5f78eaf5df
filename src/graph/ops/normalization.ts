/**
 * @file Layer and group normalisation.
 */
import { normalizeAxis, sameShape, ShapeError } from "../shape.ts";
import { apply, type Tensor } from "../tensor.ts";
import { add, mul, sub } from "./elementwise.ts";
import { reshape, sum } from "./broadcasting.ts";
import { mean } from "./reduce.ts";

/**
 * Layer normalisation over the last axis (Ba et al. 2016): y = x̂ · w + b with x̂ = (x - mean) / √(variance + eps).
 * Derivative, with g = dy · w: dx = (g - mean(g) - x̂ · mean(g · x̂)) / √(variance + eps); dw = Σ dy · x̂; db = Σ dy.
 * The forward pass keeps mean and 1/√(variance + eps) alone; x̂ is computed again.
 *
 * @param x - `[..., features]`
 * @param weight - `[features]`; omitted: 1
 * @param bias - `[features]`; omitted: 0
 */
export function layerNorm(x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined, eps: number): Tensor {
  const features = x.shape[normalizeAxis("layerNorm", x.shape, -1)];
  const affine = [weight, bias].filter((tensor) => tensor !== undefined);
  if (affine.some((tensor) => tensor.shape.length !== 1 || tensor.shape[0] !== features)) {
    throw new ShapeError("layerNorm", [x.shape, ...affine.map((tensor) => tensor.shape)], "features do not match");
  }
  if (bias !== undefined && weight === undefined) throw new ShapeError("layerNorm", [x.shape], "a bias needs a weight");
  const statistics = [...x.shape.slice(0, -1), 1];
  const leading = statistics.slice(0, -1).map((_, axis) => axis);
  const [y, average, inverse] = apply("layerNorm", [x, ...affine], [x, { shape: statistics }, { shape: statistics }], {
    attributes: { eps },
    // ONNX asks for a weight.
    constant: weight === undefined ? { key: `ones ${features}`, size: features } : undefined,
    lower: (onnx, [name, w = onnx.filled(1, [features]), ...b]) =>
      onnx.nodes("LayerNormalization", [name, w, ...b], 3, { axis: -1, epsilon: { float: eps } }),
    vjp: ([dy]) => {
      if (dy === undefined) return [];
      const normalized = mul(sub(x, average), inverse);
      const g = weight === undefined ? dy : mul(dy, weight);
      const alongX = mul(normalized, mean(mul(g, normalized), [-1], { keepDims: true }));
      const dx = mul(inverse, sub(sub(g, mean(g, [-1], { keepDims: true })), alongX));
      return [dx, sum(mul(dy, normalized), leading), sum(dy, leading)];
    },
  });
  return y;
}

/**
 * Group normalisation (Wu & He 2018): the channels are normalised in groups over all pixels, then scaled by channel.
 *
 * @param x - `[batch, channels, ...]`
 * @param weight - `[channels]`
 * @param bias - `[channels]`
 */
export function groupNorm(x: Tensor, groups: number, weight: Tensor, bias: Tensor, eps: number): Tensor {
  const [batch, channels, ...pixels] = x.shape;
  if (channels % groups !== 0 || ![weight, bias].every(({ shape }) => sameShape(shape, [channels]))) {
    throw new ShapeError("groupNorm", [x.shape, weight.shape, bias.shape], `${groups} groups do not fit the channels`);
  }
  const normalized = layerNorm(reshape(x, [batch * groups, -1]), undefined, undefined, eps);
  const perChannel = [channels, ...pixels.map(() => 1)];
  return add(mul(reshape(normalized, x.shape), reshape(weight, perChannel)), reshape(bias, perChannel));
}
