/**
 * @file One step of DPM-Solver++ and of its stochastic sibling SDE-DPM-Solver++: the exact solution in λ where the
 * predicted clean sample is a polynomial (Lu et al. 2022, "DPM-Solver++: Fast solver for guided sampling", appendices A
 * and B).
 */
import type { SchedulerConfig } from "../config.ts";
import { linearCombination } from "../elementwise.ts";
import { drawNoise, type NoiseSource } from "../scheduler.ts";
import { signalAndNoise } from "../sigmas.ts";

export type SolverType = "midpoint" | "heun";

/** The variant of the method that a config asks for. */
export interface SolverVariant {
  readonly isStochastic: boolean;
  readonly solverType: SolverType;
}

/** Reads `algorithm_type` and `solver_type`, and refuses what neither form of the solver has. */
export function readSolverVariant(config: SchedulerConfig): SolverVariant {
  // The names of other solvers stand for the default here, so that their configs can be read, as in diffusers.
  const solverType = config.sampling("solver_type", ["midpoint", "heun", "logrho", "bh1", "bh2"], "midpoint");
  const algorithm = config.sampling("algorithm_type", ["dpmsolver++", "sde-dpmsolver++", "deis"], "dpmsolver++");
  config.requireOff("lambda_min_clipped", -Infinity);
  config.requireOff("variance_type", "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log");
  return {
    isStochastic: algorithm === "sde-dpmsolver++",
    solverType: solverType === "heun" ? "heun" : "midpoint",
  };
}

/**
 * The predicted clean sample as a polynomial from the start of a step: its value, and its derivatives times powers of
 * the step length.
 */
export interface PredictionCourse {
  readonly value: Float32Array;
  readonly slope?: Float32Array;
  /** Whether the slope is integrated exactly even by the midpoint method, as in a step of order 3. */
  readonly isSlopeExact?: boolean;
  readonly curvature?: Float32Array;
}

/** The sample after the step from noise level σ to σ', which may be 0 if there is no slope. */
export function solverStep(
  variant: SolverVariant,
  sample: Float32Array,
  [startSigma, endSigma]: readonly [number, number],
  { value, slope, isSlopeExact = false, curvature }: PredictionCourse,
  noise: NoiseSource | undefined,
): Float32Array {
  const [alpha, sigma] = signalAndNoise(endSigma);
  const [, sigmaBefore] = signalAndNoise(startSigma);
  const h = Math.log(startSigma) - Math.log(endSigma);
  // With noise, the prediction decays twice as fast.
  const decay = variant.isStochastic ? 2 * h : h;
  const shrink = Math.expm1(-decay);
  const kept = (sigma / sigmaBefore) * (variant.isStochastic ? Math.exp(-h) : 1);
  const terms: (readonly [number, Float32Array])[] = [
    [kept, sample],
    [-alpha * shrink, value],
  ];
  if (slope !== undefined) {
    const isExact = variant.solverType === "heun" || isSlopeExact;
    terms.push([isExact ? alpha * (shrink / decay + 1) : -0.5 * alpha * shrink, slope]);
  }
  if (curvature !== undefined) {
    // The sign of 0.5 in the stochastic form is that of diffusers; the exact solution has the opposite one.
    const half = variant.isStochastic ? -0.5 : 0.5;
    terms.push([-alpha * ((shrink + decay) / decay ** 2 - half), curvature]);
  }
  const deviation = variant.isStochastic ? sigma * Math.sqrt(-shrink) : 0;
  if (deviation > 0) terms.push([deviation, drawNoise(noise)]);
  return linearCombination(...terms);
}
