import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crossEntropy, posterior } from "../../src/training/diffusion-classifier.ts";
import { klDivergence, PredictionLoss, squaredError, type Regression } from "../../src/training/prediction-loss.ts";
import { RandomStream } from "../../src/random/random.ts";

const SIZE = 6;
const TEMPERATURE = 0.3;

/** Predictions of three prompts, a target, a teacher's predictions. */
function arrays(seed: number) {
  const random = new RandomStream(seed, "test");
  const next = () => random.normal(SIZE);
  return { predictions: [next(), next(), next()], target: next(), teacher: [next(), next(), next()] };
}

/** d Σ weight · ‖prediction - target‖² / d prediction of each prompt. */
function derivativesOf(regressions: readonly Regression[], predictions: readonly Float32Array[]): number[][] {
  const result = predictions.map(() => new Array<number>(SIZE).fill(0));
  for (const { prompt, weight, target } of regressions) {
    predictions[prompt].forEach((x, i) => (result[prompt][i] += (2 * weight * (x - target[i])) / SIZE));
  }
  return result;
}

/** Compares with central differences of the loss's formula in float64. */
function expectDerivatives(
  predictions: readonly Float32Array[],
  regressions: readonly Regression[],
  formula: (predictions: readonly number[][]) => number,
): void {
  const step = 1e-5;
  const derivatives = derivativesOf(regressions, predictions);
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
  it("merges squared errors under one prompt to one with the same derivative, without any prediction", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { predictions, target, teacher } = arrays(seed);
        const loss = new PredictionLoss(target)
          .addSquaredError(0, 1)
          .addSquaredError(0, 0.5, teacher[0])
          .addSquaredError(2, 2, teacher[2]);
        const formula = (all: readonly number[][]) =>
          mse(all[0], target) + 0.5 * mse(all[0], teacher[0]) + 2 * mse(all[2], teacher[2]);
        expect(loss.needsPredictions).toBe(false);
        expect(loss.regressions().map(({ prompt, weight }) => [prompt, weight])).toEqual([
          [0, 1.5],
          [2, 2],
        ]);
        expect(loss.value(predictions)).toBeCloseTo(formula(predictions.map((x) => [...x])), 5);
        expectDerivatives(predictions, loss.regressions(), formula);
      }),
      { numRuns: 20 },
    );
  });

  it("adds the divergence from a teacher's posterior, whose weights may be of either sign", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { predictions, target, teacher } = arrays(seed);
        const scores = posterior(
          [0, 2].map((i) => squaredError(teacher[i], target)),
          TEMPERATURE,
        );
        const loss = new PredictionLoss(target)
          .addSquaredError(0, 1)
          .addSquaredError(2, 0.5, teacher[2])
          .addScoreDivergence([0, 2], scores, 0.7, TEMPERATURE);
        const formula = (all: readonly number[][]) => {
          const own = posterior(
            [0, 2].map((i) => mse(all[i], target)),
            TEMPERATURE,
          );
          return mse(all[0], target) + 0.5 * mse(all[2], teacher[2]) + 0.7 * klDivergence(scores, own);
        };
        expect(loss.needsPredictions).toBe(true);
        expect(loss.prompts).toEqual([0, 2]);
        expect(loss.value(predictions)).toBeCloseTo(formula(predictions.map((x) => [...x])), 4);
        expectDerivatives(predictions, loss.regressions(predictions), formula);
      }),
      { numRuns: 20 },
    );
  });

  it("masks the denoising error, for all channels alike, and nothing else", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { predictions, target, teacher } = arrays(seed);
        const mask = Float32Array.of(1, 0, 0.25); // of two channels
        const loss = new PredictionLoss(target, mask)
          .addSquaredError(0, 1)
          .addSquaredError(0, 0.5, teacher[0])
          .addSquaredError(2, 2, teacher[2]);
        const masked = (all: readonly number[]) =>
          all.reduce((sum, x, i) => sum + mask[i % 3] * (x - target[i]) ** 2, 0) / SIZE;
        const formula = (all: readonly number[][]) =>
          masked(all[0]) + 0.5 * mse(all[0], teacher[0]) + 2 * mse(all[2], teacher[2]);
        expect(loss.needsPredictions).toBe(true);
        expect(loss.value(predictions)).toBeCloseTo(formula(predictions.map((x) => [...x])), 5);
        expectDerivatives(predictions, loss.regressions(predictions), formula);
      }),
      { numRuns: 20 },
    );
    const { target, teacher } = arrays(1);
    expect(new PredictionLoss(target, Float32Array.of(1, 0)).addSquaredError(0, 1, teacher[0]).needsPredictions).toBe(
      false,
    );
  });

  it("is the cross-entropy for a teacher that is certain", () => {
    const { predictions, target } = arrays(1);
    const errors = predictions.map((prediction) => squaredError(prediction, target));
    const loss = new PredictionLoss(target).addScoreDivergence([0, 1, 2], [0, 1, 0], 1, TEMPERATURE);
    expect(loss.value(predictions)).toBeCloseTo(crossEntropy(errors, 1, TEMPERATURE), 6);
  });

  it("has no score term for a single candidate: nothing but the other terms is left, to the last bit", () => {
    const { target } = arrays(2);
    const loss = new PredictionLoss(target).addSquaredError(0, 1).addScoreDivergence([0], [1], 3, TEMPERATURE);
    expect(loss.needsPredictions).toBe(false);
    expect(loss.regressions()).toEqual([{ prompt: 0, weight: 1, target }]);
    expect(loss.regressions()[0].target).toBe(target);
  });

  it("has no derivative for a student that is its teacher", () => {
    const { predictions, target } = arrays(2);
    const scores = posterior(
      predictions.map((prediction) => squaredError(prediction, target)),
      TEMPERATURE,
    );
    const loss = new PredictionLoss(target)
      .addScoreDivergence([0, 1, 2], scores, 3, TEMPERATURE)
      .addSquaredError(1, 5, predictions[1]);
    expect(loss.value(predictions)).toBeCloseTo(0, 10);
    expect(
      derivativesOf(loss.regressions(predictions), predictions)
        .flat()
        .every((x) => x === 0),
    ).toBe(true);
  });
});
