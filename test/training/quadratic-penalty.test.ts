import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addQuadraticPenaltyGradient,
  consolidateOnline,
  consolidateSum,
  FisherDiagonal,
  quadraticPenalty,
} from "../../src/training/quadratic-penalty.ts";

const number = fc.float({ min: -4, max: 4, noNaN: true });
const vector = fc.tuple(number, number, number).map((values) => Float32Array.from(values));
const positive = vector.map((values) => values.map(Math.abs));

describe("quadratic penalty", () => {
  it("has the gradient that central differences give", () => {
    fc.assert(
      fc.property(vector, vector, positive, (parameters, anchor, fisher) => {
        const gradient = Float32Array.of(1, 2, 3);
        addQuadraticPenaltyGradient(gradient, parameters, { anchor, fisher }, 0.5);
        parameters.forEach((_, j) => {
          // A quarter is exact in float32, and central differences are exact for squares.
          const moved = (by: number) => parameters.map((x, i) => (i === j ? x + by : x));
          const at = (by: number) => quadraticPenalty(moved(by), { anchor, fisher }, 0.5);
          expect(gradient[j]).toBeCloseTo(j + 1 + (at(0.25) - at(-0.25)) / 0.5, 3);
        });
      }),
    );
  });

  it("is nothing at the anchor, and λ = 0 leaves every bit of a gradient", () => {
    fc.assert(
      fc.property(vector, vector, positive, (parameters, anchor, fisher) => {
        expect(quadraticPenalty(anchor, { anchor, fisher }, 7)).toBe(0);
        const gradient = Float32Array.of(0.1, -0.2, 0.3);
        addQuadraticPenaltyGradient(gradient, parameters, { anchor, fisher }, 0);
        expect(gradient).toEqual(Float32Array.of(0.1, -0.2, 0.3));
      }),
    );
  });
});

describe("FisherDiagonal", () => {
  it("is the mean of the squares of single gradients, not the square of their mean", () => {
    const fisher = new FisherDiagonal(2);
    fisher.add(Float32Array.of(1, 2));
    fisher.add(Float32Array.of(-1, 4));
    expect(fisher.mean()).toEqual(Float32Array.of(1, 10));
  });

  it("goes on from its sum and count", () => {
    const first = new FisherDiagonal(2);
    first.add(Float32Array.of(1, 2));
    const second = new FisherDiagonal(2, first);
    second.add(Float32Array.of(-1, 4));
    expect(second.mean()).toEqual(Float32Array.of(1, 10));
    expect(first.mean()).toEqual(Float32Array.of(1, 4));
  });

  it("refuses gradients of another size, and a mean of nothing", () => {
    expect(() => {
      new FisherDiagonal(2).add(new Float32Array(3));
    }).toThrow(RangeError);
    expect(() => new FisherDiagonal(2).mean()).toThrow("no sample");
  });
});

describe("consolidation", () => {
  const first = { anchor: Float32Array.of(1, 2, 5), fisher: Float32Array.of(8, 16, 0) };
  const second = { anchor: Float32Array.of(3, -2, 7), fisher: Float32Array.of(1, 4, 0) };

  it("is the first concept's own where there is nothing earlier", () => {
    expect(consolidateOnline(undefined, first, 0.5)).toEqual(first);
    expect(consolidateSum(undefined, first, 0.5)).toEqual(first);
  });

  it("online: decay times the earlier ones plus the new, around where the last concept ended", () => {
    const { fisher, anchor } = consolidateOnline(first, second, 0.5);
    expect(fisher).toEqual(Float32Array.of(5, 12, 0));
    expect(anchor).toEqual(second.anchor);
  });

  it("per task: one quadratic with the gradient of the sum of all", () => {
    const together = consolidateSum(first, second, 0.5);
    const parameters = Float32Array.of(0.5, -1, 3);
    const [expected, actual] = [new Float32Array(3), new Float32Array(3)];
    addQuadraticPenaltyGradient(expected, parameters, first, 0.5 * 7);
    addQuadraticPenaltyGradient(expected, parameters, second, 7);
    addQuadraticPenaltyGradient(actual, parameters, together, 7);
    actual.forEach((value, j) => {
      expect(value).toBeCloseTo(expected[j], 4);
    });
  });
});
