/** @file What kinds of adapters put into a graph, in the layout of the layer that they change: tokens or images. */
import { conv2d, linear, reshape, type Tensor } from "../graph/index.ts";
import type { AdaptedLayer } from "./adapter.ts";

/**
 * The low-rank path of a layer, `B f(A x)`, in the layer's own layout.
 *
 * @param a - `[rank, in]`
 * @param b - `[out, rank]`
 * @param between - what happens to the `rank` features: scales are cheapest where the tensor is narrowest
 */
export function lowRankPath(
  { kind, rank, inFeatures, outFeatures }: AdaptedLayer,
  x: Tensor,
  a: Tensor,
  b: Tensor,
  between: (hidden: Tensor) => Tensor,
): Tensor {
  if (!isImage(kind, x)) return linear(between(linear(x, a)), b);
  const hidden = between(conv2d(x, reshape(a, [rank, inFeatures, 1, 1])));
  return conv2d(hidden, reshape(b, [outFeatures, rank, 1, 1]));
}

/** A vector over a layer's features, shaped to be multiplied with tensors of the layout of `x`. */
export function overFeatures(kind: AdaptedLayer["kind"], x: Tensor, vector: Tensor): Tensor {
  return isImage(kind, x) ? reshape(vector, [...vector.shape, 1, 1]) : vector;
}

/** Token layouts have at most three axes; four axes at a 1x1 convolution are an image. */
function isImage(kind: AdaptedLayer["kind"], x: Tensor): boolean {
  return kind === "conv1x1" && x.shape.length === 4;
}
