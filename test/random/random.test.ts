import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxMuller } from "../../src/random/normal.ts";
import { RandomStream } from "../../src/random/random.ts";

const goldenNormals = [
  -0.4362044632434845, -2.1130497455596924, -0.44239622354507446, -1.2469934225082397, 0.0018246275139972568,
  -0.13442499935626984,
];
const goldenUniforms = [0.2176082730293274, 0.7768049836158752, 0.8299770951271057, 0.868675708770752];
const goldenIntegers = [428, 932, 134, 891, 94, 13, 531, 171];

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i];
  return sum / values.length;
}

function moment(values: Float32Array, order: number): number {
  return mean(Float64Array.from(values, (value) => value ** order));
}

function correlation(a: Float32Array, b: Float32Array): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const products = Float64Array.from(a, (value, i) => (value - meanA) * (b[i] - meanB));
  return mean(products) / Math.sqrt((moment(a, 2) - meanA ** 2) * (moment(b, 2) - meanB ** 2));
}

/** The largest distance between the distribution of the values and the expected one (Kolmogorov-Smirnov). */
function largestDistance(values: Float32Array, distribution: (x: number) => number): number {
  const sorted = values.slice().sort();
  let worst = 0;
  sorted.forEach((value, i) => {
    const expected = distribution(value);
    worst = Math.max(worst, Math.abs(expected - i / sorted.length), Math.abs(expected - (i + 1) / sorted.length));
  });
  return worst;
}

/** The normal distribution function (Abramowitz and Stegun 7.1.26, good to 1e-7). */
function normalDistribution(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2);
  const tail =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
    Math.exp(-x * x * 0.5);
  return x < 0 ? tail / 2 : 1 - tail / 2;
}

const address = fc.array(fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })), {
  maxLength: 4,
});

describe("RandomStream", () => {
  it("gives the same numbers for the same address for ever", () => {
    // These numbers may never change: saved runs, and the pictures of a seed, depend on them.
    const stream = new RandomStream(42, "golden", 7);
    expect([...stream.normal(6)]).toEqual(goldenNormals);
    expect([...stream.uniform(4)]).toEqual(goldenUniforms);
    expect([...stream.integers(8, 1000)]).toEqual(goldenIntegers);
  });

  it("depends on seed and address only", () => {
    fc.assert(
      fc.property(fc.bigInt(), address, (seed, parts) => {
        expect(new RandomStream(seed, ...parts).normal(5)).toEqual(new RandomStream(seed, ...parts).normal(5));
      }),
    );
    expect(new RandomStream(5, "x").uniform(4)).toEqual(new RandomStream(5n, "x").uniform(4));
  });

  it.each([
    { name: "another seed", a: new RandomStream(1, "x"), b: new RandomStream(2, "x") },
    { name: "a negative seed", a: new RandomStream(1, "x"), b: new RandomStream(-1, "x") },
    { name: "a number and its text", a: new RandomStream(1, 1), b: new RandomStream(1, "1") },
    { name: "parts joined differently", a: new RandomStream(1, "ab", "c"), b: new RandomStream(1, "a", "bc") },
    { name: "a quote inside a part", a: new RandomStream(1, 'a","b'), b: new RandomStream(1, "a", "b") },
    { name: "one part more", a: new RandomStream(1, "x"), b: new RandomStream(1, "x", 0) },
    { name: "the order of the parts", a: new RandomStream(1, 2, 3), b: new RandomStream(1, 3, 2) },
  ])("is independent for $name", ({ a, b }) => {
    const [x, y] = [a.normal(40_000), b.normal(40_000)];
    // The standard error of a correlation over 40 000 pairs is 0.005.
    expect(Math.abs(correlation(x, y))).toBeLessThan(0.02);
    expect(x.filter((value, i) => value === y[i]).length).toBeLessThan(5);
  });

  it("gives other numbers at every call", () => {
    const stream = new RandomStream(3);
    const first = stream.normal(40_000);
    expect(Math.abs(correlation(first, stream.normal(40_000)))).toBeLessThan(0.02);
  });

  it("gives a long draw whose beginning is the short draw", () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), (a, b) => {
        const [short, long] = [Math.min(a, b), Math.max(a, b)];
        expect(new RandomStream(1).normal(long).subarray(0, short)).toEqual(new RandomStream(1).normal(short));
        expect(new RandomStream(1).uniform(long).subarray(0, short)).toEqual(new RandomStream(1).uniform(short));
        expect(new RandomStream(1).integers(long, 9).subarray(0, short)).toEqual(
          new RandomStream(1).integers(short, 9),
        );
      }),
    );
  });

  it("refuses a seed or an address that could not be told apart from another", () => {
    expect(() => new RandomStream(0.5)).toThrow(RangeError);
    expect(() => new RandomStream(2 ** 53)).toThrow(RangeError);
    expect(() => new RandomStream(Number.NaN)).toThrow(RangeError);
    expect(() => new RandomStream(1, Number.NaN)).toThrow(RangeError);
    expect(() => new RandomStream(1, Infinity)).toThrow(RangeError);
  });
});

