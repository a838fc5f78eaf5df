/**
 * @file Time embeddings of the UNet (diffusers: models/embeddings.py, `get_timestep_embedding`, `TimestepEmbedding`).
 */
import { type Tensor, add, silu } from "../../graph/index.ts";
import { type ModuleContext, linearLayer, observed } from "../module.ts";

const { fround } = Math;

/** How a config lays out the sinusoids. */
export interface TimestepProjectionOptions {
  /** Cosines first, as every Stable Diffusion model has it. */
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
}

/**
 * Sinusoidal embedding of timesteps (Ho et al. 2020, after Vaswani et al. 2017): sin and cos of
 * `t * 10000^(-i / (channels/2 - freqShift))`. Computed here in float64 and fed to the model, because sines of large
 * arguments are unreliable on GPUs.
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

/**
 * The embedding of a guidance scale that LCM's UNet takes beside the timestep: sines, then cosines, of 1000 (scale - 1)
 * at falling frequencies (diffusers: pipelines/stable_diffusion/pipeline_stable_diffusion.py,
 * `get_guidance_scale_embedding`). Angles are rounded to float32 as there, since angles of thousands are off by more
 * than 1e-4 then, and models were trained with that.
 * @param channels at least 4
 * @returns `[channels]`
 */
export function guidanceScaleEmbedding(guidanceScale: number, channels: number): Float32Array {
  const half = Math.floor(channels / 2);
  const rate = fround(Math.log(10000) / (half - 1));
  const embedding = new Float32Array(channels);
  for (let i = 0; i < half; i++) {
    const frequency = fround(Math.exp(fround(i * -rate)));
    const angle = fround(fround(1000 * (guidanceScale - 1)) * frequency);
    embedding[i] = Math.sin(angle);
    embedding[half + i] = Math.cos(angle);
  }
  return embedding;
}

/**
 * Two linear layers with a SiLU between them: `[batch, in]` -> `[batch, width]`.
 * @param condition what is projected and added to the sinusoids before: LCM's embedding of the guidance scale.
 */
export function timestepEmbedding(
  context: ModuleContext,
  projection: Tensor,
  width: number,
  condition?: Tensor,
): Tensor {
  const [, channels] = projection.shape;
  const conditioned =
    condition === undefined
      ? projection
      : add(projection, linearLayer(context, "cond_proj", condition, channels, { bias: false }));
  const hidden = silu(linearLayer(context, "linear_1", conditioned, width));
  return observed(context, linearLayer(context, "linear_2", hidden, width));
}
