/**
 * @file A number and how far it may be off.
 */

export interface Estimate {
  readonly value: number;
  /** Absent where there is too little to tell. */
  readonly standardError?: number;
}

/** @throws RangeError for no values */
export function meanOf(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("there is no mean of nothing");
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The mean over independent runs (orders of the concepts, seeds), and its standard error: the sample standard deviation
 * (divisor n - 1) over √n. One run has none.
 *
 * @throws RangeError for no values
 */
export function meanAndStandardError(values: readonly number[]): Estimate {
  const value = meanOf(values);
  const count = values.length;
  if (count < 2) return { value };
  const squares = values.reduce((sum, each) => sum + (each - value) ** 2, 0);
  return { value, standardError: Math.sqrt(squares / (count - 1) / count) };
}
