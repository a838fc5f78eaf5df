import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meanAndStandardError } from "../../src/evaluation/estimate.ts";
import { gaussianKernel, polynomialKernel, type Features } from "../../src/evaluation/kernels.ts";
import { kid, squaredMmd } from "../../src/evaluation/mmd.ts";
import { features, normalFeatures, squaredMmdOfAllQuadruples } from "./support.ts";

const WIDTH = 3;
const feature = fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: WIDTH, maxLength: WIDTH });
const set = fc.array(feature, { minLength: 2, maxLength: 6 }).map((rows) => features(...rows));
const kernel = fc.constantFrom(polynomialKernel(), polynomialKernel({ gamma: 1 }), gaussianKernel(0.7));

describe("squaredMmd", () => {
  it("has the values that come out by hand", () => {
    // k(x, y) = xy. Within x: 1·3 = 3. Within y: 2·6 = 12. Between: (1 + 3)(2 + 6) / 4 = 8. 3 + 12 - 2·8 = -1.
    const linear = polynomialKernel({ degree: 1, gamma: 1, offset: 0 });
    expect(squaredMmd(features(1, 3), features(2, 6), linear)).toBe(-1);

    // k(x, y) = (xy + 1)³. Within x: k(0, 1) = 1. Within y: k(1, 2) = 27. Between: (1 + 1 + 8 + 27) / 4 = 9.25. 1 + 27
    // - 18.5 = 9.5.
    expect(squaredMmd(features(0, 1), features(1, 2))).toBe(9.5);

    // Within x: exp(-1/2). Within y: exp(-2). Between: (1 + exp(-2) + 2 exp(-1/2)) / 4. Together: (exp(-2) - 1) / 2.
    expect(squaredMmd(features(0, 1), features(0, 2), gaussianKernel(1))).toBeCloseTo((Math.exp(-2) - 1) / 2, 12);

    // Sets of different sizes, k(x, y) = xy. Within x: 2·(0·1 + 0·2 + 1·2) / 6 = 2/3. Within y: 4·6 = 24. Between: 3·10
    // / 6 = 5.
    expect(squaredMmd(features(0, 1, 2), features(4, 6), linear)).toBeCloseTo(2 / 3 + 24 - 10, 12);
  });

  it("is the mean over all quadruples, as the definition has it", () => {
    fc.assert(
      fc.property(set, set, kernel, (x, y, k) => {
        expect(squaredMmd(x, y, k)).toBeCloseTo(squaredMmdOfAllQuadruples(x, y, k), 9);
      }),
    );
  });

  it("is what exact arithmetic of fractions gives", () => {
    const whole = fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 2, maxLength: 2 }), {
      minLength: 2,
      maxLength: 7,
    });
    /** Σ (x·y + 1)³ over all pairs, or all pairs of two different ones. */
    const sumOver = (x: number[][], y: number[][]): bigint =>
      x
        .flatMap((a, i) =>
          y.filter((_, j) => x !== y || i !== j).map((b) => BigInt(a[0] * b[0] + a[1] * b[1] + 1) ** 3n),
        )
        .reduce((sum, value) => sum + value, 0n);
    fc.assert(
      fc.property(whole, whole, (x, y) => {
        const [m, n] = [BigInt(x.length), BigInt(y.length)];
        const [within, pairs] = [
          [sumOver(x, x), sumOver(y, y)],
          [m * (m - 1n), n * (n - 1n)],
        ];
        const common = pairs[0] * pairs[1] * m * n;
        const numerator =
          (within[0] * common) / pairs[0] + (within[1] * common) / pairs[1] - 2n * sumOver(x, y) * pairs[0] * pairs[1];
        const exact = Number(numerator) / Number(common);
        const mmd = squaredMmd(features(...x), features(...y), polynomialKernel({ gamma: 1 }));
        expect(Math.abs(mmd - exact)).toBeLessThanOrEqual(
          1e-9 * Math.max(1, ...within.map((sum) => Math.abs(Number(sum)))),
        );
      }),
    );
  });

  it("of a set with itself is not positive, and 0 for equal features", () => {
    fc.assert(
      fc.property(set, kernel, (x, k) => {
        expect(squaredMmd(x, x, k)).toBeLessThanOrEqual(1e-12);
      }),
    );
    expect(squaredMmd(features(0.5, 0.5), features(0.5, 0.5, 0.5))).toBe(0);
  });

  it("is symmetric, and does not depend on the order of the pictures", () => {
    const shuffled = set.chain((x) => fc.tuple(fc.constant(x), fc.shuffledSubarray([...x], { minLength: x.length })));
    fc.assert(
      fc.property(shuffled, shuffled, kernel, ([x, otherX], [y, otherY], k) => {
        const value = squaredMmd(x, y, k);
        expect(squaredMmd(y, x, k)).toBeCloseTo(value, 12);
        expect(squaredMmd(otherX, otherY, k)).toBeCloseTo(value, 12);
      }),
    );
  });

  it("grows with the distance of the distributions", () => {
    const [x, near, far] = [0, 0.5, 2].map((shift) => normalFeatures(40, 4, shift, "distance", shift));
    for (const k of [polynomialKernel(), gaussianKernel(2)]) {
      expect(squaredMmd(x, near, k)).toBeGreaterThan(0);
      expect(squaredMmd(x, far, k)).toBeGreaterThan(squaredMmd(x, near, k));
    }
  });

  it("refuses a single picture, and features of different lengths", () => {
    expect(() => squaredMmd(features(1), features(1, 2))).toThrow(RangeError);
    expect(() => squaredMmd(features(1, 2), [])).toThrow(RangeError);
    expect(() => squaredMmd(features(1, 2), features([1, 2], [3, 4]))).toThrow("different lengths");
  });
});

