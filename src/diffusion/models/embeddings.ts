/**
 * @file Time embeddings of the UNet (diffusers: models/embeddings.py, `get_timestep_embedding`, `TimestepEmbedding`).
 */
import { type Tensor, silu } from "../../graph/index.ts";
import { type ModuleContext, linearLayer, observed } from "../module.ts";

/** How a config lays out the sinusoids. */
export interface TimestepProjectionOptions {
  /** Cosines first, as every Stable Diffusion model has it. */
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
}

/**
 * Sinusoidal embedding of timesteps (Ho et al. 2020, after Vaswani et al. 2017): sin and cos of `t * 10000^(-i / (channels/2 - freqShift))`.
 * Computed here in float64 and fed to the model, because sines of large arguments are unreliable on GPUs.
 * @param timesteps one per batch item, in train-timestep units; may be fractional.
 * @returns `[timesteps.length, channels]`, row-major.
 */
export function timestepProjection(
  timesteps: readonly number[],
  channels: number,
  options: TimestepProjectionOptions,
): Float32Array {
  const half = Math.floor(channels / 2);
  // With an odd number of channels the last one stays zero.
  const projection = new Float32Array(timesteps.length * channels);
  for (const [row, timestep] of timesteps.entries()) {
    for (let i = 0; i < half; i++) {
      const angle = timestep * Math.exp((-Math.log(10000) * i) / (half - options.freqShift));
      const [first, second] = options.flipSinToCos
        ? [Math.cos(angle), Math.sin(angle)]
        : [Math.sin(angle), Math.cos(angle)];
      projection[row * channels + i] = first;
      projection[row * channels + half + i] = second;
    }
  }
  return projection;
}

/** Two linear layers with a SiLU between them: `[batch, in]` -> `[batch, width]`. */
export function timestepEmbedding(context: ModuleContext, projection: Tensor, width: number): Tensor {
  const hidden = silu(linearLayer(context, "linear_1", projection, width));
  return observed(context, linearLayer(context, "linear_2", hidden, width));
}
