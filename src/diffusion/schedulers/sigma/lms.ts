/**
 * @file Linear multistep (Adams–Bashforth) in σ, of orders up to 4 (k-diffusion: sample_lms).
 * Source: diffusers: schedulers/scheduling_lms_discrete.py.
 */
import type { SchedulerConfig } from "../config.ts";
import { linearCombination } from "../elementwise.ts";
import { at, type SchedulerStep } from "../scheduler.ts";
import { SigmaScheduler, type NoiseLevels } from "./sigma-scheduler.ts";
import { readSigmaSpacing, type SigmaSpacing } from "../sigma-spacing.ts";
import { StepOrder } from "../step-order.ts";

const MOST_SLOPES = 4;

/** The LMS sampler. */
export class LMSDiscreteScheduler extends SigmaScheduler {
  readonly className = "LMSDiscreteScheduler";
  readonly #spacing: SigmaSpacing | undefined;
  readonly #order = new StepOrder();
  /** dx/dσ of the latest steps, newest first. */
  #slopes: readonly Float32Array[] = [];

  /** @throws KeepsakeError that names the option whose value is not supported. */
  constructor(config: SchedulerConfig) {
    super(config);
    this.#spacing = readSigmaSpacing(config);
  }

  override step(modelOutput: Float32Array, stepIndex: number, sample: Float32Array): SchedulerStep {
    const sigma = at(this.sigmas, stepIndex);
    this.#order.advanceTo(stepIndex);
    const predOriginalSample = this.predictOriginalSample(modelOutput, stepIndex, sample);
    const slope = linearCombination([1 / sigma, sample], [-1 / sigma, predOriginalSample]);
    this.#slopes = stepIndex === 0 ? [slope] : [slope, ...this.#slopes.slice(0, MOST_SLOPES - 1)];
    const nodes = this.#slopes.map((_, back) => at(this.sigmas, stepIndex - back));
    const weights = integratedLagrange(nodes, sigma, at(this.sigmas, stepIndex + 1));
    const terms = this.#slopes.map((each, back) => [at(weights, back), each] as const);
    return { prevSample: linearCombination([1, sample], ...terms), predOriginalSample };
  }

  protected override adjustLevels(levels: NoiseLevels): NoiseLevels {
    return this.#spacing === undefined ? levels : this.respaced(levels, this.#spacing);
  }
}

/**
 * ∫ of each Lagrange polynomial on up to four nodes, from `start` to `end`: exact by Gauss' two points, as their degree
 * is at most 3.
 */
function integratedLagrange(nodes: readonly number[], start: number, end: number): number[] {
  const middle = (start + end) / 2;
  const half = (end - start) / 2;
  const points = [middle - half / Math.sqrt(3), middle + half / Math.sqrt(3)];
  return nodes.map((node, i) => {
    const others = nodes.filter((_, j) => j !== i);
    const values = points.map((x) => others.reduce((product, other) => (product * (x - other)) / (node - other), 1));
    return half * values.reduce((sum, value) => sum + value, 0);
  });
}