describe("kid", () => {
  /** Two samples of distributions whose means are `shift` apart, many times. */
  const repeated = (times: number, shift: number) =>
    Array.from({ length: times }, (_, i) =>
      kid(normalFeatures(12, 8, 0, "x", shift, i), normalFeatures(15, 8, shift, "y", shift, i)),
    );

  it("is the squared MMD with the kernel (x·y / d + 1)³", () => {
    const cubic = (x: Float32Array, y: Float32Array) =>
      (x.reduce((sum, a, i) => sum + a * y[i], 0) / x.length + 1) ** 3;
    fc.assert(
      fc.property(set, set, (x, y) => {
        expect(kid(x, y).value).toBeCloseTo(squaredMmdOfAllQuadruples(x, y, cubic), 9);
      }),
    );
  });

  it("is 0 in the mean for equal distributions, and never biased upwards by small sets", () => {
    const { value, standardError = 0 } = meanAndStandardError(repeated(400, 0).map((each) => each.value));
    expect(standardError).toBeGreaterThan(0);
    expect(Math.abs(value)).toBeLessThan(3 * standardError);
  });

  it("has the jackknife's standard error: every estimate without one picture, made anew", () => {
    const spread = (full: Features, estimate: (rest: Features) => number) => {
      const estimates = full.map((_, i) => estimate(full.filter((_, j) => i !== j)));
      const mean = estimates.reduce((sum, value) => sum + value, 0) / estimates.length;
      return ((full.length - 1) / full.length) * estimates.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    };
    const [x, y] = [normalFeatures(5, 3, 0, "jackknife x"), normalFeatures(7, 3, 0.4, "jackknife y")];
    const variance = spread(x, (rest) => squaredMmd(rest, y)) + spread(y, (rest) => squaredMmd(x, rest));
    expect(kid(x, y).standardError).toBeCloseTo(Math.sqrt(variance), 10);
  });

  it("has a standard error that tells how far estimates of different samples are apart", () => {
    const estimates = repeated(300, 0.7);
    const values = estimates.map(({ value }) => value);
    const { standardError: ofMean = 0 } = meanAndStandardError(values);
    const deviation = ofMean * Math.sqrt(values.length);
    const claimed = meanAndStandardError(estimates.map(({ standardError = 0 }) => standardError)).value;
    expect(claimed / deviation).toBeGreaterThan(0.85);
    expect(claimed / deviation).toBeLessThan(1.3);
  });

  it("has no standard error where a set has two pictures", () => {
    const [x, y] = [features(0, 1), features(1, 2, 3)];
    expect(kid(x, y)).toEqual({ value: squaredMmd(x, y) });
  });
});
