/**
 * @file The VAE of Stable Diffusion (diffusers: models/autoencoders/autoencoder_kl.py, and
 * `DiagonalGaussianDistribution` in models/autoencoders/vae.py; Kingma & Welling 2014).
 */
import { type Tensor, add, clip, exp, mul, split, square, sub, sum } from "../../graph/index.ts";
import type { AutoencoderKlConfig } from "../config/autoencoder-kl-config.ts";
import { type ModuleContext, conv2dLayer, scoped } from "../module.ts";
import { decoder, encoder } from "./vae.ts";

/**
 * The encoder's answer for an image: a Gaussian with diagonal covariance, in the VAE's own units (not yet times
 * `scalingFactor`).
 */
export interface DiagonalGaussian {
  /** `[N, latentChannels, h, w]` */
  readonly mean: Tensor;
  /** `[N, latentChannels, h, w]`, clamped to [-30, 20]. */
  readonly logvar: Tensor;
}

/** @param image `[N, inChannels, H, W]` in [-1, 1]; H and W are multiples of `vaeScaleFactor(config)`. */
export function encode(context: ModuleContext, config: AutoencoderKlConfig, image: Tensor): DiagonalGaussian {
  const channels = config.latentChannels;
  let moments = encoder(scoped(context, "encoder"), config, image);
  if (config.useQuantConv) moments = conv2dLayer(context, "quant_conv", moments, 2 * channels, 1);
  const [mean, logvar] = split(moments, [channels, channels], 1);
  return { mean, logvar: clip(logvar, -30, 20) };
}

/**
 * @param z `[N, latentChannels, h, w]`: latents divided by `scalingFactor`.
 * @returns `[N, outChannels, H, W]`, about [-1, 1] but not clamped.
 */
export function decode(context: ModuleContext, config: AutoencoderKlConfig, z: Tensor): Tensor {
  const hidden = config.usePostQuantConv ? conv2dLayer(context, "post_quant_conv", z, config.latentChannels, 1) : z;
  return decoder(scoped(context, "decoder"), config, hidden);
}

/** The reparametrised sample, mean + exp(logvar / 2) * noise. */
export function sampleLatents({ mean, logvar }: DiagonalGaussian, noise: Tensor): Tensor {
  return add(mean, mul(exp(mul(logvar, 0.5)), noise));
}

/** KL(posterior || standard normal), 0.5 * sum(mean^2 + exp(logvar) - 1 - logvar) over all but the batch: `[N]`. */
export function klFromStandardNormal({ mean, logvar }: DiagonalGaussian): Tensor {
  const terms = sub(sub(add(square(mean), exp(logvar)), 1), logvar);
  return mul(sum(terms, [1, 2, 3]), 0.5);
}
