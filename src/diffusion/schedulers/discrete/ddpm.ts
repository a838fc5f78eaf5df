/**
 * @file DDPM: ancestral sampling of the reverse process (Ho et al. 2020, algorithm 2). Source: diffusers:
 * schedulers/scheduling_ddpm.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { DiscreteScheduler, readClipRange } from "./discrete-scheduler.ts";
import { clamp, linearCombination } from "../elementwise.ts";
import { predictOriginalSample } from "../prediction.ts";
import { at, drawNoise, type NoiseSource, type SchedulerStep } from "../scheduler.ts";
import { checkStepCount, readTimestepOptions, spacedTimesteps, type TimestepOptions } from "../timesteps.ts";

/** The DDPM sampler, with variances β̃_t ("fixed_small") or β_t ("fixed_large"). */
export class DDPMScheduler extends DiscreteScheduler {
  readonly className = "DDPMScheduler";
  readonly #timestepOptions: TimestepOptions;
  readonly #varianceType: "fixed_small" | "fixed_large";
  readonly #clipRange: number;

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config);
    this.#timestepOptions = readTimestepOptions(config, this.noiseSchedule.numTrainTimesteps, "leading");
    // None is neither of diffusers' names, and leaves the variance as fixed_small does.
    this.#varianceType =
      config.sampling("variance_type", ["fixed_small", "fixed_large", null], "fixed_small") ?? "fixed_small";
    this.#clipRange = readClipRange(config, true);
  }

  override step(
    modelOutput: Float32Array,
    stepIndex: number,
    sample: Float32Array,
    noise?: NoiseSource,
  ): SchedulerStep {
    const timestep = at(this.timesteps, stepIndex);
    // The next entry of the list, as in diffusers 0.40; older versions subtract numTrainTimesteps // steps, the same
    // where that divides evenly.
    const prevTimestep = this.timesteps[stepIndex + 1];
    const alphaCumprod = this.noiseSchedule.alphaCumprod(timestep);
    const prevAlphaCumprod = prevTimestep === undefined ? 1 : this.noiseSchedule.alphaCumprod(prevTimestep);
    const alpha = alphaCumprod / prevAlphaCumprod;
    const beta = 1 - alpha;
    const predOriginalSample = clamp(
      predictOriginalSample(this.prediction(modelOutput, sample, alphaCumprod)),
      this.#clipRange,
    );

    // Mean of q(x_{t-1} | x_t, x_0), equation 7 of the paper.
    const originalWeight = (Math.sqrt(prevAlphaCumprod) * beta) / (1 - alphaCumprod);
    const sampleWeight = (Math.sqrt(alpha) * (1 - prevAlphaCumprod)) / (1 - alphaCumprod);
    const mean = linearCombination([originalWeight, predOriginalSample], [sampleWeight, sample]);
    if (timestep === 0) return { prevSample: mean, predOriginalSample };

    const smallVariance = Math.max(((1 - prevAlphaCumprod) / (1 - alphaCumprod)) * beta, 1e-20);
    const variance = this.#varianceType === "fixed_small" ? smallVariance : beta;
    return { prevSample: linearCombination([1, mean], [Math.sqrt(variance), drawNoise(noise)]), predOriginalSample };
  }

  protected override chooseTimesteps(numInferenceSteps: number): number[] {
    checkStepCount(numInferenceSteps, this.noiseSchedule.numTrainTimesteps);
    return spacedTimesteps(this.#timestepOptions, numInferenceSteps, true);
  }
}
