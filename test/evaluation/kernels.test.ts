import { describe, expect, it } from "vitest";
import { gaussianKernel, medianDistance, polynomialKernel } from "../../src/evaluation/kernels.ts";
import { features } from "./support.ts";

const [x, y] = features([1, 2], [3, 0.5]);

describe("kernels", () => {
  it("have the values that come out by hand", () => {
    // x·y = 3 + 1 = 4, d = 2: (4 / 2 + 1)³ = 27.
    expect(polynomialKernel()(x, y)).toBe(27);
    // (0.5 · 4 + 3)² = 25.
    expect(polynomialKernel({ degree: 2, gamma: 0.5, offset: 3 })(x, y)).toBe(25);
    // ‖x - y‖² = 4 + 2.25 = 6.25; bandwidth 2.5: exp(-6.25 / 12.5) = exp(-1/2).
    expect(gaussianKernel(2.5)(x, y)).toBeCloseTo(Math.exp(-0.5), 12);
    expect(gaussianKernel(2.5)(x, x)).toBe(1);
  });
});

describe("the median distance", () => {
  it("is over the pairs of all sets", () => {
    // 0, 3 and 7: distances 3, 7 and 4.
    expect(medianDistance(features(0, 3), features(7))).toBe(4);
    // 0, 1, 3 and 7: distances 1, 3, 7, 2, 6, 4.
    expect(medianDistance(features(0, 1, 3, 7))).toBe(3.5);
  });

  it("is refused for a single picture", () => {
    expect(() => medianDistance(features(1), [])).toThrow(RangeError);
  });
});
