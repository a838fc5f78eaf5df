/** @file What every scheduler (sampler) offers: the timesteps to visit, and one denoising step after another. */
import type { NoiseSchedule } from "./noise-schedule.ts";

/** The result of one denoising step. */
export interface SchedulerStep {
  /** The sample of the next step, the size of the input. */
  readonly prevSample: Float32Array;
  /** The clean sample as predicted at this step, where the sampler computes it; good for previews. */
  readonly predOriginalSample?: Float32Array;
}

/** Draws standard normal noise of the size of the sample. */
export type NoiseSource = () => Float32Array;

/**
 * A sampler. Call {@link setTimesteps}, start from standard normal noise times {@link initNoiseSigma}, and for every
 * entry of {@link timesteps} feed `model(scaleModelInput(x, i), timesteps[i])` to {@link step}. Samples are flat arrays
 * of any shape; nothing is modified in place. The multistep methods remember earlier outputs: steps go in order, and
 * step 0 begins anew.
 */
export interface Scheduler {
  /** The class name in diffusers. */
  readonly className: string;
  readonly noiseSchedule: NoiseSchedule;
  /**
   * What to give to the model at each step, from noisy to clean, in training timesteps; fractional for Euler. Empty
   * before setTimesteps.
   */
  readonly timesteps: readonly number[];
  /** The noise levels, `timesteps.length + 1` of them, of the samplers that are written in σ. */
  readonly sigmas?: Float32Array;
  /** Standard deviation of the first sample. */
  readonly initNoiseSigma: number;
  /**
   * Chooses the timesteps.
   * @throws KeepsakeError if it is not a whole number or more steps than this scheduler has timesteps for.
   */
  setTimesteps(numInferenceSteps: number): void;
  /** The model's input for the sample at this step. */
  scaleModelInput(sample: Float32Array, stepIndex: number): Float32Array;
  /**
   * One step towards the clean sample.
   * @param modelOutput What the model answered, after guidance.
   * @param stepIndex Index into {@link timesteps}.
   * @param sample The current sample (not scaled).
   * @param noise Called only if this step adds noise, once.
   * @throws Error if the step needs noise and `noise` is missing, or is out of order.
   */
  step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array, noise?: NoiseSource): SchedulerStep;
  /**
   * A clean sample as it would look at step `stepIndex` of the chosen timesteps (in the scale of this sampler), to
   * start from there.
   * @param stepIndices One for each batch item.
   */
  addNoise(original: Float32Array, noise: Float32Array, stepIndices: ArrayLike<number>): Float32Array;
}

/**
 * Entry `index` of a table of the schedule.
 * @throws RangeError if there is none: setTimesteps was not called, or the step does not exist.
 */
export function at(table: ArrayLike<number>, index: number): number {
  const value = table[index];
  if (value === undefined) throw new RangeError(`there is no step ${index}: ${table.length} were set`);
  return value;
}

/** Calls the noise source of a step that needs one. */
export function drawNoise(noise: NoiseSource | undefined): Float32Array {
  if (noise === undefined) throw new TypeError("this step adds noise: pass a noise source");
  return noise();
}
