/**
 * @file DDIM: deterministic (η = 0) to ancestral (η = 1) sampling (Song et al. 2021). Source: diffusers:
 * schedulers/scheduling_ddim.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { DiscreteScheduler, readClipRange } from "./discrete-scheduler.ts";
import { clamp, linearCombination } from "../elementwise.ts";
import { predictEpsilon, predictOriginalSample } from "../prediction.ts";
import { at, drawNoise, type NoiseSource, type SchedulerStep } from "../scheduler.ts";
import { checkStepCount, readTimestepOptions, spacedTimesteps, type TimestepOptions } from "../timesteps.ts";

/** The DDIM sampler. */
export class DDIMScheduler extends DiscreteScheduler {
  readonly className = "DDIMScheduler";
  readonly #timestepOptions: TimestepOptions;
  readonly #clipRange: number;
  /** ᾱ after the last step. */
  readonly #finalAlphaCumprod: number;
  readonly #eta: number;

  /**
   * @param eta Share of the ancestral noise, in [0, 1].
   * @throws KeepsakeError that names the option whose value is not supported.
   */
  constructor(config: SchedulerConfig, eta = 0) {
    super(config);
    this.#timestepOptions = readTimestepOptions(config, this.noiseSchedule.numTrainTimesteps, "leading");
    this.#clipRange = readClipRange(config, true);
    this.#finalAlphaCumprod = config.boolean("set_alpha_to_one", true) ? 1 : this.noiseSchedule.alphaCumprod(0);
    this.#eta = eta;
  }

  override step(
    modelOutput: Float32Array,
    stepIndex: number,
    sample: Float32Array,
    noise?: NoiseSource,
  ): SchedulerStep {
    const timestep = at(this.timesteps, stepIndex);
    const prevTimestep = timestep - Math.floor(this.noiseSchedule.numTrainTimesteps / this.timesteps.length);
    const alphaCumprod = this.noiseSchedule.alphaCumprod(timestep);
    const prevAlphaCumprod =
      prevTimestep >= 0 ? this.noiseSchedule.alphaCumprod(prevTimestep) : this.#finalAlphaCumprod;
    const prediction = this.prediction(modelOutput, sample, alphaCumprod);
    const predOriginalSample = clamp(predictOriginalSample(prediction), this.#clipRange);

    // Equations 12 and 16 of the paper; ε is the model's own even where x_0 was clipped, as in diffusers.
    const variance = ((1 - prevAlphaCumprod) / (1 - alphaCumprod)) * (1 - alphaCumprod / prevAlphaCumprod);
    const standardDeviation = this.#eta * Math.sqrt(variance);
    const direction = Math.sqrt(1 - prevAlphaCumprod - standardDeviation ** 2);
    const mean = linearCombination(
      [Math.sqrt(prevAlphaCumprod), predOriginalSample],
      [direction, predictEpsilon(prediction)],
    );
    if (this.#eta === 0) return { prevSample: mean, predOriginalSample };
    return { prevSample: linearCombination([1, mean], [standardDeviation, drawNoise(noise)]), predOriginalSample };
  }

  protected override chooseTimesteps(numInferenceSteps: number): number[] {
    checkStepCount(numInferenceSteps, this.noiseSchedule.numTrainTimesteps);
    return spacedTimesteps(this.#timestepOptions, numInferenceSteps, true);
  }
}
