/**
 * @file Heun's method in σ: the mean of the slopes at both ends of a step (Karras et al. 2022, algorithm 1).
 * Source: diffusers: schedulers/scheduling_heun_discrete.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { readClipRange } from "../discrete/discrete-scheduler.ts";
import { clamp, linearCombination } from "../elementwise.ts";
import type { NoiseLevels } from "./sigma-scheduler.ts";
import { TwoCallScheduler, type TwoCalls } from "./two-call-scheduler.ts";

/** The Heun sampler. */
export class HeunDiscreteScheduler extends TwoCallScheduler {
  readonly className = "HeunDiscreteScheduler";
  readonly #clipRange: number;

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config);
    this.#clipRange = readClipRange(config, false);
  }

  protected override predictOriginalSample(
    modelOutput: Float32Array,
    stepIndex: number,
    sample: Float32Array,
  ): Float32Array {
    return clamp(super.predictOriginalSample(modelOutput, stepIndex, sample), this.#clipRange);
  }

  protected override trialSigma(_sigma: number, nextSigma: number): number {
    return nextSigma;
  }

  protected override trialTimesteps({ timesteps }: NoiseLevels): readonly number[] {
    return timesteps.slice(1);
  }

  protected override secondStep(calls: TwoCalls): Float32Array {
    const { start, sigma, startOriginal, trial, trialSigma, trialOriginal, nextSigma } = calls;
    const half = (nextSigma - sigma) / 2;
    return linearCombination(
      [1 + half / sigma, start],
      [-half / sigma, startOriginal],
      [half / trialSigma, trial],
      [-half / trialSigma, trialOriginal],
    );
  }
}
