/**
 * @file Gives each channel of a VAE's latents a mean of 0 and a deviation of at most 1, by changing its weights: the
 * normalisation is folded into the 1x1 convolutions around the latents, so that every loader of the diffusers layout
 * gets it right with a scaling factor of 1.
 */
import type { TensorToWrite } from "../../src/io/safetensors/safetensors.ts";
import { RandomStream } from "../../src/random/random.ts";
import { LATENT_CHANNELS, LATENT_SIZE } from "../model/architecture.ts";
import type { NamedTensors } from "./export.ts";

/** Mean and deviation of each latent channel. */
export interface LatentStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** @param latents - `[count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]` */
export function latentStatistics(latents: Float32Array): LatentStatistics {
  const area = LATENT_SIZE * LATENT_SIZE;
  const channels = Array.from({ length: LATENT_CHANNELS }, (_, channel) => {
    const values = latents.filter((_, i) => Math.floor(i / area) % LATENT_CHANNELS === channel);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    return { mean, deviation: Math.sqrt(variance) };
  });
  return { mean: channels.map(({ mean }) => mean), deviation: channels.map(({ deviation }) => deviation) };
}

/**
 * Channels whose noise is as strong as what they say, or stronger: the decoder has learned to do without them.
 *
 * @param mean - of posteriors, `[count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]`
 * @param logvar - the same
 */
export function unusedChannels({ mean, logvar }: Readonly<Record<"mean" | "logvar", Float32Array>>): number[] {
  const said = latentStatistics(mean).deviation;
  const noise = latentStatistics(logvar.map(Math.exp)).mean;
  return noise.flatMap((variance, channel) => (variance >= said[channel] ** 2 ? [channel] : []));
}

/** The noise by which the worth of channels is measured, in deviations of the channel. */
const NUDGE = 0.3;

/**
 * What each channel is worth in pixels: how far the decoded pictures move, as the root of the mean square, for each
 * deviation by which a channel is off, independently at every position.
 *
 * @param decoded - pixels of latents
 * @param latents - `[count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]`
 */
export async function worthOfChannels(
  decoded: (latents: Float32Array) => Promise<Float32Array>,
  latents: Float32Array,
  { deviation }: LatentStatistics,
): Promise<number[]> {
  const area = LATENT_SIZE * LATENT_SIZE;
  const noise = new RandomStream(1, "worth of channels").normal(latents.length);
  const original = await decoded(latents);
  const worth: number[] = [];
  for (let channel = 0; channel < LATENT_CHANNELS; channel++) {
    const nudged = latents.map((value, i) => {
      const isOfChannel = Math.floor(i / area) % LATENT_CHANNELS === channel;
      return isOfChannel ? value + NUDGE * deviation[channel] * noise[i] : value;
    });
    const pixels = await decoded(nudged);
    const squares = pixels.reduce((sum, x, i) => sum + (x - original[i]) ** 2, 0);
    worth.push(Math.sqrt(squares / pixels.length) / NUDGE);
  }
  return worth;
}

/** Of a channel that is worth nothing. */
const LEAST_DEVIATION = 0.1;

/**
 * The deviation that each channel is to have: 1 for the one that is worth most, less for the others, as the square root
 * of their worth. A diffusion model settles what is strong first, and its loss counts what is strong: fine detail,
 * which little foretells, should be neither.
 */
export function deviationsByWorth(worth: readonly number[]): number[] {
  const most = Math.max(...worth);
  return worth.map((each) => Math.max(LEAST_DEVIATION, Math.sqrt(each / most)));
}

/** exp(-10 / 2): less than a hundredth of a normalised latent's deviation. */
const NARROW_LOGVAR = -10;

/**
 * The same VAE with latents z' = (z - mean) / deviation: rows of `quant_conv` are divided by the deviation, its
 * log-variances lowered by twice its logarithm, and `post_quant_conv` undoes it.
 *
 * @param unused - channels whose posteriors are made narrow. The UNet is trained on their means; with their noise, many
 *   times stronger once normalised, a photo would be nothing that it has seen
 */
export function foldLatentStatistics(
  vae: NamedTensors,
  { mean, deviation }: LatentStatistics,
  unused: readonly number[] = [],
): NamedTensors {
  const channels = mean.length;
  const folded = new Map(vae);
  const changed = (name: string, change: (values: Float32Array) => void) => {
    const tensor = folded.get(name);
    if (!(tensor?.data instanceof Float32Array)) throw new Error(`the VAE has no ${name}`);
    const data = tensor.data.slice();
    change(data);
    folded.set(name, { ...tensor, data } satisfies TensorToWrite);
  };
  changed("quant_conv.weight", (weight) => {
    const inputs = weight.length / (2 * channels);
    for (let i = 0; i < channels * inputs; i++) weight[i] /= deviation[Math.floor(i / inputs)];
    for (const c of unused) weight.fill(0, (channels + c) * inputs, (channels + c + 1) * inputs);
  });
  changed("quant_conv.bias", (bias) => {
    for (let c = 0; c < channels; c++) {
      bias[c] = (bias[c] - mean[c]) / deviation[c];
      bias[channels + c] -= 2 * Math.log(deviation[c]);
    }
    for (const c of unused) bias[channels + c] = NARROW_LOGVAR;
  });
  const original = folded.get("post_quant_conv.weight")?.data;
  changed("post_quant_conv.bias", (bias) => {
    for (let i = 0; i < channels * channels; i++) {
      bias[Math.floor(i / channels)] += Number(original?.[i]) * mean[i % channels];
    }
  });
  changed("post_quant_conv.weight", (weight) => {
    for (let i = 0; i < channels * channels; i++) weight[i] *= deviation[i % channels];
  });
  return folded;
}