describe("uniform numbers", () => {
  const values = new RandomStream(11, "uniform").uniform(200_000);

  it("lie in [0, 1) and fill it evenly", () => {
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(mean(values)).toBeCloseTo(1 / 2, 2);
    expect(moment(values, 2)).toBeCloseTo(1 / 3, 2);
    // Passed by 99.9 % of good generators: 1.95 / sqrt(n).
    expect(largestDistance(values, (x) => x)).toBeLessThan(1.95 / Math.sqrt(values.length));
  });

  it("do not depend on their neighbours", () => {
    for (const lag of [1, 2, 3, 4]) {
      const shifted = correlation(values.slice(0, -lag), values.slice(lag));
      expect(Math.abs(shifted)).toBeLessThan(4 / Math.sqrt(values.length));
    }
  });
});

describe("normal numbers", () => {
  const values = new RandomStream(12, "normal").normal(1_000_000);

  it("have the moments of the standard normal distribution", () => {
    const standardError = 1 / Math.sqrt(values.length);
    expect(Math.abs(moment(values, 1))).toBeLessThan(4 * standardError);
    expect(Math.abs(moment(values, 2) - 1)).toBeLessThan(4 * Math.sqrt(2) * standardError);
    expect(Math.abs(moment(values, 3))).toBeLessThan(4 * Math.sqrt(15) * standardError);
    expect(Math.abs(moment(values, 4) - 3)).toBeLessThan(4 * Math.sqrt(96) * standardError);
  });

  it("follow its distribution function", () => {
    expect(largestDistance(values, normalDistribution)).toBeLessThan(1.95 / Math.sqrt(values.length));
  });

  it("do not depend on their neighbours, in value or in size", () => {
    const part = values.subarray(0, 100_000);
    for (const lag of [1, 2, 3, 4]) {
      for (const series of [part, part.map((value) => value * value)]) {
        expect(Math.abs(correlation(series.slice(0, -lag), series.slice(lag)))).toBeLessThan(
          4 / Math.sqrt(part.length),
        );
      }
    }
  });
});

describe("the Box-Muller transform", () => {
  const word = fc.oneof(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom(0, 1, 2 ** 29, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1),
  );

  it("agrees with the logarithm, sine and cosine of the engine for every pair of words", () => {
    fc.assert(
      fc.property(word, word, (radiusWord, angleWord) => {
        const radius = Math.sqrt(-2 * Math.log((radiusWord + 0.5) / 2 ** 32));
        const angle = (2 * Math.PI * (angleWord + 0.5)) / 2 ** 32;
        const pair = new Float64Array(2);
        boxMuller(radiusWord, angleWord, pair, 0);
        expect(Math.abs(pair[0] - radius * Math.cos(angle))).toBeLessThan(1e-14);
        expect(Math.abs(pair[1] - radius * Math.sin(angle))).toBeLessThan(1e-14);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("random integers", () => {
  it("are equally likely", () => {
    const below = 7;
    const counts = new Array<number>(below).fill(0);
    for (const value of new RandomStream(13).integers(70_000, below)) counts[value] = counts[value] + 1;
    // Chi-squared with 6 degrees of freedom: 22.5 is passed by 99.9 %.
    expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(22.5);
  });

  it("are unbiased where the bound does not divide 2^32", () => {
    // A plain remainder would put 2/3 of the numbers below 2^30.
    const below = 3 * 2 ** 29;
    const values = new RandomStream(14).integers(100_000, below);
    expect(Math.abs(values.filter((value) => value < below / 2).length - 50_000)).toBeLessThan(4 * Math.sqrt(25_000));
  });

  it("stay in their range, from 1 to 2^31", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.integer(), (below, seed) => {
        const value = new RandomStream(seed).integer(below);
        expect(value >= 0 && value < below).toBe(true);
      }),
    );
    expect(new RandomStream(1).integer(1)).toBe(0);
    expect(new RandomStream(1).integers(1000, 2 ** 31).every((value) => value >= 0)).toBe(true);
  });

  it.each([0, -1, 1.5, 2 ** 31 + 1, Number.NaN])("refuse the bound %s", (below) => {
    expect(() => new RandomStream(1).integer(below)).toThrow(RangeError);
  });
});
