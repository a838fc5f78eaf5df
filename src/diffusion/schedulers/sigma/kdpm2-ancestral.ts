/**
 * @file Ancestral KDPM2: a step down to a lower σ than the next one, and fresh noise back up to it.
 * Source: diffusers: schedulers/scheduling_k_dpm_2_ancestral_discrete.py.
 */
import { linearCombination } from "../elementwise.ts";
import { MidpointScheduler } from "./kdpm2.ts";
import { drawNoise, type NoiseSource } from "../scheduler.ts";
import { ancestralLevels } from "./sigma-scheduler.ts";
import type { TwoCalls } from "./two-call-scheduler.ts";

/** The ancestral KDPM2 sampler. */
export class KDPM2AncestralDiscreteScheduler extends MidpointScheduler {
  readonly className = "KDPM2AncestralDiscreteScheduler";

  /** Half-way in log σ to the level that the step goes down to, which is the next one: that level is σ'² / σ. */
  protected override trialSigma(_sigma: number, nextSigma: number): number {
    return nextSigma;
  }

  protected override secondStep(calls: TwoCalls, noise: NoiseSource | undefined): Float32Array {
    const [down, up] = ancestralLevels(calls.sigma, calls.nextSigma);
    return linearCombination([1, this.midpointStep(calls, down)], [up, drawNoise(noise)]);
  }
}
