import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crossEntropy, posterior } from "../../../src/continual/diffusion-classifier.ts";
import { klDivergence, PredictionLoss, squaredError } from "../../../src/continual/strategies/prediction-loss.ts";
import { RandomStream } from "../../../src/random/random.ts";

const SIZE = 6;
const TEMPERATURE = 0.3;

/** Predictions of three prompts, a target, a teacher's predictions. */
function arrays(seed: number) {
  const random = new RandomStream(seed, "test");
  const next = () => random.normal(SIZE);
  return { predictions: [next(), next(), next()], target: next(), teacher: [next(), next(), next()] };
}

/** Derivatives by central differences, with the loss computed from its formula in float64. */
function expectDerivatives(
  predictions: readonly Float32Array[],
  derivatives: readonly Float32Array[],
  formula: (predictions: readonly number[][]) => number,
): void {
  const step = 1e-5;
  predictions.forEach((prediction, p) => {
    prediction.forEach((_, i) => {
      const at = (by: number) =>
        formula(predictions.map((all, q) => Array.from(all, (x, j) => (p === q && i === j ? x + by : x))));
      expect(derivatives[p][i]).toBeCloseTo((at(step) - at(-step)) / (2 * step), 4);
    });
  });
}

const mse = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a, (x, i) => (x - b[i]) ** 2).reduce((sum, x) => sum + x, 0) / a.length;

const seeds = fc.integer({ min: 0, max: 1e6 });

describe("PredictionLoss", () => {
  it("is the weighted sum of squared errors, with their derivatives", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { predictions, target, teacher } = arrays(seed);
        const step = new PredictionLoss(predictions, target)
          .addSquaredError(0, 1)
          .addSquaredError(0, 0.5, teacher[0])
          .addSquaredError(2, 2, teacher[2]);
        const formula = (all: readonly number[][]) =>
          mse(all[0], target) + 0.5 * mse(all[0], teacher[0]) + 2 * mse(all[2], teacher[2]);
        expect(step.loss).toBeCloseTo(formula(predictions.map((x) => [...x])), 5);
        expectDerivatives(predictions, step.derivatives, formula);
      }),
      { numRuns: 20 },
    );
  });

  it("adds the divergence from a teacher's posterior, with its derivatives", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { predictions, target, teacher } = arrays(seed);
        const scores = posterior(
          [0, 2].map((i) => squaredError(teacher[i], target)),
          TEMPERATURE,
        );
        const step = new PredictionLoss(predictions, target).addScoreDivergence([0, 2], scores, 0.7, TEMPERATURE);
        const formula = (all: readonly number[][]) => {
          const own = posterior(
            [0, 2].map((i) => mse(all[i], target)),
            TEMPERATURE,
          );
          return 0.7 * klDivergence(scores, own);
        };
        expect(step.loss).toBeCloseTo(formula(predictions.map((x) => [...x])), 4);
        expectDerivatives(predictions, step.derivatives, formula);
      }),
      { numRuns: 20 },
    );
  });

  it("is the cross-entropy for a teacher that is certain", () => {
    const { predictions, target } = arrays(1);
    const errors = predictions.map((prediction) => squaredError(prediction, target));
    const { loss } = new PredictionLoss(predictions, target).addScoreDivergence([0, 1, 2], [0, 1, 0], 1, TEMPERATURE);
    expect(loss).toBeCloseTo(crossEntropy(errors, 1, TEMPERATURE), 6);
  });

  it("has no score term for a single candidate, and no derivative for a student that is its teacher", () => {
    const { predictions, target } = arrays(2);
    const single = new PredictionLoss(predictions, target).addScoreDivergence([1], [1], 3, TEMPERATURE);
    const scores = posterior(
      predictions.map((prediction) => squaredError(prediction, target)),
      TEMPERATURE,
    );
    const same = new PredictionLoss(predictions, target)
      .addScoreDivergence([0, 1, 2], scores, 3, TEMPERATURE)
      .addSquaredError(1, 5, predictions[1]);
    for (const { loss, derivatives } of [single, same]) {
      expect(loss).toBeCloseTo(0, 10);
      expect(derivatives.every((values) => values.every((x) => x === 0))).toBe(true);
    }
  });
});
