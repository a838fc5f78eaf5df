/**
 * @file The singular value decomposition of a matrix that may be of low rank: first a basis of its rows, pivot by
 * pivot, then the eigenvectors of what is left to decompose, which is as small as the rank.
 */
import { product, transposed } from "./matrices.ts";
import { symmetricEigen } from "./symmetric-eigen.ts";

/** What lies below this part of a matrix is rounding of float32 numbers that were added up several times. */
const ROUNDING = 1e-6;

/** `M ≈ left · right`, term by term: the first `r` of them are the best approximation of rank `r`. */
export interface SingularTerms {
  /** Of the singular values, descending; as many as the matrix has to within rounding, none for zeros. */
  readonly values: Float64Array;
  /** `[rows, count]`; column i is the left singular vector times value i. */
  readonly left: Float64Array;
  /** `[count, columns]`, orthonormal rows. */
  readonly right: Float64Array;
  /** The Frobenius norm of the matrix. */
  readonly norm: number;
}

/**
 * @param matrix - `[rows, columns]`, row-major
 * @param most - how many terms are of use
 * @returns undefined if there are more, which is found out in a fraction of the time
 */
export function singularTerms(
  matrix: Float32Array,
  rows: number,
  columns: number,
  most = Math.min(rows, columns),
): SingularTerms | undefined {
  const found = rowBasis(matrix, rows, columns, most);
  if (found === undefined) return undefined;
  const { basis, count, norm } = found;
  const coordinates = product(matrix, transposed(basis, count, columns), rows, columns, count);
  const gram = product(transposed(coordinates, rows, count), coordinates, count, rows, count);
  const { values, vectors } = symmetricEigen(gram, count);
  return {
    values: values.map((value) => Math.sqrt(Math.max(0, value))),
    left: product(coordinates, transposed(vectors, count, count), rows, count, count),
    right: product(vectors, basis, count, count, columns),
    norm,
  };
}

/** How many of the singular values hold all of a matrix but a part of its norm. */
export function rankWithin({ values, norm }: SingularTerms, part = ROUNDING): number {
  let rest = 0;
  let rank = values.length;
  while (rank > 0 && Math.sqrt(rest + values[rank - 1] ** 2) <= part * norm) rest += values[--rank] ** 2;
  return rank;
}

/**
 * Orthonormal rows that span those of a matrix to within rounding: each step takes the row of which most is left
 * (Gram-Schmidt).
 */
function rowBasis(matrix: Float32Array, rows: number, columns: number, most: number) {
  const rowOf = (row: number) => matrix.subarray(row * columns, (row + 1) * columns);
  const left = Float64Array.from({ length: rows }, (_, row) => squares(rowOf(row)));
  const total = left.reduce((sum, value) => sum + value, 0);
  const directions: Float64Array[] = [];
  const all = Math.min(rows, columns);
  // Half of what counts as rounding, so that nothing that counts is left out.
  while (directions.length < all && left.reduce((sum, value) => sum + value, 0) > (ROUNDING / 2) ** 2 * total) {
    if (directions.length === most) return undefined;
    const pivot = left.reduce((best, value, row) => (value > left[best] ? row : best), 0);
    const direction = Float64Array.from(rowOf(pivot));
    // Twice: once leaves rounding of the row, which may be much longer than what is left of it.
    for (const earlier of [...directions, ...directions]) addScaled(direction, earlier, -dot(direction, earlier));
    const length = Math.sqrt(squares(direction));
    if (length === 0) break;
    directions.push(direction.map((value) => value / length));
    const [added] = directions.slice(-1);
    for (let row = 0; row < rows; row++) left[row] = Math.max(0, left[row] - dot(rowOf(row), added) ** 2);
    left[pivot] = 0;
  }
  const basis = new Float64Array(directions.length * columns);
  directions.forEach((direction, i) => {
    basis.set(direction, i * columns);
  });
  return { basis, count: directions.length, norm: Math.sqrt(total) };
}

function squares(vector: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  return sum;
}

function dot(a: Float32Array | Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += a[i] * b[i];
  return sum;
}

function addScaled(target: Float64Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * values[i];
}
