/**
 * @file What the samplers share that work on samples x_0 + σ ε: Euler, Heun, KDPM2, LMS. Noise levels are interpolated
 * at the timesteps.
 */
import type { SchedulerConfig } from "../config.ts";
import { linearCombination, mixNoise } from "../elementwise.ts";
import { NoiseSchedule, type NoiseScheduleDefaults } from "../noise-schedule.ts";
import { predictOriginalSample } from "../prediction.ts";
import { at, type NoiseSource, type Scheduler, type SchedulerStep } from "../scheduler.ts";
import { spacedSigmas, type SigmaSpacing } from "../sigma-spacing.ts";
import { sigmasAt, signalAndNoise, timestepsOf, trainingSigmas } from "../sigmas.ts";
import { checkStepCount, readTimestepOptions, spacedTimesteps, type TimestepOptions } from "../timesteps.ts";

/** Where a run goes: fractional timesteps for the model, and their noise levels. */
export interface NoiseLevels {
  readonly timesteps: readonly number[];
  /** One for each timestep; Euler's log-linear interpolation has one more. */
  readonly sigmas: readonly number[];
}

/** A sampler whose model input is the sample divided by √(σ² + 1). */
export abstract class SigmaScheduler implements Scheduler {
  abstract readonly className: string;
  readonly noiseSchedule: NoiseSchedule;
  protected readonly trainingSigmas: Float32Array;
  /** The noise level after the last step. */
  protected readonly finalSigma: number = 0;
  readonly #timestepOptions: TimestepOptions;
  #timesteps: readonly number[] = [];
  #sigmas = new Float32Array();

  constructor(config: SchedulerConfig, defaults?: NoiseScheduleDefaults) {
    this.noiseSchedule = new NoiseSchedule(config, defaults);
    this.trainingSigmas = trainingSigmas(this.noiseSchedule);
    this.#timestepOptions = readTimestepOptions(config, this.noiseSchedule.numTrainTimesteps, "linspace");
  }

  get timesteps(): readonly number[] {
    return this.#timesteps;
  }

  get sigmas(): Float32Array {
    return this.#sigmas;
  }

  /** σ_max, or √(σ_max² + 1) with "leading" spacing, as in diffusers. */
  get initNoiseSigma(): number {
    const maxSigma = at(this.#sigmas, 0);
    return this.#timestepOptions.spacing === "leading" ? Math.sqrt(maxSigma ** 2 + 1) : maxSigma;
  }

  setTimesteps(numInferenceSteps: number): void {
    checkStepCount(numInferenceSteps, this.noiseSchedule.numTrainTimesteps);
    const timesteps = spacedTimesteps(this.#timestepOptions, numInferenceSteps, false);
    const levels = this.adjustLevels({ timesteps, sigmas: sigmasAt(timesteps, this.trainingSigmas) });
    this.#timesteps = levels.timesteps;
    this.#sigmas = Float32Array.from([...levels.sigmas, this.finalSigma]);
  }

  scaleModelInput(sample: Float32Array, stepIndex: number): Float32Array {
    const [signal] = signalAndNoise(at(this.#sigmas, stepIndex));
    return linearCombination([signal, sample]);
  }

  abstract step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array, noise?: NoiseSource): SchedulerStep;

  addNoise(original: Float32Array, noise: Float32Array, stepIndices: ArrayLike<number>): Float32Array {
    const coefficients = Array.from(stepIndices, (i) => [1, at(this.#sigmas, i)] as const);
    return mixNoise(original, noise, coefficients);
  }

  /** Lets a sampler space its noise levels in another way. */
  protected adjustLevels(levels: NoiseLevels): NoiseLevels {
    return levels;
  }

  /** Noise levels between the first and the last one of a run in another spacing, and their timesteps. */
  protected respaced({ sigmas, timesteps }: NoiseLevels, spacing: SigmaSpacing): NoiseLevels {
    const count = timesteps.length;
    const spaced = spacedSigmas(spacing, at(sigmas, sigmas.length - 1), at(sigmas, 0), count);
    return { timesteps: timestepsOf(spaced, this.trainingSigmas).map(Math.fround), sigmas: spaced };
  }

  /** The clean sample as predicted at this step. */
  protected predictOriginalSample(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): Float32Array {
    const [signal, noise] = signalAndNoise(at(this.#sigmas, stepIndex));
    const scaledSample = this.scaleModelInput(sample, stepIndex);
    const type = this.noiseSchedule.predictionType;
    return predictOriginalSample({ type, modelOutput, sample: scaledSample, signal, noise });
  }
}

/** Euler's step from noise level σ to σ' along dx/dσ = (x - x_0) / σ. */
export function eulerStep(
  sample: Float32Array,
  predOriginalSample: Float32Array,
  sigma: number,
  nextSigma: number,
): Float32Array {
  const ratio = nextSigma / sigma;
  return linearCombination([ratio, sample], [1 - ratio, predOriginalSample]);
}

/**
 * How an ancestral step from σ to σ' divides: the noise level to go down to without noise, and the deviation of the
 * fresh noise that leads back up to σ' (k-diffusion: get_ancestral_step).
 */
export function ancestralLevels(sigma: number, nextSigma: number): readonly [down: number, up: number] {
  const up = Math.sqrt((nextSigma ** 2 * (sigma ** 2 - nextSigma ** 2)) / sigma ** 2);
  return [Math.sqrt(nextSigma ** 2 - up ** 2), up];
}
