/**
 * @file The transformer on feature maps (diffusers: models/transformers/transformer_2d.py, `Transformer2DModel` with
 * continuous input).
 */
import { type Tensor, add, reshape, transpose } from "../../graph/index.ts";
import { type ModuleContext, groupNormLayer, linearLayer, observed, pointwiseConvLayer, scoped } from "../module.ts";
import { basicTransformerBlock } from "./attention.ts";

const groupNormEps = 1e-6;

export interface Transformer2DOptions {
  readonly heads: number;
  readonly layers: number;
  readonly groups: number;
  /**
   * SD 2.x and SDXL store proj_in and proj_out as linear layers, SD 1.x as 1x1 convolutions; on tokens both are the
   * same.
   */
  readonly useLinearProjection: boolean;
}

/**
 * @param x `[N, C, H, W]`
 * @param encoderHiddenStates `[N, S, crossAttentionDim]`
 * @returns `[N, C, H, W]`
 */
export function transformer2DModel(
  context: ModuleContext,
  x: Tensor,
  encoderHiddenStates: Tensor,
  { heads, layers, groups, useLinearProjection }: Transformer2DOptions,
): Tensor {
  const channels = x.shape[1];
  const project = useLinearProjection ? linearLayer : pointwiseConvLayer;
  let hidden = toTokens(groupNormLayer(context, "norm", x, groups, groupNormEps));
  hidden = project(context, "proj_in", hidden, channels);
  for (let layer = 0; layer < layers; layer++) {
    hidden = basicTransformerBlock(scoped(context, `transformer_blocks.${layer}`), hidden, encoderHiddenStates, heads);
  }
  hidden = project(context, "proj_out", hidden, channels);
  return observed(context, add(fromTokens(hidden, x), x));
}

/** `[N, C, H, W]` -> `[N, H*W, C]`. */
export function toTokens(x: Tensor): Tensor {
  const [batch, channels, height, width] = x.shape;
  return transpose(reshape(x, [batch, channels, height * width]), [0, 2, 1]);
}

/** `[N, H*W, C]` -> the `[N, C, H, W]` of `like`. */
export function fromTokens(tokens: Tensor, like: Tensor): Tensor {
  return reshape(transpose(tokens, [0, 2, 1]), like.shape);
}
