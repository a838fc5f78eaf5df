/**
 * @file Euler's method on the probability-flow ODE in σ (Karras et al. 2022, algorithm 1 without the correction).
 * Source: diffusers: schedulers/scheduling_euler_discrete.py.
 */
import type { SchedulerConfig } from "./config.ts";
import { EulerScheduler, eulerStep, type NoiseLevels } from "./euler-scheduler.ts";
import { at, type SchedulerStep } from "./scheduler.ts";
import { FINAL_SIGMAS, karrasSigmas, requireSupportedSigmas, timestepsOf } from "./sigmas.ts";

/** The Euler sampler. */
export class EulerDiscreteScheduler extends EulerScheduler {
  readonly className = "EulerDiscreteScheduler";
  protected override readonly finalSigma: number;
  readonly #useKarrasSigmas: boolean;

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config);
    this.#useKarrasSigmas = config.boolean("use_karras_sigmas", false);
    const final = config.sampling("final_sigmas_type", FINAL_SIGMAS, "zero");
    this.finalSigma = final === "zero" ? 0 : at(this.trainingSigmas, 0);
    requireSupportedSigmas(config);
    config.requireOneOf("interpolation_type", "linear");
    config.requireOneOf("timestep_type", "discrete");
  }

  override step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): SchedulerStep {
    const predOriginalSample = this.predictOriginalSample(modelOutput, stepIndex, sample);
    const prevSample = eulerStep(
      sample,
      predOriginalSample,
      at(this.sigmas, stepIndex),
      at(this.sigmas, stepIndex + 1),
    );
    return { prevSample, predOriginalSample };
  }

  protected override adjustLevels(levels: NoiseLevels): NoiseLevels {
    if (!this.#useKarrasSigmas) return levels;
    const count = levels.sigmas.length;
    const sigmas = karrasSigmas(at(levels.sigmas, count - 1), at(levels.sigmas, 0), count);
    return { timesteps: timestepsOf(sigmas, this.trainingSigmas).map(Math.fround), sigmas };
  }
}
