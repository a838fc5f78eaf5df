/**
 * @file Encoder and decoder of the VAE (diffusers: models/autoencoders/vae.py; the blocks:
 * models/unets/unet_2d_blocks.py, `DownEncoderBlock2D`, `UpDecoderBlock2D`, `UNetMidBlock2D`).
 */
import { type Tensor, add, silu } from "../../graph/index.ts";
import type { AutoencoderKlConfig } from "../config/autoencoder-kl-config.ts";
import { type ModuleContext, conv2dLayer, groupNormLayer, observed, scoped } from "../module.ts";
import { attentionLayer } from "./attention.ts";
import { downsample2D, resnetBlock2D, spatialSize, upsample2D } from "./resnet.ts";
import { fromTokens, toTokens } from "./transformer-2d.ts";

const eps = 1e-6;

/**
 * Image `[N, inChannels, H, W]` -> `[N, 2 * latentChannels, H / 2^(levels-1), W / 2^(levels-1)]`: mean and log
 * variance, one after the other.
 */
export function encoder(context: ModuleContext, config: AutoencoderKlConfig, image: Tensor): Tensor {
  const { blockOutChannels, layersPerBlock, latentChannels } = config;
  const lastLevel = blockOutChannels.length - 1;
  let hidden = conv2dLayer(context, "conv_in", image, blockOutChannels[0], 3, { padding: 1 });
  for (const [level, outChannels] of blockOutChannels.entries()) {
    const block = scoped(context, `down_blocks.${level}`);
    hidden = resnets(block, config, hidden, outChannels, layersPerBlock);
    if (level < lastLevel) hidden = downsample2D(scoped(block, "downsamplers.0"), hidden, outChannels, 0);
    observed(block, hidden);
  }
  hidden = midBlock(scoped(context, "mid_block"), config, hidden);
  return normAndConvOut(context, config, hidden, 2 * latentChannels);
}

/** Latents `[N, latentChannels, H, W]` -> image `[N, outChannels, H * 2^(levels-1), W * 2^(levels-1)]`. */
export function decoder(context: ModuleContext, config: AutoencoderKlConfig, latents: Tensor): Tensor {
  const channels = config.blockOutChannels.toReversed();
  const lastLevel = channels.length - 1;
  let hidden = conv2dLayer(context, "conv_in", latents, channels[0], 3, { padding: 1 });
  hidden = midBlock(scoped(context, "mid_block"), config, hidden);
  for (const [level, outChannels] of channels.entries()) {
    const block = scoped(context, `up_blocks.${level}`);
    hidden = resnets(block, config, hidden, outChannels, config.layersPerBlock + 1);
    if (level < lastLevel) {
      const [height, width] = spatialSize(hidden);
      hidden = upsample2D(scoped(block, "upsamplers.0"), hidden, outChannels, [2 * height, 2 * width]);
    }
    observed(block, hidden);
  }
  return normAndConvOut(context, config, hidden, config.outChannels);
}

function resnets(
  context: ModuleContext,
  config: AutoencoderKlConfig,
  x: Tensor,
  outChannels: number,
  layers: number,
): Tensor {
  let hidden = x;
  for (let layer = 0; layer < layers; layer++) hidden = resnet(context, config, layer, hidden, outChannels);
  return hidden;
}

function resnet(
  context: ModuleContext,
  config: AutoencoderKlConfig,
  layer: number,
  x: Tensor,
  outChannels: number,
): Tensor {
  const options = { outChannels, groups: config.normNumGroups, eps };
  return resnetBlock2D(scoped(context, `resnets.${layer}`), x, undefined, options);
}

function midBlock(context: ModuleContext, config: AutoencoderKlConfig, x: Tensor): Tensor {
  const channels = x.shape[1];
  let hidden = resnet(context, config, 0, x, channels);
  if (config.midBlockAddAttention) hidden = selfAttention(scoped(context, "attentions.0"), config, hidden);
  return observed(context, resnet(context, config, 1, hidden, channels));
}

/** One head over all positions, with biases, after a group norm and added to its input. */
function selfAttention(context: ModuleContext, config: AutoencoderKlConfig, x: Tensor): Tensor {
  const tokens = toTokens(groupNormLayer(context, "group_norm", x, config.normNumGroups, eps));
  return add(fromTokens(attentionLayer(context, tokens, tokens, { heads: 1, qkvBias: true }), x), x);
}

function normAndConvOut(context: ModuleContext, config: AutoencoderKlConfig, x: Tensor, outChannels: number): Tensor {
  const hidden = silu(groupNormLayer(context, "conv_norm_out", x, config.normNumGroups, eps));
  return observed(context, conv2dLayer(context, "conv_out", hidden, outChannels, 3, { padding: 1 }));
}
