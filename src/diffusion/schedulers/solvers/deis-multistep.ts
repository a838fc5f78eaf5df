/**
 * @file DEIS: the exact solution where the predicted noise is a polynomial in log σ, orders 1 to 3 (Zhang & Chen 2023,
 * ρAB-DEIS). Source: diffusers: schedulers/scheduling_deis_multistep.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { linearCombination } from "../elementwise.ts";
import { MultistepSolver } from "./multistep-solver.ts";
import { predictEpsilon, predictOriginalSample } from "../prediction.ts";
import { at, type SchedulerStep } from "../scheduler.ts";
import { signalAndNoise } from "../sigmas.ts";

/** Below so many steps the last ones are of lower order, for stability. */
const FEW_STEPS = 15;

/** The DEIS sampler. */
export class DEISMultistepScheduler extends MultistepSolver {
  readonly className = "DEISMultistepScheduler";

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config, { finalSigmas: "sigma_min" });
    // The names of other solvers stand for the only one here, so that their configs can be read, as in diffusers.
    config.sampling("algorithm_type", ["deis", "dpmsolver", "dpmsolver++"], "deis");
    config.sampling("solver_type", ["logrho", "midpoint", "heun", "bh1", "bh2"], "logrho");
  }

  override step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): SchedulerStep {
    const prediction = this.prediction(modelOutput, stepIndex, sample);
    this.remember(predictEpsilon(prediction));
    const sigma = at(this.sigmas, stepIndex);
    const nextSigma = at(this.sigmas, stepIndex + 1);
    const [alpha] = signalAndNoise(sigma);
    const [nextAlpha] = signalAndNoise(nextSigma);
    const order = this.#orderOf(stepIndex);
    const earlier = Array.from({ length: order - 1 }, (_, i) => at(this.sigmas, stepIndex - 1 - i));
    const weights = integratedPolynomials(sigma, nextSigma, earlier);
    const prevSample = linearCombination(
      [nextAlpha / alpha, sample],
      ...weights.map((weight, back) => [nextAlpha * weight, this.remembered(back)] as const),
    );
    return { prevSample, predOriginalSample: predictOriginalSample(prediction) };
  }

  #orderOf(stepIndex: number): number {
    const isLowered = this.lowerOrderFinal && this.timesteps.length < FEW_STEPS;
    const lowered = isLowered ? this.timesteps.length - stepIndex : Infinity;
    return this.isDegenerate(stepIndex) ? 1 : Math.min(this.solverOrder, stepIndex + 1, lowered);
  }
}

/**
 * ∫ from σ to σ' of each Lagrange polynomial in y = log(· / σ) whose nodes are σ, where y = 0, and up to two earlier
 * noise levels.
 */
function integratedPolynomials(sigma: number, nextSigma: number, earlier: readonly number[]): number[] {
  const y = Math.log(nextSigma / sigma);
  // ∫ yⁿ dσ, by parts.
  const constant = nextSigma - sigma;
  const linear = nextSigma * y - constant;
  const square = nextSigma * y ** 2 - 2 * linear;
  const [y1, y2] = earlier.map((each) => Math.log(each / sigma));
  if (y1 === undefined) return [constant];
  if (y2 === undefined) return [constant - linear / y1, linear / y1];
  return [
    (square - (y1 + y2) * linear + y1 * y2 * constant) / (y1 * y2),
    (square - y2 * linear) / (y1 * (y1 - y2)),
    (square - y1 * linear) / (y2 * (y2 - y1)),
  ];
}
