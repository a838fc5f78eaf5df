/** @file LCM: multistep sampling of latent consistency models (Luo et al. 2023, algorithm 3). Source: diffusers: schedulers/scheduling_lcm.py. */
import type { SchedulerConfig } from "./config.ts";
import { DiscreteScheduler, readClipRange } from "./discrete-scheduler.ts";
import { clamp, linearCombination } from "./elementwise.ts";
import { predictOriginalSample } from "./prediction.ts";
import { at, drawNoise, type NoiseSource, type SchedulerStep } from "./scheduler.ts";
import { checkStepCount } from "./timesteps.ts";

/** Standard deviation of the data that the boundary conditions assume. */
const SIGMA_DATA = 0.5;

/** The LCM sampler; its predOriginalSample is the value of the consistency function. */
export class LCMScheduler extends DiscreteScheduler {
  readonly className = "LCMScheduler";
  /** How many timesteps the model was distilled on; the visited ones are among them. */
  readonly #originalInferenceSteps: number;
  readonly #timestepScaling: number;
  readonly #clipRange: number;

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config, { betaStart: 0.00085, betaEnd: 0.012, betaSchedule: "scaled_linear" });
    this.#originalInferenceSteps = config.integer(
      "original_inference_steps",
      50,
      1,
      this.noiseSchedule.numTrainTimesteps,
    );
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

  protected override chooseTimesteps(numInferenceSteps: number): number[] {
    const originalSteps = this.#originalInferenceSteps;
    checkStepCount(numInferenceSteps, originalSteps);
    const stride = Math.floor(this.noiseSchedule.numTrainTimesteps / originalSteps);
    return Array.from({ length: numInferenceSteps }, (_, i) => {
      const skipped = Math.floor(i * (originalSteps / numInferenceSteps));
      return (originalSteps - skipped) * stride - 1;
    });
  }
}
