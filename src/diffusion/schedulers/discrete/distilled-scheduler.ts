/**
 * @file What the samplers of distilled models share (LCM, TCD): they visit some of the timesteps that the model was
 * distilled on.
 */
import type { SchedulerConfig } from "../config.ts";
import { DiscreteScheduler } from "./discrete-scheduler.ts";
import { checkStepCount } from "../timesteps.ts";

/** A sampler of a few steps from a list of `original_inference_steps` timesteps. */
export abstract class DistilledScheduler extends DiscreteScheduler {
  /** How many timesteps the model was distilled on; the visited ones are among them. */
  readonly #originalInferenceSteps: number;

  constructor(config: SchedulerConfig) {
    super(config, { betaStart: 0.00085, betaEnd: 0.012, betaSchedule: "scaled_linear" });
    const { numTrainTimesteps } = this.noiseSchedule;
    this.#originalInferenceSteps = config.integer("original_inference_steps", 50, 1, numTrainTimesteps);
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
