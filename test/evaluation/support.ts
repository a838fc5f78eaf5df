/**
 * @file What the tests of the measures share: features made of numbers, and MMD² once more, written from its
 * definition.
 */
import type { Features, Kernel } from "../../src/evaluation/kernels.ts";
import { RandomStream } from "../../src/random/random.ts";

/** Features of the given numbers; a number alone is a feature of length 1. */
export function features(...values: (number | readonly number[])[]): Features {
  return values.map((value) => Float32Array.from(typeof value === "number" ? [value] : value));
}

/** Standard normal features, moved by `shift`. */
export function normalFeatures(count: number, width: number, shift: number, ...address: (string | number)[]): Features {
  const numbers = new RandomStream(11, ...address).normal(count * width).map((x) => x + shift);
  return Array.from({ length: count }, (_, i) => numbers.slice(i * width, (i + 1) * width));
}

/**
 * MMD² as the two-sample U-statistic that it is: the mean, over all pairs of two different pictures of x and two
 * different ones of y, of k(x, x') + k(y, y') - (k(x, y) + k(x, y') + k(x', y) + k(x', y')) / 2.
 */
export function squaredMmdOfAllQuadruples(x: Features, y: Features, kernel: Kernel): number {
  let [sum, count] = [0, 0];
  for (const [i, a] of x.entries()) {
    for (const [j, b] of x.entries()) {
      for (const [k, c] of y.entries()) {
        for (const [l, d] of y.entries()) {
          if (i === j || k === l) continue;
          sum += kernel(a, b) + kernel(c, d) - (kernel(a, c) + kernel(a, d) + kernel(b, c) + kernel(b, d)) / 2;
          count++;
        }
      }
    }
  }
  return sum / count;
}
