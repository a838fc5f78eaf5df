import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { learningRateFactor, learningRateSchedules } from "../../../src/graph/optim/index.ts";

const factors = (schedule: (typeof learningRateSchedules)[number], steps: number, warmupSteps: number): number[] =>
  Array.from({ length: steps + 1 }, (_, step) =>
    learningRateFactor(schedule, step, { warmupSteps, totalSteps: steps }),
  );

describe("learningRateFactor", () => {
  it("gives the sequences of diffusers' get_scheduler", () => {
    expect(factors("constant", 4, 0)).toEqual([1, 1, 1, 1, 1]);
    expect(factors("constant", 4, 2)).toEqual([0, 0.5, 1, 1, 1]);
    expect(factors("linear", 4, 0)).toEqual([1, 0.75, 0.5, 0.25, 0]);
    expect(factors("linear", 6, 2)).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25, 0]);
    const cosine = factors("cosine", 6, 2);
    const expected = [0, 0.5, 1, 0.5 + Math.SQRT1_2 / 2, 0.5, 0.5 - Math.SQRT1_2 / 2, 0];
    expected.forEach((value, step) => {
      expect(cosine[step]).toBeCloseTo(value, 12);
    });
  });

  it("stays in [0, 1], rises during warm-up and never rises after it", () => {
    const sizes = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 60 }));
    fc.assert(
      fc.property(fc.constantFrom(...learningRateSchedules), sizes, (schedule, [warmupSteps, totalSteps]) => {
        let previous = 0;
        for (let step = 0; step < totalSteps + 5; step++) {
          const factor = learningRateFactor(schedule, step, { warmupSteps, totalSteps });
          expect(factor).toBeGreaterThanOrEqual(0);
          expect(factor).toBeLessThanOrEqual(1);
          if (step < warmupSteps) expect(factor).toBeGreaterThanOrEqual(previous);
          else if (step > warmupSteps) expect(factor).toBeLessThanOrEqual(previous);
          previous = factor;
        }
      }),
    );
  });
});
