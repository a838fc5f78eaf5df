/**
 * @file DPM-Solver++ (singlestep), orders 1 to 3: steps in groups, each of which starts anew from the sample at its
 * beginning (Lu et al. 2022, "DPM-Solver++", algorithm 1). Source: diffusers:
 * schedulers/scheduling_dpmsolver_singlestep.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { readSolverVariant, solverStep, type PredictionCourse, type SolverVariant } from "./dpm-solver-step.ts";
import { linearCombination } from "../elementwise.ts";
import { MultistepSolver } from "./multistep-solver.ts";
import { predictOriginalSample } from "../prediction.ts";
import { at, type NoiseSource, type SchedulerStep } from "../scheduler.ts";

/** The singlestep DPM-Solver++ sampler: n steps take n model calls, in groups of `solver_order`. */
export class DPMSolverSinglestepScheduler extends MultistepSolver {
  readonly className = "DPMSolverSinglestepScheduler";
  readonly #variant: SolverVariant;
  /** The sample at the beginning of the group. */
  #start: Float32Array = new Float32Array();

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config, { isLinspaced: true, lowerOrderFinal: false });
    this.#variant = readSolverVariant(config);
    if (this.#variant.isStochastic && this.solverOrder === 3) {
      throw config.conflict("solver_order", "the stochastic solver has orders 1 and 2");
    }
  }

  override step(
    modelOutput: Float32Array,
    stepIndex: number,
    sample: Float32Array,
    noise?: NoiseSource,
  ): SchedulerStep {
    const predOriginalSample = predictOriginalSample(this.prediction(modelOutput, stepIndex, sample));
    this.remember(predOriginalSample);
    const order = this.#orderOf(stepIndex);
    if (order === 1) this.#start = sample;
    const ends = [at(this.sigmas, stepIndex - order + 1), at(this.sigmas, stepIndex + 1)] as const;
    const course = this.#course(stepIndex, order);
    return { prevSample: solverStep(this.#variant, this.#start, ends, course, noise), predOriginalSample };
  }

  /** The predictions from the beginning of the group on. */
  #course(stepIndex: number, order: number): PredictionCourse {
    const value = this.remembered(order - 1);
    if (order === 1) return { value };
    const start = this.lambda(stepIndex - order + 1);
    const h = this.lambda(stepIndex + 1) - start;
    // How far into the group's step the other predictions lie, and their mean slopes from its beginning.
    const ratio = (back: number): number => (this.lambda(stepIndex - back) - start) / h;
    const slopeTo = (back: number): Float32Array =>
      linearCombination([1 / ratio(back), this.remembered(back)], [-1 / ratio(back), value]);
    const last = slopeTo(0);
    if (order === 2) return { value, slope: last };
    const [r0, r1] = [ratio(0), ratio(1)];
    if (this.#variant.solverType === "midpoint") return { value, slope: last, isSlopeExact: true };
    const first = slopeTo(1);
    return {
      value,
      slope: linearCombination([r0 / (r0 - r1), first], [-r1 / (r0 - r1), last]),
      isSlopeExact: true,
      curvature: linearCombination([2 / (r0 - r1), last], [-2 / (r0 - r1), first]),
    };
  }

  /** Which step of its group this is; the last ones may begin groups of lower order. */
  #orderOf(stepIndex: number): number {
    const steps = this.timesteps.length;
    const unfinished = steps % this.solverOrder;
    // A step to σ = 0 is infinitely long, and a last group that is cut short would not end anywhere.
    const isLowered = this.lowerOrderFinal || this.finalSigmas === "zero" || unfinished !== 0;
    const isLast = stepIndex === steps - 1;
    if (at(this.sigmas, stepIndex + 1) === 0) return 1;
    if (isLowered && isLast && !(this.solverOrder === 3 && unfinished === 2)) return 1;
    return (stepIndex % this.solverOrder) + 1;
  }
}
