/**
 * @file What the samplers share that work on the variance-preserving sample √ᾱ x_0 + √(1 - ᾱ) ε at whole timesteps:
 * DDPM, DDIM, PNDM, LCM.
 */
import type { SchedulerConfig } from "../config.ts";
import { NoiseSchedule, type NoiseScheduleDefaults } from "../noise-schedule.ts";
import type { Prediction } from "../prediction.ts";
import { at, type NoiseSource, type Scheduler, type SchedulerStep } from "../scheduler.ts";

/** A sampler whose model input is the sample itself. */
export abstract class DiscreteScheduler implements Scheduler {
  abstract readonly className: string;
  readonly noiseSchedule: NoiseSchedule;
  readonly initNoiseSigma = 1;
  #timesteps: readonly number[] = [];

  constructor(config: SchedulerConfig, defaults?: NoiseScheduleDefaults) {
    this.noiseSchedule = new NoiseSchedule(config, defaults);
    config.requireOff("thresholding", false);
  }

  get timesteps(): readonly number[] {
    return this.#timesteps;
  }

  setTimesteps(numInferenceSteps: number): void {
    this.#timesteps = this.chooseTimesteps(numInferenceSteps);
  }

  scaleModelInput(sample: Float32Array): Float32Array {
    return sample;
  }

  abstract step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array, noise?: NoiseSource): SchedulerStep;

  addNoise(original: Float32Array, noise: Float32Array, stepIndices: ArrayLike<number>): Float32Array {
    const timesteps = Array.from(stepIndices, (i) => at(this.#timesteps, i));
    return this.noiseSchedule.addNoise(original, noise, timesteps);
  }

  /** The timesteps of a run, from noisy to clean. */
  protected abstract chooseTimesteps(numInferenceSteps: number): number[];

  /** The model's answer for a sample whose cumulative alpha is `alphaCumprod`. */
  protected prediction(modelOutput: Float32Array, sample: Float32Array, alphaCumprod: number): Prediction {
    const type = this.noiseSchedule.predictionType;
    return { type, modelOutput, sample, signal: Math.sqrt(alphaCumprod), noise: Math.sqrt(1 - alphaCumprod) };
  }
}

/** Reads `clip_sample` and `clip_sample_range`: the largest |x_0| to keep, Infinity if it is not clipped. */
export function readClipRange(config: SchedulerConfig, clipByDefault: boolean): number {
  return config.boolean("clip_sample", clipByDefault) ? config.number("clip_sample_range", 1, 0) : Infinity;
}
