/**
 * @file Eigenvalues and eigenvectors of a real symmetric matrix: Householder tridiagonalisation and the implicit QL
 * method (EISPACK's tred2 and tql2; Wilkinson & Reinsch, "Handbook for Automatic Computation II", 1971), in float64.
 * Only + - * / and square roots, so every machine gets the same bits.
 */

export interface SymmetricEigen {
  /** Descending. */
  readonly values: Float64Array;
  /** Row i is the unit eigenvector of value i, `[size, size]`. */
  readonly vectors: Float64Array;
}

/** @param matrix - `[size, size]`, symmetric */
export function symmetricEigen(matrix: Float64Array, size: number): SymmetricEigen {
  const rows = Array.from({ length: size }, (_, i) => matrix.slice(i * size, (i + 1) * size));
  const off = tridiagonalise(rows);
  const diagonal = Float64Array.from(rows, (row, i) => row[i]);
  const basis = accumulate(rows);
  diagonalise(diagonal, off, basis);
  const order = Array.from(diagonal, (_, i) => i).sort((a, b) => diagonal[b] - diagonal[a] || a - b);
  const vectors = new Float64Array(size * size);
  order.forEach((from, to) => {
    vectors.set(basis[from], to * size);
  });
  return { values: Float64Array.from(order, (i) => diagonal[i]), vectors };
}

/**
 * Similarity transforms with Householder reflections, from the first column on. Leaves the diagonal in place, and each
 * reflection's unit vector below it.
 * @returns the subdiagonal; its last element is 0
 */
function tridiagonalise(rows: Float64Array[]): Float64Array {
  const size = rows.length;
  const off = new Float64Array(size);
  for (let k = 0; k + 1 < size; k++) {
    const v = Float64Array.from({ length: size }, (_, i) => (i > k ? rows[i][k] : 0));
    const norm = Math.sqrt(dot(v, v));
    // The sign that does not cancel.
    off[k] = v[k + 1] > 0 ? -norm : norm;
    v[k + 1] -= off[k];
    const length = Math.sqrt(dot(v, v));
    if (length > 0) {
      for (let i = k + 1; i < size; i++) v[i] /= length;
      // A ← (I - 2vvᵀ) A (I - 2vvᵀ) = A - 2 v qᵀ - 2 q vᵀ with p = A v, q = p - (vᵀp) v.
      const q = new Float64Array(size);
      for (let i = k + 1; i < size; i++) q[i] = dot(rows[i], v);
      const projection = dot(v, q);
      for (let i = k + 1; i < size; i++) q[i] -= projection * v[i];
      for (let i = k + 1; i < size; i++) {
        const row = rows[i];
        for (let j = k + 1; j < size; j++) row[j] -= 2 * (v[i] * q[j] + q[i] * v[j]);
      }
    }
    for (let i = k + 1; i < size; i++) rows[i][k] = v[i];
  }
  return off;
}

/** The product of the reflections, transposed: row j is what becomes of unit vector j. */
function accumulate(rows: readonly Float64Array[]): Float64Array[] {
  const size = rows.length;
  const basis = Array.from({ length: size }, (_, i) =>
    Float64Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)),
  );
  for (let k = size - 2; k >= 0; k--) {
    const v = Float64Array.from(rows, (row, i) => (i > k ? row[k] : 0));
    for (let j = k + 1; j < size; j++) {
      const twice = 2 * dot(basis[j], v);
      for (let i = k + 1; i < size; i++) basis[j][i] -= twice * v[i];
    }
  }
  return basis;
}

/** QL with implicit shifts on a tridiagonal matrix; rotates the rows of `basis` along. */
function diagonalise(d: Float64Array, e: Float64Array, basis: Float64Array[]): void {
  const size = d.length;
  // What is small is told by the largest numbers: beside its neighbours, the rounding that is left of a matrix of low
  // rank never is.
  const largest = d.reduce((most, value, i) => Math.max(most, Math.abs(value) + Math.abs(e[i])), 0);
  for (let l = 0; l < size; l++) {
    for (let iteration = 0; ; iteration++) {
      let m = l;
      while (m + 1 < size && Math.abs(e[m]) > Number.EPSILON * largest) m++;
      if (m === l) break;
      // The method needs about two iterations for each value; a matrix with NaN would go on for ever.
      if (iteration === 100) throw new Error("the eigenvalues of the matrix do not converge");
      let g = (d[l + 1] - d[l]) / (2 * e[l]);
      let r = Math.sqrt(g * g + 1);
      g = d[m] - d[l] + e[l] / (g + (g >= 0 ? r : -r));
      let [s, c, p] = [1, 1, 0];
      let i = m - 1;
      for (; i >= l; i--) {
        let f = s * e[i];
        const b = c * e[i];
        r = Math.sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        const [upper, lower] = [basis[i], basis[i + 1]];
        for (let k = 0; k < size; k++) {
          f = lower[k];
          lower[k] = s * upper[k] + c * f;
          upper[k] = c * upper[k] - s * f;
        }
      }
      if (r === 0 && i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
