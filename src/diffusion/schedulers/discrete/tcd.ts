/**
 * @file TCD: strategic stochastic sampling of models distilled to follow trajectories (Zheng et al. 2024, algorithm 4).
 * Source: diffusers: schedulers/scheduling_tcd.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { DistilledScheduler } from "./distilled-scheduler.ts";
import { linearCombination } from "../elementwise.ts";
import { predictEpsilon, predictOriginalSample } from "../prediction.ts";
import { at, drawNoise, type NoiseSource, type SchedulerStep } from "../scheduler.ts";

const { fround } = Math;

/** The TCD sampler. */
export class TCDScheduler extends DistilledScheduler {
  readonly className = "TCDScheduler";
  readonly #eta: number;

  /**
   * @param eta Share of every step that is noise (γ in the paper), in [0, 1].
   * @throws KeepsakeError that names the option whose value is not supported.
   */
  constructor(config: SchedulerConfig, eta = 0) {
    super(config);
    this.#eta = eta;
  }

  override step(
    modelOutput: Float32Array,
    stepIndex: number,
    sample: Float32Array,
    noise?: NoiseSource,
  ): SchedulerStep {
    const timestep = at(this.timesteps, stepIndex);
    const nextTimestep = this.timesteps[stepIndex + 1];
    // The step goes down without noise to an earlier point than the next, in float32 as in diffusers, and back up with
    // it.
    const target = Math.floor(fround(fround(1 - this.#eta) * (nextTimestep ?? 0)));
    const targetAlphaCumprod = this.noiseSchedule.alphaCumprod(target);
    const prediction = this.prediction(modelOutput, sample, this.noiseSchedule.alphaCumprod(timestep));
    const predOriginalSample = predictOriginalSample(prediction);
    const down = linearCombination(
      [Math.sqrt(targetAlphaCumprod), predOriginalSample],
      [Math.sqrt(1 - targetAlphaCumprod), predictEpsilon(prediction)],
    );
    if (this.#eta === 0 || nextTimestep === undefined) return { prevSample: down, predOriginalSample };
    const kept = this.noiseSchedule.alphaCumprod(nextTimestep) / targetAlphaCumprod;
    const prevSample = linearCombination([Math.sqrt(kept), down], [Math.sqrt(1 - kept), drawNoise(noise)]);
    return { prevSample, predOriginalSample };
  }
}
