/**
 * @file LCM: multistep sampling of latent consistency models (Luo et al. 2023, algorithm 3). Source: diffusers:
 * schedulers/scheduling_lcm.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { readClipRange } from "./discrete-scheduler.ts";
import { DistilledScheduler } from "./distilled-scheduler.ts";
import { clamp, linearCombination } from "../elementwise.ts";
import { predictOriginalSample } from "../prediction.ts";
import { at, drawNoise, type NoiseSource, type SchedulerStep } from "../scheduler.ts";

/** Standard deviation of the data that the boundary conditions assume. */
const SIGMA_DATA = 0.5;

/** The LCM sampler; its predOriginalSample is the value of the consistency function. */
export class LCMScheduler extends DistilledScheduler {
  readonly className = "LCMScheduler";
  readonly #timestepScaling: number;
  readonly #clipRange: number;

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config);
    this.#timestepScaling = config.number("timestep_scaling", 10, 0);
    this.#clipRange = readClipRange(config, false);
  }

  override step(
    modelOutput: Float32Array,
    stepIndex: number,
    sample: Float32Array,
    noise?: NoiseSource,
  ): SchedulerStep {
    const timestep = at(this.timesteps, stepIndex);
    const prediction = this.prediction(modelOutput, sample, this.noiseSchedule.alphaCumprod(timestep));
    const predicted = clamp(predictOriginalSample(prediction), this.#clipRange);
    // The consistency function: skip connections that make it the identity at timestep 0.
    const scaledTimestep = timestep * this.#timestepScaling;
    const norm = scaledTimestep ** 2 + SIGMA_DATA ** 2;
    const denoised = linearCombination([scaledTimestep / Math.sqrt(norm), predicted], [SIGMA_DATA ** 2 / norm, sample]);

    if (stepIndex + 1 === this.timesteps.length) return { prevSample: denoised, predOriginalSample: denoised };
    return { prevSample: this.addNoise(denoised, drawNoise(noise), [stepIndex + 1]), predOriginalSample: denoised };
  }
}
