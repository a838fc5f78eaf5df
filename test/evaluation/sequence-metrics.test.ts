import { describe, expect, it } from "vitest";
import { polynomialKernel } from "../../src/evaluation/kernels.ts";
import { aMmd, fMmd, sequenceMetrics } from "../../src/evaluation/sequence-metrics.ts";
import { features, normalFeatures, squaredMmdOfAllQuadruples } from "./support.ts";

const linear = polynomialKernel({ degree: 1, gamma: 1, offset: 0 });
const [east, north] = [
  [1, 0],
  [0, 1],
];
/**
 * Concept 0 looks east, concept 1 north. After concept 1 was learned, both are drawn looking north: concept 0 is
 * forgotten.
 */
const forgotten = {
  real: [features(east, east), features(north, north)],
  generated: [[features(east, east)], [features(north, north), features(north, north)]],
  prompts: [features(east, north), features(north, north)],
};

describe("the measures of a run", () => {
  it("have the values that come out by hand", () => {
    // k(x, y) = x·y: MMD² between east and north is 1 + 1 - 2·0 = 2, between equals 0.
    const metrics = sequenceMetrics(forgotten, linear);
    expect(metrics.fidelity).toEqual([[0], [2, 0]]);
    expect(metrics.aMmd).toBe(1);
    expect(metrics.fMmd).toBe(2);
    expect(metrics.plasticity).toBe(0);
    expect(metrics.backwardTransfer).toBe(-2);
    // At the end: concept 0 has cosine 0 to its pictures, concept 1 cosine 1.
    expect(metrics.clipI).toBe(0.5);
    // Cosines to the prompts: 0 and 1, 1 and 1.
    expect(metrics.clipT).toBe(0.75);
    // k is 1.5³ = 3.375 for equals and 1 otherwise. Real: (4 · 3.375 + 8) / 12; drawn: 3.375; between: (3.375 + 1) / 2.
    expect(metrics.kid.value).toBeCloseTo((4 * 3.375 + 8) / 12 + 3.375 - 4.375, 12);
  });

  it("are means of MMD² written from its definition", () => {
    const kernel = polynomialKernel({ gamma: 0.3 });
    const mmd = (...sets: [ReturnType<typeof features>, ReturnType<typeof features>]) =>
      squaredMmdOfAllQuadruples(...sets, kernel);
    const real = [0, 1, 2].map((j) => normalFeatures(4, 3, j / 5, "real", j));
    const generated = [0, 1, 2].map((n) =>
      Array.from({ length: n + 1 }, (_, j) => normalFeatures(5, 3, j / 5 + n / 9, "drawn", n, j)),
    );
    const [last] = generated.slice(-1);
    const fidelity = (mmd(real[0], last[0]) + mmd(real[1], last[1]) + mmd(real[2], last[2])) / 3;
    const drift = (mmd(generated[0][0], last[0]) + mmd(generated[1][1], last[1])) / 2;
    expect(aMmd({ real, generated }, kernel)).toBeCloseTo(fidelity, 10);
    expect(fMmd(generated, kernel)).toBeCloseTo(drift, 10);
    const prompts = real.map(() => normalFeatures(5, 3, 0, "prompts"));
    const metrics = sequenceMetrics({ real, generated, prompts }, kernel);
    expect([metrics.aMmd, metrics.fMmd]).toEqual([aMmd({ real, generated }, kernel), fMmd(generated, kernel)]);
  });

  it("of one concept know no forgetting", () => {
    const { real, generated, prompts } = forgotten;
    const metrics = sequenceMetrics({
      real: real.slice(0, 1),
      generated: generated.slice(0, 1),
      prompts: prompts.slice(0, 1),
    });
    expect(metrics).not.toHaveProperty("fMmd");
    expect(metrics).not.toHaveProperty("backwardTransfer");
    expect(metrics.aMmd).toBe(metrics.plasticity);
  });

  it("are refused for an incomplete run", () => {
    const { real, generated, prompts } = forgotten;
    expect(() => sequenceMetrics({ real, generated: [], prompts })).toThrow("no concept");
    expect(() => sequenceMetrics({ real, generated: generated.slice(1), prompts })).toThrow("row 0 has 2 entries");
    const words = "2 concepts were drawn, 1 have pictures, 2 prompts";
    expect(() => sequenceMetrics({ real: real.slice(1), generated, prompts })).toThrow(words);
  });
});
