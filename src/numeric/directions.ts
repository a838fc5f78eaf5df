/**
 * @file The leading directions of a set of vectors, and the projection onto what is orthogonal to them.
 */
import { symmetricEigen } from "./symmetric-eigen.ts";

/** Below this part of the largest energy a direction is rounding of float32 vectors: (1e-6)². */
const ROUNDING = 1e-12;

/** Σ v vᵀ / count of row vectors `[rows, width]`, `[width, width]` in float64. */
export function secondMoment(arrays: readonly Float32Array[], width: number): Float64Array {
  const sum = new Float64Array(width * width);
  let rows = 0;
  for (const array of arrays) {
    for (let first = 0; first < array.length; first += width, rows++) {
      for (let i = 0; i < width; i++) {
        const value = array[first + i];
        if (value === 0) continue;
        for (let j = i; j < width; j++) sum[i * width + j] += value * array[first + j];
      }
    }
  }
  const count = Math.max(1, rows);
  for (let i = 0; i < width; i++) {
    for (let j = i; j < width; j++) {
      const mean = sum[i * width + j] / count;
      sum[i * width + j] = mean;
      sum[j * width + i] = mean;
    }
  }
  return sum;
}

export interface Directions {
  /** Orthonormal rows, `[count, width]`. */
  readonly rows: Float64Array;
  /** The energy in each, descending. */
  readonly values: Float64Array;
  readonly count: number;
  readonly width: number;
  /** The part of the energy that lies in them. */
  readonly energy: number;
}

/**
 * The fewest leading eigenvectors of a second moment that hold a part of its energy (its trace).
 *
 * @param energy - from 0 to 1; 1 means all but rounding
 * @param most - at most so many
 */
export function leadingDirections(moment: Float64Array, width: number, energy: number, most = width): Directions {
  const { values, vectors } = symmetricEigen(moment, width);
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  let [count, held] = [0, 0];
  while (count < Math.min(most, width) && values[count] > ROUNDING * values[0]) {
    if (energy < 1 && held >= energy * total) break;
    held += values[count++];
  }
  return {
    rows: vectors.slice(0, count * width),
    values: values.slice(0, count),
    count,
    width,
    energy: total > 0 ? held / total : 1,
  };
}

/** Takes the directions out of row vectors in place: x ← x - Σ (x · v) v. */
export function projectOut(
  array: Float32Array,
  { rows, count, width }: Pick<Directions, "rows" | "count" | "width">,
): void {
  const row = new Float64Array(width);
  for (let first = 0; first < array.length; first += width) {
    for (let i = 0; i < width; i++) row[i] = array[first + i];
    for (let k = 0; k < count; k++) {
      let along = 0;
      for (let i = 0; i < width; i++) along += row[i] * rows[k * width + i];
      for (let i = 0; i < width; i++) row[i] -= along * rows[k * width + i];
    }
    for (let i = 0; i < width; i++) array[first + i] = row[i];
  }
}
