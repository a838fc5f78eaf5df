import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leadingDirections, projectOut, secondMoment } from "../../src/numeric/directions.ts";
import { symmetricEigen } from "../../src/numeric/symmetric-eigen.ts";
import { RandomStream } from "../../src/random/random.ts";

const sizes = fc.integer({ min: 1, max: 24 });
const seeds = fc.integer({ min: 0, max: 1e6 });

describe("symmetricEigen", () => {
  it("takes any symmetric matrix apart: A v = value · v, orthonormal, in descending order", () => {
    fc.assert(
      fc.property(sizes, seeds, fc.integer({ min: 1, max: 24 }), (size, seed, rank) => {
        // Of low rank every other time, where many eigenvalues are the same.
        const rows = new RandomStream(seed, "test").normal(rank * size);
        const matrix = secondMoment([rows], size);
        const { values, vectors } = symmetricEigen(matrix, size);
        expect([...values]).toEqual([...values].sort((a, b) => b - a));
        for (let v = 0; v < size; v++) {
          for (let i = 0; i < size; i++) {
            let product = 0;
            for (let j = 0; j < size; j++) product += matrix[i * size + j] * vectors[v * size + j];
            expect(product).toBeCloseTo(values[v] * vectors[v * size + i], 10);
          }
          for (let w = 0; w <= v; w++) {
            let dot = 0;
            for (let i = 0; i < size; i++) dot += vectors[v * size + i] * vectors[w * size + i];
            expect(dot).toBeCloseTo(v === w ? 1 : 0, 10);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each([3, 10, 30])("comes to an end where most of a large matrix is rounding: rank %i of 150", (rank) => {
    const size = 150;
    for (const seed of [0, 1]) {
      const matrix = secondMoment([new RandomStream(seed, "b").normal(rank * size)], size);
      const { values, vectors } = symmetricEigen(matrix, size);
      expect(values.filter((value) => value > 1e-12 * values[0])).toHaveLength(rank);
      const worst = vectors.reduce((most, own, at) => {
        const v = Math.floor(at / size);
        const row = matrix.subarray((at % size) * size, ((at % size) + 1) * size);
        const product = row.reduce((sum, value, j) => sum + value * vectors[v * size + j], 0);
        return Math.max(most, Math.abs(product - values[v] * own));
      }, 0);
      expect(worst / values[0]).toBeLessThan(1e-13);
    }
  });

  it("finds those of a diagonal matrix and of none at all", () => {
    expect([...symmetricEigen(Float64Array.of(1, 0, 0, 3), 2).values]).toEqual([3, 1]);
    expect([...symmetricEigen(new Float64Array(9), 3).values]).toEqual([0, 0, 0]);
  });
});

describe("leadingDirections", () => {
  const width = 12;
  const rows = new RandomStream(2, "test").normal(5 * width);

  it("are as many as there are independent vectors when all energy is wanted, and take them out to rounding", () => {
    const directions = leadingDirections(secondMoment([rows, rows], width), width, 1);
    expect(directions.count).toBe(5);
    expect(directions.energy).toBeCloseTo(1, 12);
    const left = rows.slice();
    projectOut(left, directions);
    expect(Math.max(...left.map(Math.abs))).toBeLessThan(1e-6);
  });

  it("are fewer for less energy, and never more than is allowed", () => {
    const moment = secondMoment([rows], width);
    const some = leadingDirections(moment, width, 0.7);
    expect(some.count).toBeLessThan(5);
    expect(some.energy).toBeGreaterThanOrEqual(0.7);
    expect(leadingDirections(moment, width, 1, 2).count).toBe(2);
    expect(leadingDirections(new Float64Array(width * width), width, 1).count).toBe(0);
  });
});
