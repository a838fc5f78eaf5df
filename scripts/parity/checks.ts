/**
 * @file What a case is judged by: measured errors, each with the tolerance it must stay within. Errors are relative to
 * a scale that a rule picks for each tensor, as the fixtures' README states.
 */

/** One measured error. */
export interface Measure {
  /** What was compared, e.g. the name of a tensor. */
  readonly what: string;
  /** In the unit of `tolerance`: relative to the scale of the tensor, or absolute where a rule says so. */
  readonly error: number;
  /** The largest error allowed; 0 for values that must be equal. */
  readonly tolerance: number;
}

/** How far an error is from what is allowed: at most 1 where it passes. */
export function severity({ error, tolerance }: Measure): number {
  if (error === 0) return 0;
  return Number.isNaN(error) ? Infinity : error / tolerance;
}

export function passes(measure: Measure): boolean {
  return severity(measure) <= 1;
}

/** The measure that is nearest to its tolerance, or furthest beyond it. */
export function worst(measures: readonly Measure[]): Measure | undefined {
  return measures.reduce<Measure | undefined>(
    (found, measure) => (found === undefined || severity(measure) > severity(found) ? measure : found),
    undefined,
  );
}

/** What one value of the error is divided by and compared with, for one tensor. */
export interface Rule {
  readonly tolerance: number;
  /** The least scale; without it the scale is the largest absolute value of the reference alone. */
  readonly leastScale?: number;
}

/** Steps of Adam: nearly all elements within `usual`, all within `largest` (absolute). */
export interface AdamRule {
  readonly usual: number;
  readonly usualShare: number;
  readonly largest: number;
}

/**
 * Adam divides by the size of the gradient, so rounding shows where a gradient is nearly zero (README of the fixtures,
 * "Tolerance").
 */
export const adamRule: AdamRule = { usual: 2e-6, usualShare: 0.995, largest: 1e-4 };

/** Collects the measures of one case. */
export class Checks {
  readonly measures: Measure[] = [];
  /** Errors of intermediate values: shown, and named where a case fails, but not judged. */
  readonly debug: Measure[] = [];

  add(what: string, error: number, tolerance: number): void {
    this.measures.push({ what, error, tolerance });
  }

  /** max|got - reference| <= tolerance * max(max|reference|, leastScale). */
  close(what: string, got: ArrayLike<number>, reference: ArrayLike<number>, rule: Rule): void {
    this.measures.push(relativeError(what, got, reference, rule));
  }

  /** As `close`, for an intermediate value. */
  debugClose(what: string, got: ArrayLike<number>, reference: ArrayLike<number>, rule: Rule): void {
    this.debug.push(relativeError(what, got, reference, rule));
  }

  /** Every element is the same. */
  equal(what: string, got: ArrayLike<number>, reference: ArrayLike<number>): void {
    this.add(what, largestDifference(what, got, reference), 0);
  }

  /** Parameters after steps of Adam; `pairs` are judged together. */
  adam(what: string, pairs: readonly (readonly [got: Float32Array, reference: Float32Array])[], rule = adamRule): void {
    const differences = pairs
      .flatMap(([got, reference]) => absoluteDifferences(what, got, reference))
      .map((difference) => (Number.isNaN(difference) ? Infinity : difference))
      .sort((a, b) => a - b);
    if (differences.length === 0) throw new Error(`${what}: nothing to compare`);
    const usual = differences[Math.ceil(differences.length * rule.usualShare) - 1];
    this.add(`${what}, ${100 * rule.usualShare} % of the elements`, usual, rule.usual);
    this.add(`${what}, all elements`, differences[differences.length - 1], rule.largest);
  }
}

function relativeError(what: string, got: ArrayLike<number>, reference: ArrayLike<number>, rule: Rule): Measure {
  const difference = largestDifference(what, got, reference);
  let scale = rule.leastScale ?? 0;
  for (let i = 0; i < reference.length; i++) scale = Math.max(scale, Math.abs(reference[i]));
  return { what, error: difference === 0 ? 0 : difference / scale, tolerance: rule.tolerance };
}

/** NaN if any element of either side is not a number. */
function largestDifference(what: string, got: ArrayLike<number>, reference: ArrayLike<number>): number {
  let largest = 0;
  for (const difference of absoluteDifferences(what, got, reference)) largest = Math.max(largest, difference);
  return largest;
}

function absoluteDifferences(what: string, got: ArrayLike<number>, reference: ArrayLike<number>): number[] {
  if (got.length !== reference.length) {
    throw new Error(`${what}: ${got.length} elements instead of ${reference.length}`);
  }
  return Array.from(got, (value, i) => Math.abs(value - reference[i]));
}
