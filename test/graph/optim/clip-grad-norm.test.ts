import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clipGradNorm } from "../../../src/graph/optim/index.ts";

describe("clipGradNorm", () => {
  it("measures the norm over all arrays together and scales them to maxNorm", () => {
    const gradients = [Float32Array.of(3, 0), Float32Array.of(4)];
    expect(clipGradNorm(gradients, 1)).toBe(5);
    expect(gradients[0][0]).toBeCloseTo(0.6, 6);
    expect(gradients[1][0]).toBeCloseTo(0.8, 6);
  });

  it("leaves gradients below maxNorm alone, and only measures with Infinity", () => {
    const gradients = [Float32Array.of(3, 4)];
    expect(clipGradNorm(gradients, 6)).toBe(5);
    expect(clipGradNorm(gradients, Infinity)).toBe(5);
    expect(gradients[0]).toEqual(Float32Array.of(3, 4));
  });

  it("never leaves a norm above maxNorm, and keeps the direction", () => {
    const values = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(values, fc.float({ min: Math.fround(0.01), max: 10, noNaN: true }), (gradient, maxNorm) => {
        const clipped = Float32Array.from(gradient);
        const before = clipGradNorm([clipped], maxNorm);
        expect(clipGradNorm([clipped], Infinity)).toBeLessThanOrEqual(Math.max(maxNorm, 0) * (1 + 1e-6));
        const scale = Math.min(1, maxNorm / (before + 1e-6));
        clipped.forEach((value, i) => {
          expect(Math.abs(value - gradient[i] * scale)).toBeLessThan(1e-4);
        });
      }),
    );
  });

  it("shows gradients that are not finite in the norm it returns", () => {
    expect(clipGradNorm([Float32Array.of(1, Number.NaN)], 1)).toBeNaN();
    const gradients = [Float32Array.of(1, Infinity)];
    expect(clipGradNorm(gradients, 1)).toBe(Infinity);
    expect(gradients[0][1]).toBeNaN();
  });

  it("refuses a maxNorm that is not positive", () => {
    expect(() => clipGradNorm([], 0)).toThrow(RangeError);
    expect(() => clipGradNorm([], Number.NaN)).toThrow(RangeError);
  });
});
