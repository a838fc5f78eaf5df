/**
 * @file DPM-Solver++ (multistep), orders 1 to 3 (Lu et al. 2022, "DPM-Solver++: Fast solver for guided sampling", appendix A and algorithm 2).
 * Source: diffusers: schedulers/scheduling_dpmsolver_multistep.py.
 */
import type { SchedulerConfig } from "./config.ts";
import { linearCombination } from "./elementwise.ts";
import { MultistepSolver } from "./multistep-solver.ts";
import { at, type SchedulerStep } from "./scheduler.ts";
import { signalAndNoise } from "./sigmas.ts";

/** Below so many steps the last ones are of lower order, for stability. */
const FEW_STEPS = 15;

/** The DPM-Solver++ sampler. */
export class DPMSolverMultistepScheduler extends MultistepSolver {
  readonly className = "DPMSolverMultistepScheduler";
  readonly #solverType: "midpoint" | "heun";

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config);
    // The names of other solvers stand for the default here, so that their configs can be read, as in diffusers.
    const solverType = config.sampling("solver_type", ["midpoint", "heun", "logrho", "bh1", "bh2"], "midpoint");
    this.#solverType = solverType === "heun" ? "heun" : "midpoint";
    config.requireOneOf("algorithm_type", "dpmsolver++", "deis");
    config.requireOff("euler_at_final", false);
    config.requireOff("lambda_min_clipped", -Infinity);
    config.requireOff("variance_type", "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log");
  }

  override step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): SchedulerStep {
    const predOriginalSample = this.predictOriginalSample(modelOutput, stepIndex, sample);
    this.remember(predOriginalSample);
    return { prevSample: this.#update(sample, stepIndex), predOriginalSample };
  }

  #update(sample: Float32Array, stepIndex: number): Float32Array {
    const [alpha, nextSigma] = signalAndNoise(at(this.sigmas, stepIndex + 1));
    const [, sigma] = signalAndNoise(at(this.sigmas, stepIndex));
    const h = this.lambda(stepIndex + 1) - this.lambda(stepIndex);
    const shrink = Math.expm1(-h);
    const order = this.#orderOf(stepIndex);
    const firstOrder = [
      [nextSigma / sigma, sample],
      [-alpha * shrink, this.original(0)],
    ] as const;
    if (order === 1) return linearCombination(...firstOrder);

    // Backward differences of the predictions approximate their derivatives in λ.
    const r0 = (this.lambda(stepIndex) - this.lambda(stepIndex - 1)) / h;
    const slope = linearCombination([1 / r0, this.original(0)], [-1 / r0, this.original(1)]);
    const slopeWeight = alpha * (shrink / h + 1);
    if (order === 2) {
      return linearCombination(...firstOrder, [
        this.#solverType === "heun" ? slopeWeight : -0.5 * alpha * shrink,
        slope,
      ]);
    }
    const r1 = (this.lambda(stepIndex - 1) - this.lambda(stepIndex - 2)) / h;
    const previousSlope = linearCombination([1 / r1, this.original(1)], [-1 / r1, this.original(2)]);
    const first = linearCombination([1 + r0 / (r0 + r1), slope], [-r0 / (r0 + r1), previousSlope]);
    const second = linearCombination([1 / (r0 + r1), slope], [-1 / (r0 + r1), previousSlope]);
    const curvatureWeight = -alpha * ((shrink + h) / h ** 2 - 0.5);
    return linearCombination(...firstOrder, [slopeWeight, first], [curvatureWeight, second]);
  }

  #orderOf(stepIndex: number): number {
    const stepsLeft = this.timesteps.length - stepIndex;
    const lowered = this.lowerOrderFinal && this.timesteps.length < FEW_STEPS ? stepsLeft : Infinity;
    return this.isDegenerate(stepIndex) ? 1 : Math.min(this.solverOrder, stepIndex + 1, lowered);
  }
}
