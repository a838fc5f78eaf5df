import { describe, expect, it } from "vitest";
import { rankWithin, singularTerms } from "../../src/numeric/low-rank.ts";
import { product } from "../../src/numeric/matrices.ts";
import { RandomStream } from "../../src/random/random.ts";

const normal = (purpose: string, count: number) => new RandomStream(4, "low rank", purpose).normal(count);

/** A matrix `[rows, columns]` of a rank, as float32. */
const ofRank = (rank: number, rows: number, columns: number) =>
  Float32Array.from(product(normal("left", rows * rank), normal("right", rank * columns), rows, rank, columns));

/** The largest difference from what the first `rank` terms add up to. */
function worst(matrix: Float32Array, rows: number, columns: number, rank: number): number {
  const terms = singularTerms(matrix, rows, columns);
  if (terms === undefined) throw new Error("no terms");
  const count = terms.values.length;
  const left = Float64Array.from({ length: rows * rank }, (_, i) => {
    return terms.left[Math.floor(i / rank) * count + (i % rank)];
  });
  const sum = product(left, terms.right.slice(0, rank * columns), rows, rank, columns);
  return Math.max(...sum.map((value, i) => Math.abs(value - matrix[i])));
}

describe("singular terms", () => {
  it.each([
    [3, 20, 12],
    [5, 12, 20],
    [8, 8, 8],
  ])("of rank %i of a matrix %i x %i are as many, and add up to it", (rank, rows, columns) => {
    const matrix = ofRank(rank, rows, columns);
    const terms = singularTerms(matrix, rows, columns);
    expect(terms && rankWithin(terms)).toBe(rank);
    expect(worst(matrix, rows, columns, rank)).toBeLessThan(1e-5);
  });

  it("are the singular values, descending, with orthonormal directions", () => {
    const diagonal = Float32Array.of(0, 3, 0, 0, 0, 0.5, 7, 0, 0);
    const terms = singularTerms(diagonal, 3, 3);
    expect(terms?.values).toHaveLength(3);
    for (const [i, value] of [7, 3, 0.5].entries()) expect(terms?.values[i]).toBeCloseTo(value, 12);
    expect(terms?.norm).toBeCloseTo(Math.hypot(7, 3, 0.5), 12);
    const gram = terms && product(terms.right, transposedOf(terms.right, 3), 3, 3, 3);
    gram?.forEach((value, i) => {
      expect(value).toBeCloseTo(i % 4 === 0 ? 1 : 0, 12);
    });
  });

  it("give the best approximation: its error is what the left out values say (Eckart, Young)", () => {
    const [rows, columns] = [9, 7];
    const matrix = ofRank(7, rows, columns);
    const terms = singularTerms(matrix, rows, columns);
    if (terms === undefined) throw new Error("no terms");
    const left = Float64Array.from({ length: rows * 2 }, (_, i) => terms.left[Math.floor(i / 2) * 7 + (i % 2)]);
    const sum = product(left, terms.right.slice(0, 2 * columns), rows, 2, columns);
    const error = Math.hypot(...sum.map((value, i) => value - matrix[i]));
    expect(error).toBeCloseTo(Math.hypot(...terms.values.slice(2)), 6);
  });

  it("are none of zeros, and are not looked for beyond what is of use", () => {
    const terms = singularTerms(new Float32Array(12), 3, 4);
    expect(terms).toMatchObject({ values: new Float64Array(), norm: 0 });
    expect(terms && rankWithin(terms)).toBe(0);
    expect(singularTerms(ofRank(4, 10, 10), 10, 10, 3)).toBeUndefined();
    expect(singularTerms(ofRank(4, 10, 10), 10, 10, 4)?.values).toHaveLength(4);
  });
});

const transposedOf = (matrix: Float64Array, size: number) =>
  matrix.map((_, i) => matrix[(i % size) * size + Math.floor(i / size)]);
