/** @file Running means. */

/**
 * Exponential running mean, corrected for its start as Adam does, so that it does not begin at zero.
 *
 * @param weight - of what came before, in [0, 1); 0: the numbers themselves
 */
export function smoothed(numbers: readonly number[], weight: number): number[] {
  let mean = 0;
  return numbers.map((number, index) => {
    mean = weight * mean + (1 - weight) * number;
    return mean / (1 - weight ** (index + 1));
  });
}
