/**
 * @file Elastic weight consolidation in the adapter's parameters: a quadratic penalty for leaving where the last
 * concept ended, weighted by the diagonal of the Fisher information (Kirkpatrick et al., PNAS 2017; online form:
 * Schwarz et al., ICML 2018). Which gradients the Fisher is made of, those of the denoising error alone (EWC) or with
 * the classifier's cross-entropy (EWC-DC), is not decided here.
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
  /**
   * Σ g²; with {@link FisherDiagonal.count} all there is to save. In float32, as everything that is saved: squares do
   * not cancel.
   */
  readonly sum: Float32Array;
  #count: number;

  /** @param saved - to go on with; copied */
  constructor(size: number, saved?: { readonly sum: Float32Array; readonly count: number }) {
    this.sum = saved?.sum.slice() ?? new Float32Array(size);
    this.#count = saved?.count ?? 0;
  }

  /** Samples so far. */
  get count(): number {
    return this.#count;
  }

  /** @throws RangeError for a gradient of another size */
  add(gradient: Float32Array): void {
    if (gradient.length !== this.sum.length) {
      throw new RangeError(`Fisher: a gradient of ${gradient.length} numbers instead of ${this.sum.length}`);
    }
    for (let j = 0; j < gradient.length; j++) this.sum[j] += gradient[j] ** 2;
    this.#count++;
  }

  /** E[g²]. @throws RangeError without a sample */
  mean(): Float32Array {
    if (this.#count === 0) throw new RangeError("Fisher: no sample");
    return this.sum.map((sum) => sum / this.#count);
  }
}

/** The online form: F ← γ F + F_n, θ* ← θ_n. */
export function consolidateOnline(
  earlier: ConsolidatedParameters | undefined,
  now: ConsolidatedParameters,
  gamma: number,
): ConsolidatedParameters {
  const fisher = now.fisher.map((value, j) => gamma * (earlier?.fisher[j] ?? 0) + value);
  return { fisher, anchor: now.anchor.slice() };
}

/**
 * The sum of the penalties of all concepts, each around its own θ*, with γ as the weight of the earlier ones. A sum of
 * quadratics is one quadratic and a constant: F ← γ F + F_n around the mean of the anchors, weighted with F. So it
 * needs no more storage than the online form.
 */
export function consolidateSum(
  earlier: ConsolidatedParameters | undefined,
  now: ConsolidatedParameters,
  gamma: number,
): ConsolidatedParameters {
  const { fisher } = consolidateOnline(earlier, now, gamma);
  const anchor = now.anchor.map((value, j) => {
    if (earlier === undefined || fisher[j] === 0) return value;
    return (gamma * earlier.fisher[j] * earlier.anchor[j] + now.fisher[j] * value) / fisher[j];
  });
  return { fisher, anchor };
}
