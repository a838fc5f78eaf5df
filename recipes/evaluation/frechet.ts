/**
 * @file The Fréchet distance between two sets of features, each taken for a Gaussian (Heusel et al. 2017, eq. 6; there
 * in Inception's features, here in those of the judge).
 */
import { symmetricEigen } from "../../src/numeric/symmetric-eigen.ts";

interface Gaussian {
  readonly mean: Float64Array;
  /** `[width, width]` */
  readonly covariance: Float64Array;
}

/** @throws RangeError for fewer than two rows, or rows of different width */
function gaussianOf(rows: readonly Float32Array[]): Gaussian {
  const width = rows[0]?.length ?? 0;
  if (rows.length < 2 || rows.some(({ length }) => length !== width)) throw new RangeError("too few features");
  const mean = new Float64Array(width);
  for (const row of rows) row.forEach((value, i) => (mean[i] += value / rows.length));
  const covariance = new Float64Array(width * width);
  for (const row of rows) {
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) {
        covariance[i * width + j] += ((row[i] - mean[i]) * (row[j] - mean[j])) / (rows.length - 1);
      }
    }
  }
  return { mean, covariance };
}

function multiplied(a: Float64Array, b: Float64Array, width: number): Float64Array {
  const out = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let k = 0; k < width; k++) {
      const value = a[i * width + k];
      for (let j = 0; j < width; j++) out[i * width + j] += value * b[k * width + j];
    }
  }
  return out;
}

/** The root of a positive semidefinite matrix; what rounding made negative counts as 0. */
function rootOf(matrix: Float64Array, width: number): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, width);
  const out = new Float64Array(width * width);
  for (let k = 0; k < width; k++) {
    const root = Math.sqrt(Math.max(0, values[k]));
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < width; j++) out[i * width + j] += root * vectors[k * width + i] * vectors[k * width + j];
    }
  }
  return out;
}

/**
 * Projects features onto the directions in which those of the reference vary most. With as many directions as features,
 * a few hundred pictures are too few to know a covariance, and even real pictures would be far from real ones.
 */
export function leadingDirections(
  reference: readonly Float32Array[],
  count: number,
): (features: Float32Array) => Float32Array {
  const { mean, covariance } = gaussianOf(reference);
  const width = mean.length;
  const { vectors } = symmetricEigen(covariance, width);
  return (features) =>
    Float32Array.from({ length: count }, (_, k) =>
      features.reduce((sum, value, i) => sum + (value - mean[i]) * vectors[k * width + i], 0),
    );
}

/** ‖m₁ − m₂‖² + tr(C₁ + C₂ − 2 (C₁^½ C₂ C₁^½)^½). It falls with the number of pictures: compare equal numbers only. */
export function frechetDistance(first: readonly Float32Array[], second: readonly Float32Array[]): number {
  const [a, b] = [gaussianOf(first), gaussianOf(second)];
  const width = a.mean.length;
  const root = rootOf(a.covariance, width);
  const between = multiplied(multiplied(root, b.covariance, width), root, width);
  const { values } = symmetricEigen(between, width);
  const cross = values.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
  let distance = -2 * cross;
  for (let i = 0; i < width; i++) {
    distance += (a.mean[i] - b.mean[i]) ** 2 + a.covariance[i * width + i] + b.covariance[i * width + i];
  }
  return Math.max(0, distance);
}
