/**
 * @file What trainers offer beside the plain denoising loss, each off unless asked for: min-SNR weighting (Hang et al.
 * 2023), noise offset, masks that keep the background out of the loss, and the weights of prior preservation (Ruiz et
 * al. 2023). Source: diffusers: training_utils.py, examples/dreambooth; kohya-ss/sd-scripts:
 * library/custom_train_functions.py.
 */
import type { NoiseSchedule } from "../diffusion/schedulers/index.ts";
import { checkReal, REAL_LIMITS } from "../limits.ts";

/** How the loss of every photo of a run is changed. */
export interface LossOptions {
  /**
   * The largest signal-to-noise ratio that counts in full, 5 in the paper: less noisy steps count less. Default: all
   * count the same.
   */
  readonly minSnrGamma?: number;
  readonly noiseOffset?: NoiseOffset;
}

/** Noise that is the same over a whole channel, so that a model learns to be brighter or darker as a whole. */
export interface NoiseOffset {
  /** Its deviation beside that of the noise; 0.05 to 0.1 is usual. */
  readonly amount: number;
  /** How much is added to it for a latent channel whose mean is far from 0. Default 0. */
  readonly adaptiveScale?: number;
}

/** @throws KeepsakeError ("usage") for a number that is out of range */
export function checkLossOptions({ minSnrGamma, noiseOffset }: LossOptions): void {
  if (minSnrGamma !== undefined) checkReal("The gamma of min-SNR weighting", minSnrGamma, REAL_LIMITS.minSnrGamma);
  if (noiseOffset === undefined) return;
  checkReal("The noise offset", noiseOffset.amount, REAL_LIMITS.noiseOffset);
  checkReal("The adaptive scale of the noise offset", noiseOffset.adaptiveScale ?? 0, [-10, 10]);
}

/**
 * What the loss at a timestep is multiplied by, so that no prediction of the clean sample counts for more than `gamma`.
 *
 * @param gamma - above 0
 */
export function minSnrWeight(schedule: NoiseSchedule, timestep: number, gamma: number): number {
  const snr = schedule.snr(timestep);
  const capped = Math.min(snr, gamma);
  switch (schedule.predictionType) {
    case "epsilon":
      // Without any signal the weight is that of a little of it.
      return snr === 0 ? 1 : capped / snr;
    case "v_prediction":
      return capped / (snr + 1);
    case "sample":
      return capped;
  }
}

/**
 * The noise of one latent with an offset in each channel. It takes the place of the noise in the noisy latent and in
 * the target.
 *
 * @param noise - `[channels, height, width]`, standard normal
 * @param offsets - `[channels]`, standard normal
 * @param latent - `[channels, height, width]`
 */
export function withNoiseOffset(
  noise: Float32Array,
  offsets: Float32Array,
  latent: Float32Array,
  { amount, adaptiveScale = 0 }: NoiseOffset,
): Float32Array {
  const pixels = noise.length / offsets.length;
  const scaled = offsets.map((offset, channel) => {
    const own = latent.subarray(channel * pixels, (channel + 1) * pixels);
    const mean = own.reduce((sum, value) => sum + value, 0) / pixels;
    return offset * Math.max(0, amount + adaptiveScale * Math.abs(mean));
  });
  return noise.map((value, i) => value + scaled[Math.floor(i / pixels)]);
}

/**
 * A picture's mask at the size of its latent: the mean over the pixels of each latent.
 *
 * @param mask - `[height, width]` of the picture, from 0 to 1; 1 means that the loss counts here
 * @param width - of the picture, in pixels
 * @param scale - pixels of a side of each latent; divides both sides
 */
export function latentMask(mask: Float32Array, width: number, scale: number): Float32Array {
  const columns = width / scale;
  const result = new Float32Array(mask.length / scale ** 2);
  for (let y = 0, i = 0; i < mask.length; y++) {
    const row = Math.floor(y / scale) * columns;
    for (let x = 0; x < width; x++, i++) result[row + Math.floor(x / scale)] += mask[i];
  }
  return result.map((sum) => sum / scale ** 2);
}

/** How much of a masked photo's loss is left. */
export interface MaskOptions {
  /** What is masked out counts so much after all, from 0 to 1. Default 0. */
  readonly unmaskedWeight?: number;
  /**
   * Whether the loss is a mean over the mask rather than over the whole photo, where a small mask means a small loss.
   * Default false.
   */
  readonly perArea?: boolean;
}

/**
 * The mask for a `PredictionLoss`.
 *
 * @param mask - `[height, width]` of the latent, from 0 to 1
 */
export function lossMask(mask: Float32Array, { unmaskedWeight = 0, perArea = false }: MaskOptions = {}): Float32Array {
  const floored = mask.map((value) => Math.max(value, unmaskedWeight));
  const mean = floored.reduce((sum, value) => sum + value, 0) / floored.length;
  // A mask without any area has no mean over it, and nothing to learn from.
  return perArea && mean > 0 ? floored.map((value) => value / mean) : floored;
}

/**
 * The weights of a batch's errors with prior preservation: a mean over the photos, and another one over pictures of the
 * class.
 *
 * @param photos - how many items of the batch are photos; they come first
 * @param priors - how many are pictures of the class
 */
export function priorPreservationWeights(photos: number, priors: number, priorLossWeight: number): number[] {
  return [...new Array<number>(photos).fill(1 / photos), ...new Array<number>(priors).fill(priorLossWeight / priors)];
}
