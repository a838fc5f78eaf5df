/**
 * @file Euler's method on the probability-flow ODE in σ (Karras et al. 2022, algorithm 1 without the correction).
 * Source: diffusers: schedulers/scheduling_euler_discrete.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { at, type SchedulerStep } from "../scheduler.ts";
import { eulerStep, SigmaScheduler, type NoiseLevels } from "./sigma-scheduler.ts";
import { exponentialSigmas, readSigmaSpacing, type SigmaSpacing } from "../sigma-spacing.ts";
import { FINAL_SIGMAS, requireSupportedSigmas } from "../sigmas.ts";

/** The Euler sampler. */
export class EulerDiscreteScheduler extends SigmaScheduler {
  readonly className = "EulerDiscreteScheduler";
  protected override readonly finalSigma: number;
  readonly #spacing: SigmaSpacing | undefined;
  readonly #isLogLinear: boolean;

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config);
    this.#spacing = readSigmaSpacing(config);
    this.#isLogLinear = config.sampling("interpolation_type", ["linear", "log_linear"], "linear") === "log_linear";
    const final = config.sampling("final_sigmas_type", FINAL_SIGMAS, "zero");
    this.finalSigma = final === "zero" ? 0 : at(this.trainingSigmas, 0);
    requireSupportedSigmas(config);
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
    const interpolated = this.#isLogLinear ? this.#logLinear(levels) : levels;
    return this.#spacing === undefined ? interpolated : this.respaced(interpolated, this.#spacing);
  }

  /**
   * All of the training's noise levels, whatever the timesteps; one more than there are steps, as in diffusers, so that
   * a run ends there.
   */
  #logLinear({ timesteps }: NoiseLevels): NoiseLevels {
    const table = this.trainingSigmas;
    const sigmas = exponentialSigmas(at(table, 0), at(table, table.length - 1), timesteps.length + 1);
    return { timesteps, sigmas };
  }
}
