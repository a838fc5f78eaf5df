/**
 * @file UniPC: a predictor and a corrector of orders 1 to 3 that share their model calls (Zhao et al. 2023, algorithms
 * 5 to 8). Source: diffusers: schedulers/scheduling_unipc_multistep.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { linearCombination } from "../elementwise.ts";
import { MultistepSolver } from "./multistep-solver.ts";
import { predictOriginalSample } from "../prediction.ts";
import { at, type SchedulerStep } from "../scheduler.ts";
import { signalAndNoise } from "../sigmas.ts";

/** The UniPC sampler (data prediction). */
export class UniPCMultistepScheduler extends MultistepSolver {
  readonly className = "UniPCMultistepScheduler";
  readonly #solverType: "bh1" | "bh2";
  #previousSample: Float32Array = new Float32Array();

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config);
    // The names of other solvers stand for the default here, so that their configs can be read, as in diffusers.
    const solverType = config.sampling("solver_type", ["bh1", "bh2", "midpoint", "heun", "logrho"], "bh2");
    this.#solverType = solverType === "bh1" ? "bh1" : "bh2";
    config.requireOneOf("predict_x0", true);
    config.requireOff("disable_corrector");
    config.requireOff("solver_p");
    config.requireOff("shift_terminal");
  }

  override step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): SchedulerStep {
    const predOriginalSample = predictOriginalSample(this.prediction(modelOutput, stepIndex, sample));
    // The model's answer here also corrects the step that led here.
    const corrected = stepIndex === 0 ? sample : this.#update(this.#previousSample, stepIndex - 1, predOriginalSample);
    this.#previousSample = corrected;
    this.remember(predOriginalSample);
    return { prevSample: this.#update(corrected, stepIndex), predOriginalSample };
  }

  /**
   * The sample after step `stepIndex`, whose prediction is the latest in the history.
   * @param endPrediction The clean sample predicted at the end of the step, if known: then this is the corrector.
   */
  #update(sample: Float32Array, stepIndex: number, endPrediction?: Float32Array): Float32Array {
    const [alpha, nextSigma] = signalAndNoise(at(this.sigmas, stepIndex + 1));
    const [, sigma] = signalAndNoise(at(this.sigmas, stepIndex));
    const lambda = this.lambda(stepIndex);
    const h = this.lambda(stepIndex + 1) - lambda;
    const latest = this.remembered(0);
    const order = this.#orderOf(stepIndex);

    // Where the other predictions lie, in step lengths from the beginning of the step, and their difference from the
    // latest one.
    const nodes: number[] = [];
    const differences: Float32Array[] = [];
    for (let back = 1; back < order; back++) {
      const node = (this.lambda(stepIndex - back) - lambda) / h;
      nodes.push(node);
      differences.push(linearCombination([1 / node, this.remembered(back)], [-1 / node, latest]));
    }
    if (endPrediction !== undefined) {
      nodes.push(1);
      differences.push(linearCombination([1, endPrediction], [-1, latest]));
    }

    const shrink = Math.expm1(-h);
    const scale = this.#solverType === "bh1" ? -h : shrink;
    // Two points: the paper takes the weight 1/2, which keeps the order, for B(h) of either kind.
    const weights = nodes.length === 1 ? [0.5] : solveOrderConditions(nodes, h, scale);
    return linearCombination(
      [nextSigma / sigma, sample],
      [-alpha * shrink, latest],
      ...differences.map((difference, i) => [-alpha * scale * weights[i], difference] as const),
    );
  }

  #orderOf(stepIndex: number): number {
    const lowered = this.lowerOrderFinal ? this.timesteps.length - stepIndex : Infinity;
    return this.isDegenerate(stepIndex) ? 1 : Math.min(this.solverOrder, stepIndex + 1, lowered);
  }
}

/**
 * The weights ρ_m for which Σ_m ρ_m node_m^(k-1) = k! φ_(k+1)(-h) / B(h), k = 1, 2, ..., where φ_1(x) = (eˣ - 1) / x,
 * φ_(k+1)(x) = (φ_k(x) - 1/k!) / x (theorem 3.1 of the paper, for data prediction); φ here are times x.
 */
function solveOrderConditions(nodes: readonly number[], h: number, scale: number): number[] {
  const x = -h;
  let phi = Math.expm1(x) / x - 1;
  let factorial = 1;
  const rows = nodes.map((_, power) => {
    const right = (phi * factorial) / scale;
    factorial *= power + 2;
    phi = phi / x - 1 / factorial;
    return [...nodes.map((node) => node ** power), right];
  });
  return solveLinear(rows);
}

/** Gaussian elimination with partial pivoting on an augmented matrix `[n][n + 1]`. */
function solveLinear(augmented: readonly (readonly number[])[]): number[] {
  const rows = augmented.map((row) => Float64Array.from(row));
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    const remaining = rows.slice(column).sort((a, b) => Math.abs(at(b, column)) - Math.abs(at(a, column)));
    rows.splice(column, remaining.length, ...remaining);
    const [pivot, ...below] = remaining;
    if (pivot === undefined) break;
    for (const row of below) {
      const factor = at(row, column) / at(pivot, column);
      row.forEach((value, i) => (row[i] = value - factor * at(pivot, i)));
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let i = size - 1; i >= 0; i--) {
    const row = rows[i];
    const known = solution.reduce((sum, value, j) => (j > i ? sum + value * at(row, j) : sum), 0);
    solution[i] = (at(row, size) - known) / at(row, i);
  }
  return solution;
}
