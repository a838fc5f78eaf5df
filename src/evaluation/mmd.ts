/**
 * @file The maximum mean discrepancy between two sets of features: how different the distributions are from which they
 * come (Gretton et al., "A Kernel Two-Sample Test", JMLR 2012).
 */
import type { Estimate } from "./estimate.ts";
import { polynomialKernel, type Features, type Kernel } from "./kernels.ts";

/**
 * The kernel of all our MMDs unless another one is given: (x·y / d + 1)³. C-LoRA (Smith et al. 2023, section 4)
 * measures with "a polynomial kernel" on CLIP features and does not give its constants; these are KID's.
 */
export const DEFAULT_KERNEL: Kernel = polynomialKernel();

/**
 * MMD², by the unbiased estimator (Gretton et al. 2012, equation 3):
 *
 *     1/(m(m-1)) Σ_{i≠j} k(x_i, x_j) + 1/(n(n-1)) Σ_{i≠j} k(y_i, y_j) - 2/(mn) Σ_{i,j} k(x_i, y_j)
 *
 * Its expectation is 0 for equal distributions, so it may be negative. Symmetric, and the order within a set does not
 * matter.
 *
 * @throws RangeError for sets of fewer than two pictures, or features of different lengths
 */
export function squaredMmd(x: Features, y: Features, kernel: Kernel = DEFAULT_KERNEL): number {
  return estimateFrom(kernelSums(x, y, kernel));
}

/**
 * The kernel inception distance: {@link squaredMmd} with the kernel (x·y / d + 1)³ (Bińkowski et al. 2018), over all
 * pairs of pictures instead of an average over random subsets, whose expectation is the same: we have tens of pictures,
 * not ten thousands.
 *
 * The standard error is the delete-one jackknife's, over the pictures of both sets: √(Σ_sets (n-1)/n Σ_i (θ_{-i} - mean
 * θ_{-i})²), where θ_{-i} is the estimate without picture i. It is deterministic; where the distributions are equal it
 * errs on the large side. Absent for sets of two.
 *
 * @throws RangeError for sets of fewer than two pictures, or features of different lengths
 */
export function kid(x: Features, y: Features): Estimate {
  const sums = kernelSums(x, y, DEFAULT_KERNEL);
  const value = estimateFrom(sums);
  if (Math.min(x.length, y.length) < 3) return { value };
  const { own, other } = sums;
  const withoutX = own.x.map((sum, i) => estimateFrom(without(sums, "x", sum, other.x[i])));
  const withoutY = own.y.map((sum, i) => estimateFrom(without(sums, "y", sum, other.y[i])));
  return { value, standardError: Math.sqrt(jackknifeVariance(withoutX) + jackknifeVariance(withoutY)) };
}

interface Totals {
  readonly count: { readonly x: number; readonly y: number };
  /** Σ_{i≠j} of the kernel within a set. */
  readonly within: { readonly x: number; readonly y: number };
  /** Σ_{i,j} of the kernel between the sets. */
  readonly between: number;
}

interface KernelSums extends Totals {
  /** For each picture, the sum of its kernels with the others of its set. */
  readonly own: { readonly x: readonly number[]; readonly y: readonly number[] };
  /** For each picture, the sum of its kernels with those of the other set. */
  readonly other: { readonly x: readonly number[]; readonly y: readonly number[] };
}

function kernelSums(x: Features, y: Features, kernel: Kernel): KernelSums {
  if (x.length < 2 || y.length < 2) throw new RangeError("an unbiased MMD needs two pictures in each set");
  if ([...x, ...y].some(({ length }) => length !== x[0].length)) {
    throw new RangeError("the features of the sets have different lengths");
  }
  const own = { x: sumsWithin(x, kernel), y: sumsWithin(y, kernel) };
  const other = { x: new Array<number>(x.length).fill(0), y: new Array<number>(y.length).fill(0) };
  x.forEach((one, i) => {
    y.forEach((two, j) => {
      const value = kernel(one, two);
      other.x[i] += value;
      other.y[j] += value;
    });
  });
  return {
    count: { x: x.length, y: y.length },
    within: { x: total(own.x), y: total(own.y) },
    between: total(other.x),
    own,
    other,
  };
}

function sumsWithin(set: Features, kernel: Kernel): number[] {
  const sums = new Array<number>(set.length).fill(0);
  for (let i = 0; i < set.length; i++) {
    for (let j = 0; j < i; j++) {
      const value = kernel(set[i], set[j]);
      sums[i] += value;
      sums[j] += value;
    }
  }
  return sums;
}

function estimateFrom({ count, within, between }: Totals): number {
  const mean = (side: "x" | "y") => within[side] / (count[side] * (count[side] - 1));
  return mean("x") + mean("y") - (2 * between) / (count.x * count.y);
}

/** The sums without one picture, whose own sums are given. */
function without({ count, within, between }: Totals, side: "x" | "y", own: number, other: number): Totals {
  return {
    count: { ...count, [side]: count[side] - 1 },
    within: { ...within, [side]: within[side] - 2 * own },
    between: between - other,
  };
}

function jackknifeVariance(estimates: readonly number[]): number {
  const count = estimates.length;
  const mean = total(estimates) / count;
  return ((count - 1) / count) * estimates.reduce((sum, estimate) => sum + (estimate - mean) ** 2, 0);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
