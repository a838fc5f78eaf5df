/**
 * @file DPM-Solver++ (multistep), orders 1 to 3, and its stochastic sibling (Lu et al. 2022, "DPM-Solver++: Fast solver
 * for guided sampling", algorithm 2). Source: diffusers: schedulers/scheduling_dpmsolver_multistep.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { readSolverVariant, solverStep, type PredictionCourse, type SolverVariant } from "./dpm-solver-step.ts";
import { linearCombination } from "../elementwise.ts";
import { MultistepSolver } from "./multistep-solver.ts";
import { predictOriginalSample } from "../prediction.ts";
import { at, type NoiseSource, type SchedulerStep } from "../scheduler.ts";

/** Below so many steps the last ones are of lower order, for stability. */
const FEW_STEPS = 15;

/** The DPM-Solver++ sampler. */
export class DPMSolverMultistepScheduler extends MultistepSolver {
  readonly className = "DPMSolverMultistepScheduler";
  readonly #variant: SolverVariant;
  readonly #isEulerAtFinal: boolean;

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config, { spacings: ["karras", "exponential", "beta", "lu"] });
    this.#variant = readSolverVariant(config);
    this.#isEulerAtFinal = config.boolean("euler_at_final", false);
  }

  override step(
    modelOutput: Float32Array,
    stepIndex: number,
    sample: Float32Array,
    noise?: NoiseSource,
  ): SchedulerStep {
    const predOriginalSample = predictOriginalSample(this.prediction(modelOutput, stepIndex, sample));
    this.remember(predOriginalSample);
    const ends = [at(this.sigmas, stepIndex), at(this.sigmas, stepIndex + 1)] as const;
    const prevSample = solverStep(this.#variant, sample, ends, this.#course(stepIndex), noise);
    return { prevSample, predOriginalSample };
  }

  /** Backward differences of the predictions approximate their derivatives in λ. */
  #course(stepIndex: number): PredictionCourse {
    const value = this.remembered(0);
    const order = this.#orderOf(stepIndex);
    if (order === 1) return { value };
    const h = this.lambda(stepIndex + 1) - this.lambda(stepIndex);
    const r0 = (this.lambda(stepIndex) - this.lambda(stepIndex - 1)) / h;
    const slope = linearCombination([1 / r0, value], [-1 / r0, this.remembered(1)]);
    if (order === 2) return { value, slope };
    const r1 = (this.lambda(stepIndex - 1) - this.lambda(stepIndex - 2)) / h;
    const previousSlope = linearCombination([1 / r1, this.remembered(1)], [-1 / r1, this.remembered(2)]);
    return {
      value,
      slope: linearCombination([1 + r0 / (r0 + r1), slope], [-r0 / (r0 + r1), previousSlope]),
      isSlopeExact: true,
      curvature: linearCombination([1 / (r0 + r1), slope], [-1 / (r0 + r1), previousSlope]),
    };
  }

  #orderOf(stepIndex: number): number {
    const stepsLeft = this.timesteps.length - stepIndex;
    if (this.isDegenerate(stepIndex) || (this.#isEulerAtFinal && stepsLeft === 1)) return 1;
    const lowered = this.lowerOrderFinal && this.timesteps.length < FEW_STEPS ? stepsLeft : Infinity;
    return Math.min(this.solverOrder, stepIndex + 1, lowered);
  }
}
