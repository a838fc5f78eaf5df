/**
 * @file CLIP as a whole: both towers, their projections into one space, and the contrastive loss
 * (transformers: models/clip/modeling_clip.py, `CLIPModel`; Radford et al. 2021, figure 3).
 */
import {
  type Tensor,
  add,
  constant,
  div,
  exp,
  logSoftmax,
  matmul,
  mul,
  neg,
  sqrt,
  square,
  sum,
  transpose,
} from "../../graph/index.ts";
import type { ClipConfig } from "../config/clip-config.ts";
import { type ModuleContext, linearLayer } from "../module.ts";
import { type ClipTextInputs, clipTextModel, textProjection } from "./clip-text-model.ts";
import { clipVisionModel } from "./clip-vision-model.ts";

/**
 * Projected image features `[N, projectionDim]`, not normalised. `pixelValues` is
 * `[N, numChannels, imageSize, imageSize]`.
 */
export function clipImageFeatures(context: ModuleContext, config: ClipConfig, pixelValues: Tensor): Tensor {
  const { poolerOutput } = clipVisionModel(context, config.visionConfig, pixelValues);
  return linearLayer(context, "visual_projection", poolerOutput, config.projectionDim, { bias: false });
}

/**
 * Projected text features `[N, projectionDim]`, not normalised.
 * @param endOfTextRows int32 `[N]`, made by `endOfTextRows`.
 */
export function clipTextFeatures(
  context: ModuleContext,
  config: ClipConfig,
  inputs: ClipTextInputs,
  endOfTextRows: Tensor,
): Tensor {
  const { lastHiddenState } = clipTextModel(context, config.textConfig, inputs);
  return textProjection(context, config.projectionDim, lastHiddenState, endOfTextRows);
}

/** exp(logit_scale) times the cosine of every image with every text: `[images, texts]`. */
export function clipLogitsPerImage(context: ModuleContext, imageFeatures: Tensor, textFeatures: Tensor): Tensor {
  const cosines = matmul(normalize(imageFeatures), normalize(textFeatures), { transposeB: true });
  return mul(cosines, exp(context.parameter("logit_scale", [])));
}

/**
 * The mean of the cross-entropies of images against texts and of texts against images; image i belongs to text i. A
 * scalar.
 */
export function clipContrastiveLoss(logitsPerImage: Tensor): Tensor {
  const logitsPerText = transpose(logitsPerImage, [1, 0]);
  return mul(add(crossEntropyOfDiagonal(logitsPerImage), crossEntropyOfDiagonal(logitsPerText)), 0.5);
}

function crossEntropyOfDiagonal(logits: Tensor): Tensor {
  const count = logits.shape[0];
  const diagonal = Float32Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 1 : 0));
  return div(neg(sum(mul(logSoftmax(logits), constant(diagonal, [count, count])))), count);
}

/** Rows divided by their L2 norms. */
function normalize(features: Tensor): Tensor {
  return div(features, sqrt(sum(square(features), [1], { keepDims: true })));
}
