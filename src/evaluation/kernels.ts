/**
 * @file Kernels between features of pictures: what the maximum mean discrepancy is measured with.
 */

/** Features of some pictures, one array for each, all of one length. */
export type Features = readonly Float32Array[];

/** Symmetric and positive definite: an inner product of what two features are mapped to. */
export type Kernel = (x: Float32Array, y: Float32Array) => number;

export interface PolynomialKernelOptions {
  /** A whole number of at least 1. Default 3. */
  readonly degree?: number;
  /** What the inner product is multiplied with, above 0. Default: 1 / length of the features. */
  readonly gamma?: number;
  /** At least 0. Default 1. */
  readonly offset?: number;
}

/**
 * k(x, y) = (gamma · x·y + offset)^degree. The defaults, (x·y / d + 1)³, are the kernel of KID (Bińkowski et al.,
 * "Demystifying MMD GANs", ICLR 2018, section 4), which has no bandwidth.
 *
 * On features of length 1, as CLIP's are here, x·y / d is small and the kernel almost linear: what it measures is about
 * (3 / d) ‖mean(x) - mean(y)‖², in thousandths. A larger `gamma` gives the higher moments their weight.
 */
export function polynomialKernel({ degree = 3, gamma, offset = 1 }: PolynomialKernelOptions = {}): Kernel {
  return (x, y) => {
    let product = 0;
    for (let i = 0; i < x.length; i++) product += x[i] * y[i];
    return (product * (gamma ?? 1 / x.length) + offset) ** degree;
  };
}

/**
 * k(x, y) = exp(-‖x - y‖² / (2 · bandwidth²)), which tells any two distributions apart (Gretton et al. 2012, section
 * 2.2).
 *
 * @param bandwidth - above 0, in the units of the features; {@link medianDistance} is the usual choice
 */
export function gaussianKernel(bandwidth: number): Kernel {
  return (x, y) => Math.exp(-squaredDistance(x, y) / (2 * bandwidth * bandwidth));
}

/**
 * The median of the Euclidean distances between all pictures of all sets (Gretton et al. 2012, section 8). Methods that
 * are compared with one another need one bandwidth: take it from the real pictures alone.
 *
 * @throws RangeError for fewer than two pictures
 */
export function medianDistance(...sets: readonly Features[]): number {
  const all = sets.flat();
  if (all.length < 2) throw new RangeError("a median distance needs two pictures");
  const distances = all.flatMap((x, i) => all.slice(i + 1).map((y) => Math.sqrt(squaredDistance(x, y))));
  distances.sort((a, b) => a - b);
  const middle = distances.length >> 1;
  return distances.length % 2 === 1 ? distances[middle] : (distances[middle - 1] + distances[middle]) / 2;
}

function squaredDistance(x: Float32Array, y: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] - y[i]) ** 2;
  return sum;
}
