/**
 * @file KDPM2, k-diffusion's DPM-Solver-2: the slope half-way in log σ for the whole step (Lu et al. 2022, algorithm
 * 1). Source: diffusers: schedulers/scheduling_k_dpm_2_discrete.py.
 */
import { linearCombination } from "../elementwise.ts";
import { timestepsOf } from "../sigmas.ts";
import { roundHalfToEven } from "../timesteps.ts";
import type { NoiseLevels } from "./sigma-scheduler.ts";
import type { SigmaSpacing } from "../sigma-spacing.ts";
import { TwoCallScheduler, type TwoCalls } from "./two-call-scheduler.ts";

/** What KDPM2 has in common with and without noise. */
export abstract class MidpointScheduler extends TwoCallScheduler {
  /** Karras' timesteps are rounded, as in diffusers; those of the trial points are not. */
  protected override respaced(levels: NoiseLevels, spacing: SigmaSpacing): NoiseLevels {
    const { timesteps, sigmas } = super.respaced(levels, spacing);
    return { timesteps: spacing === "karras" ? timesteps.map(roundHalfToEven) : timesteps, sigmas };
  }

  protected override trialTimesteps(_steps: NoiseLevels, trials: readonly number[]): readonly number[] {
    return timestepsOf(trials, this.trainingSigmas).map(Math.fround);
  }

  /** From the start of the step to noise level `end`, along the slope at the trial point. */
  protected midpointStep({ start, sigma, trial, trialSigma, trialOriginal }: TwoCalls, end: number): Float32Array {
    const rate = (end - sigma) / trialSigma;
    return linearCombination([1, start], [rate, trial], [-rate, trialOriginal]);
  }
}

/** The KDPM2 sampler. */
export class KDPM2DiscreteScheduler extends MidpointScheduler {
  readonly className = "KDPM2DiscreteScheduler";

  protected override trialSigma(sigma: number, nextSigma: number): number {
    return Math.sqrt(sigma * nextSigma);
  }

  protected override secondStep(calls: TwoCalls): Float32Array {
    return this.midpointStep(calls, calls.nextSigma);
  }
}
