/**
 * @file Residual blocks and the changes of resolution between levels, shared by the UNet and the VAE
 * (diffusers: models/resnet.py, models/downsampling.py, models/upsampling.py).
 */
import { type Tensor, add, reshape, resizeNearest, silu } from "../../graph/index.ts";
import { type ModuleContext, conv2dLayer, groupNormLayer, linearLayer, observed } from "../module.ts";

export interface ResnetBlockOptions {
  readonly outChannels: number;
  readonly groups: number;
  readonly eps: number;
}

/**
 * ResnetBlock2D: norm, SiLU, 3x3 convolution, plus the projected time embedding, norm, SiLU, 3x3 convolution, plus the
 * input.
 * @param x `[N, C, H, W]`
 * @param timeEmbedding `[N, width]`; absent in the VAE.
 * @returns `[N, outChannels, H, W]`
 */
export function resnetBlock2D(
  context: ModuleContext,
  x: Tensor,
  timeEmbedding: Tensor | undefined,
  { outChannels, groups, eps }: ResnetBlockOptions,
): Tensor {
  let hidden = silu(groupNormLayer(context, "norm1", x, groups, eps));
  hidden = conv2dLayer(context, "conv1", hidden, outChannels, 3, { padding: 1 });
  if (timeEmbedding !== undefined) {
    const shift = linearLayer(context, "time_emb_proj", silu(timeEmbedding), outChannels);
    hidden = add(hidden, reshape(shift, [-1, outChannels, 1, 1]));
  }
  hidden = silu(groupNormLayer(context, "norm2", hidden, groups, eps));
  hidden = conv2dLayer(context, "conv2", hidden, outChannels, 3, { padding: 1 });
  const shortcut = x.shape[1] === outChannels ? x : conv2dLayer(context, "conv_shortcut", x, outChannels, 1);
  return observed(context, add(shortcut, hidden));
}

/**
 * Downsample2D: a 3x3 convolution with stride 2. With `padding` 0 (the VAE) one row and one column of zeros are added
 * at the bottom and on the right only.
 */
export function downsample2D(context: ModuleContext, x: Tensor, outChannels: number, padding: number): Tensor {
  const sides: number | [number, number, number, number] = padding === 0 ? [0, 0, 1, 1] : padding;
  return observed(context, conv2dLayer(context, "conv", x, outChannels, 3, { stride: 2, padding: sides }));
}

/** Upsample2D: nearest neighbour to `size` (height, width), then a 3x3 convolution. */
export function upsample2D(
  context: ModuleContext,
  x: Tensor,
  outChannels: number,
  size: readonly [number, number],
): Tensor {
  const enlarged = resizeNearest(x, [size[0], size[1]]);
  return observed(context, conv2dLayer(context, "conv", enlarged, outChannels, 3, { padding: 1 }));
}

/** Height and width of `[N, C, H, W]`. */
export function spatialSize(x: Tensor): readonly [number, number] {
  return [x.shape[2], x.shape[3]];
}
