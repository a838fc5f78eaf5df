/** @file Quantiles of the beta distribution, against SciPy's and against the closed forms that exist. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { betaQuantile } from "../../src/numeric/beta-distribution.ts";

const probability = fc.double({ min: 0, max: 1, noNaN: true });

describe("betaQuantile", () => {
  it.each([
    [0.6, 0.6, [0.0008612388215429059, 0.17568037865269498, 0.5, 0.8770782495416671, 0.9999814412614826]],
    [2, 5, [0.026763191142755053, 0.16116291679032652, 0.26444998329566005, 0.42244752484627207, 0.818613866919134]],
    [0.5, 3, [2.8445523288735243e-5, 0.01821508957408786, 0.07903276707617297, 0.2567723472089895, 0.855447776691985]],
  ])("has the values of SciPy for shapes %d and %d", (a, b, expected) => {
    for (const [i, p] of [0.01, 0.25, 0.5, 0.8, 0.999].entries())
      expect(betaQuantile(p, a, b)).toBeCloseTo(expected[i], 12);
  });

  it("is a power for b = 1, the identity for the uniform distribution, and sin² for the arcsine distribution", () => {
    fc.assert(
      fc.property(probability, fc.double({ min: 0.3, max: 5, noNaN: true }), (p, a) => {
        expect(betaQuantile(p, a, 1)).toBeCloseTo(p ** (1 / a), 10);
        expect(betaQuantile(p, 1, 1)).toBeCloseTo(p, 12);
        expect(betaQuantile(p, 0.5, 0.5)).toBeCloseTo(Math.sin((p * Math.PI) / 2) ** 2, 10);
      }),
    );
  });

  it("begins at 0 and ends at 1", () => {
    expect([betaQuantile(0, 0.6, 0.6), betaQuantile(1, 0.6, 0.6)]).toEqual([0, 1]);
  });
});
