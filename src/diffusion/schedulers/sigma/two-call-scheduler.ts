/**
 * @file What the samplers of second order share that call the model twice a step (Heun, KDPM2): an Euler step to a
 * trial point, and from the same sample again with what the model says there. The last step goes to σ = 0 in one call.
 */
import type { SchedulerConfig } from "../config.ts";
import type { NoiseScheduleDefaults } from "../noise-schedule.ts";
import { at, type NoiseSource, type SchedulerStep } from "../scheduler.ts";
import { eulerStep, SigmaScheduler, type NoiseLevels } from "./sigma-scheduler.ts";
import { readSigmaSpacing, type SigmaSpacing } from "../sigma-spacing.ts";
import { StepOrder } from "../step-order.ts";

const DEFAULTS: NoiseScheduleDefaults = { betaStart: 0.00085, betaEnd: 0.012, betaSchedule: "linear" };

/** A step from one noise level to another, as both its model calls saw it. */
export interface TwoCalls {
  /** The sample that the step starts from, at noise level `sigma`. */
  readonly start: Float32Array;
  readonly sigma: number;
  /** The clean sample as predicted there. */
  readonly startOriginal: Float32Array;
  /** The trial point, its noise level, and the clean sample as predicted there. */
  readonly trial: Float32Array;
  readonly trialSigma: number;
  readonly trialOriginal: Float32Array;
  readonly nextSigma: number;
}

/** A sampler whose n steps take 2 n - 1 model calls. */
export abstract class TwoCallScheduler extends SigmaScheduler {
  protected readonly spacing: SigmaSpacing | undefined;
  readonly #order = new StepOrder();
  #start: Float32Array = new Float32Array();
  #startOriginal: Float32Array = new Float32Array();

  constructor(config: SchedulerConfig) {
    super(config, DEFAULTS);
    this.spacing = readSigmaSpacing(config);
  }

  override step(
    modelOutput: Float32Array,
    stepIndex: number,
    sample: Float32Array,
    noise?: NoiseSource,
  ): SchedulerStep {
    const sigma = at(this.sigmas, stepIndex);
    const nextSigma = at(this.sigmas, stepIndex + 1);
    this.#order.advanceTo(stepIndex);
    const predOriginalSample = this.predictOriginalSample(modelOutput, stepIndex, sample);
    if (stepIndex % 2 === 0) {
      this.#start = sample;
      this.#startOriginal = predOriginalSample;
      return { prevSample: eulerStep(sample, predOriginalSample, sigma, nextSigma), predOriginalSample };
    }
    const calls: TwoCalls = {
      start: this.#start,
      sigma: at(this.sigmas, stepIndex - 1),
      startOriginal: this.#startOriginal,
      trial: sample,
      trialSigma: sigma,
      trialOriginal: predOriginalSample,
      nextSigma,
    };
    return { prevSample: this.secondStep(calls, noise), predOriginalSample };
  }

  protected override adjustLevels(levels: NoiseLevels): NoiseLevels {
    const steps = this.spacing === undefined ? levels : this.respaced(levels, this.spacing);
    const trials = steps.sigmas.slice(1).map((next, i) => this.trialSigma(at(steps.sigmas, i), next));
    const trialTimesteps = this.trialTimesteps(steps, trials);
    return {
      timesteps: steps.timesteps.flatMap((t, i) => (i === 0 ? [t] : [at(trialTimesteps, i - 1), t])),
      sigmas: steps.sigmas.flatMap((sigma, i) => (i === 0 ? [sigma] : [at(trials, i - 1), sigma])),
    };
  }

  /** The noise level of the trial point of a step from σ to σ'. */
  protected abstract trialSigma(sigma: number, nextSigma: number): number;

  /** The timesteps of the trial points. */
  protected abstract trialTimesteps(steps: NoiseLevels, trials: readonly number[]): readonly number[];

  /** The sample after the second call. */
  protected abstract secondStep(calls: TwoCalls, noise: NoiseSource | undefined): Float32Array;
}
