import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clipI, clipT } from "../../src/evaluation/clip-scores.ts";
import { meanAndStandardError } from "../../src/evaluation/estimate.ts";
import { backwardTransfer, finalMean, plasticity } from "../../src/evaluation/score-matrix.ts";
import { features } from "./support.ts";

describe("CLIP scores", () => {
  it("have the values that come out by hand", () => {
    const generated = features([1, 0], [0, 1]);
    // Cosines with the real picture (0.6, 0.8): 0.6 and 0.8; with (0, 1): 0 and 1. Their mean is 2.4 / 4.
    expect(clipI(generated, features([0.6, 0.8], [0, 1]))).toBeCloseTo(0.6, 6);
    // Each with its own prompt only: 0.6 and 1.
    expect(clipT(generated, features([0.6, 0.8], [0, 1]))).toBeCloseTo(0.8, 6);
  });

  it("are refused where there is nothing to compare", () => {
    expect(() => clipI([], features([1, 0]))).toThrow(RangeError);
    expect(() => clipT([], [])).toThrow(RangeError);
    expect(() => clipT(features([1, 0]), features([1, 0], [0, 1]))).toThrow("1 pictures cannot be compared with 2");
  });
});

describe("mean and standard error", () => {
  it("have the values that come out by hand", () => {
    // Mean 4; deviations -2, -1, 3: 14 / 2 = 7 is the sample variance, 7 / 3 that of the mean.
    const { value, standardError } = meanAndStandardError([2, 3, 7]);
    expect(value).toBe(4);
    expect(standardError).toBeCloseTo(Math.sqrt(7 / 3), 12);
    expect(meanAndStandardError([5])).toEqual({ value: 5 });
    expect(() => meanAndStandardError([])).toThrow(RangeError);
  });
});

describe("a matrix of scores", () => {
  const scores = [[0.9], [0.7, 0.8], [0.4, 0.9, 0.6]];

  it("has the values that come out by hand", () => {
    // The last row: (0.4 + 0.9 + 0.6) / 3.
    expect(finalMean(scores)).toBeCloseTo(1.9 / 3, 12);
    // The diagonal: (0.9 + 0.8 + 0.6) / 3.
    expect(plasticity(scores)).toBeCloseTo(2.3 / 3, 12);
    // From the diagonal to the last row: -0.5 and +0.1; the last concept does not count.
    expect(backwardTransfer(scores, "higher")).toBeCloseTo(-0.2, 12);
    expect(backwardTransfer(scores, "lower")).toBeCloseTo(0.2, 12);
  });

  it("of one concept has no backward transfer", () => {
    expect(plasticity([[3]])).toBe(3);
    expect(backwardTransfer([[3]], "higher")).toBeUndefined();
  });

  it("shows no forgetting where nothing changes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 2, maxLength: 6 }),
        (own) => {
          const constant = own.map((_, n) => own.slice(0, n + 1));
          expect(backwardTransfer(constant, "higher")).toBe(0);
          expect(finalMean(constant)).toBe(plasticity(constant));
        },
      ),
    );
  });

  it("is refused unless row n has n + 1 entries", () => {
    for (const judge of [finalMean, plasticity, (matrix: number[][]) => backwardTransfer(matrix, "lower")]) {
      expect(() => judge([])).toThrow("no concept");
      expect(() => judge([[1], [1]])).toThrow("row 1 has 1 entries, not 2");
    }
  });
});
