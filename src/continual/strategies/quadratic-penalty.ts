/**
 * @file Elastic weight consolidation in the adapter's parameters: a quadratic penalty for leaving where the last concept ended, weighted by the diagonal of the
 * Fisher information (Kirkpatrick et al., PNAS 2017; online form: Schwarz et al., ICML 2018). Which gradients the Fisher is made of, those of the
 * denoising error alone (EWC) or with the classifier's cross-entropy (EWC-DC), is not decided here.
 */

/** What is kept between concepts: two arrays of the adapter's size. */
export interface ConsolidatedParameters {
  /** θ*, the parameters after the last concept. */
  readonly anchor: Float32Array;
  /** F ≥ 0. */
  readonly fisher: Float32Array;
}

/** (λ/2) Σ_j F_j (θ_j - θ*_j)². */
export function quadraticPenalty(
  parameters: Float32Array,
  { anchor, fisher }: ConsolidatedParameters,
  lambda: number,
): number {
  let sum = 0;
  for (let j = 0; j < parameters.length; j++) sum += fisher[j] * (parameters[j] - anchor[j]) ** 2;
  return (lambda / 2) * sum;
}

/** Adds the penalty's derivative, λ F_j (θ_j - θ*_j), to a gradient in place. */
export function addQuadraticPenaltyGradient(
  gradient: Float32Array,
  parameters: Float32Array,
  { anchor, fisher }: ConsolidatedParameters,
  lambda: number,
): void {
  for (let j = 0; j < gradient.length; j++) gradient[j] += lambda * fisher[j] * (parameters[j] - anchor[j]);
}

/** The diagonal of the Fisher information, E[g²], from one gradient for each sample. */
export class FisherDiagonal {
  readonly #sum: Float64Array;
  #count = 0;

  constructor(size: number) {
    this.#sum = new Float64Array(size);
  }

  /** @throws RangeError for a gradient of another size */
  add(gradient: Float32Array): void {
    if (gradient.length !== this.#sum.length) {
      throw new RangeError(`Fisher: a gradient of ${gradient.length} numbers instead of ${this.#sum.length}`);
    }
    for (let j = 0; j < gradient.length; j++) this.#sum[j] += gradient[j] ** 2;
    this.#count++;
  }

  /**
   * The mean, folded into what earlier concepts left: F ← decay · F + F^(n).
   *
   * @param decay - from 0 (only this concept counts) to 1 (all count the same)
   * @throws RangeError without a sample
   */
  foldInto(earlier: Float32Array | undefined, decay: number): Float32Array {
    if (this.#count === 0) throw new RangeError("Fisher: no sample");
    return Float32Array.from(this.#sum, (sum, j) => decay * (earlier?.[j] ?? 0) + sum / this.#count);
  }
}
