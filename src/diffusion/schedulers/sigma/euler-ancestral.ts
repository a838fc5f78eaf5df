/**
 * @file Ancestral Euler: an Euler step down to a lower σ than the next one, and fresh noise back up to it (k-diffusion:
 * sample_euler_ancestral). Source: diffusers: schedulers/scheduling_euler_ancestral_discrete.py.
 */
import { linearCombination } from "../elementwise.ts";
import { ancestralLevels, SigmaScheduler, eulerStep } from "./sigma-scheduler.ts";
import { at, drawNoise, type NoiseSource, type SchedulerStep } from "../scheduler.ts";

/** The ancestral Euler sampler. */
export class EulerAncestralDiscreteScheduler extends SigmaScheduler {
  readonly className = "EulerAncestralDiscreteScheduler";

  override step(
    modelOutput: Float32Array,
    stepIndex: number,
    sample: Float32Array,
    noise?: NoiseSource,
  ): SchedulerStep {
    const sigma = at(this.sigmas, stepIndex);
    const nextSigma = at(this.sigmas, stepIndex + 1);
    const predOriginalSample = this.predictOriginalSample(modelOutput, stepIndex, sample);
    const [sigmaDown, sigmaUp] = ancestralLevels(sigma, nextSigma);
    const down = eulerStep(sample, predOriginalSample, sigma, sigmaDown);
    if (sigmaUp === 0) return { prevSample: down, predOriginalSample };
    return { prevSample: linearCombination([1, down], [sigmaUp, drawNoise(noise)]), predOriginalSample };
  }
}
