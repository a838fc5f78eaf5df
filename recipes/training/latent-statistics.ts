/**
 * @file Makes the latents of a VAE about standard normal, channel by channel, by changing its weights: the
 * normalisation is folded into the 1x1 convolutions around the latents, so that every loader of the diffusers layout
 * gets it right with a scaling factor of 1.
 */
import type { TensorToWrite } from "../../src/io/safetensors/safetensors.ts";
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
 * The same VAE with latents z' = (z - mean) / deviation: rows of `quant_conv` are divided by the deviation, its
 * log-variances lowered by twice its logarithm, and `post_quant_conv` undoes it.
 */
export function foldLatentStatistics(vae: NamedTensors, { mean, deviation }: LatentStatistics): NamedTensors {
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
  });
  changed("quant_conv.bias", (bias) => {
    for (let c = 0; c < channels; c++) {
      bias[c] = (bias[c] - mean[c]) / deviation[c];
      bias[channels + c] -= 2 * Math.log(deviation[c]);
    }
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
