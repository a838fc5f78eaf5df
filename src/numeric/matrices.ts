/**
 * @file Small row-major matrices: products in float64, for penalties that are closed forms of an adapter's A and B, and
 * parts side by side.
 */

/** `[rows, inner]` times `[inner, columns]`. */
export function product(
  left: Float32Array | Float64Array,
  right: Float32Array | Float64Array,
  rows: number,
  inner: number,
  columns: number,
): Float64Array {
  // One type of array: the loop is compiled for it alone.
  return float64Product(float64(left), float64(right), rows, inner, columns);
}

function float64(matrix: Float32Array | Float64Array): Float64Array {
  return matrix instanceof Float64Array ? matrix : new Float64Array(matrix);
}

function float64Product(
  left: Float64Array,
  right: Float64Array,
  rows: number,
  inner: number,
  columns: number,
): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const [first, own] = [i * columns, i * inner];
    let k = 0;
    // Four rows at a time: twice as fast as one.
    for (; k + 3 < inner; k += 4) {
      const [a, b, c, d] = [left[own + k], left[own + k + 1], left[own + k + 2], left[own + k + 3]];
      const [ra, rb, rc, rd] = [k * columns, (k + 1) * columns, (k + 2) * columns, (k + 3) * columns];
      for (let j = 0; j < columns; j++) {
        result[first + j] += a * right[ra + j] + b * right[rb + j] + c * right[rc + j] + d * right[rd + j];
      }
    }
    for (; k < inner; k++) {
      const [a, ra] = [left[own + k], k * columns];
      for (let j = 0; j < columns; j++) result[first + j] += a * right[ra + j];
    }
  }
  return result;
}

/** Of `[rows, columns]`. */
export function transposed(matrix: Float32Array | Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j];
  }
  return result;
}

/** A matrix whose rows are those of the parts, one after another. */
export function joinColumns(parts: readonly { readonly values: Float32Array; readonly width: number }[]): Float32Array {
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  const joined = new Float32Array(parts.reduce((sum, { values }) => sum + values.length, 0));
  let column = 0;
  for (const { values, width: own } of parts) {
    for (let row = 0; row * own < values.length; row++) {
      joined.set(values.subarray(row * own, (row + 1) * own), row * width + column);
    }
    column += own;
  }
  return joined;
}

/** The parts that {@link joinColumns} has joined. */
export function splitColumns(matrix: Float32Array, widths: readonly number[]): Float32Array[] {
  const width = widths.reduce((sum, own) => sum + own, 0);
  let column = 0;
  return widths.map((own) => {
    const first = column;
    column += own;
    const part = new Float32Array((matrix.length / width) * own);
    for (let row = 0; row * own < part.length; row++) {
      part.set(matrix.subarray(row * width + first, row * width + first + own), row * own);
    }
    return part;
  });
}
