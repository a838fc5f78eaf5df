/**
 * @file The loss of one photo in one training step as a function of the UNet's predictions for the same noisy latents
 * under several prompts: squared errors against fixed targets (denoising, distillation) and divergences between
 * diffusion-classifier posteriors (docs/method.md, "One loss for everything"). Whatever its terms are, its gradient is
 * that of one weighted squared error for each prompt, which is what the denoising-error program computes.
 */
import { posterior } from "./diffusion-classifier.ts";

/** ‖a - b‖² as a mean over the elements. */
export function squaredError(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum / a.length;
}

/** Σ mask · (a - b)² as a mean over the elements; the mask is that of one channel. */
function maskedError(a: Float32Array, b: Float32Array, mask: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += mask[i % mask.length] * (a[i] - b[i]) ** 2;
  return sum / a.length;
}

/** KL(P || Q) of two distributions over the same candidates. */
export function klDivergence(p: readonly number[], q: readonly number[]): number {
  return p.reduce(
    (sum, probability, i) => (probability > 0 ? sum + probability * Math.log(probability / q[i]) : sum),
    0,
  );
}

/** weight · ‖prediction - target‖² under one prompt. */
export interface Regression {
  readonly prompt: number;
  readonly weight: number;
  readonly target: Float32Array;
}

interface ScoreTerm {
  readonly prompts: readonly number[];
  readonly teacher: readonly number[];
  readonly weight: number;
  readonly temperature: number;
}

/** A sum of terms in the predictions under prompts 0, 1, ... */
export class PredictionLoss {
  /** What a perfect denoiser would predict: that from which diffusion-classifier errors are measured. */
  readonly target: Float32Array;
  /** What each pixel of the denoising error counts. */
  readonly #mask: Float32Array | undefined;
  readonly #errors: Regression[] = [];
  readonly #scores: ScoreTerm[] = [];

  /**
   * @param mask - `[height, width]` of the target, at least 0: what each pixel of the denoising error counts, for all
   *   channels alike. Teachers' predictions and scores are compared as a whole. Default: all count 1.
   */
  constructor(target: Float32Array, mask?: Float32Array) {
    this.target = target;
    this.#mask = mask;
  }

  /**
   * Adds weight · ‖prediction - target‖²; the target is the denoising one unless given, such as a teacher's prediction.
   */
  addSquaredError(prompt: number, weight: number, target: Float32Array = this.target): this {
    if (weight !== 0) this.#errors.push({ prompt, weight, target });
    return this;
  }

  /**
   * Adds weight · KL(teacher || P), P being the diffusion classifier's posterior over some of the prompts. One certain
   * candidate makes it the cross-entropy. A single candidate is always certain, so it adds nothing.
   *
   * @param teacher - probabilities of `prompts`, in their order
   * @param temperature - of P
   */
  addScoreDivergence(
    prompts: readonly number[],
    teacher: readonly number[],
    weight: number,
    temperature: number,
  ): this {
    if (weight !== 0 && prompts.length > 1) this.#scores.push({ prompts, teacher, weight, temperature });
    return this;
  }

  /** Whether {@link PredictionLoss.regressions} depends on the student's predictions, and not on its terms alone. */
  get needsPredictions(): boolean {
    return this.#scores.length > 0 || this.#errors.some(({ target }) => this.#maskOf(target) !== undefined);
  }

  /** The prompts that a term speaks of, ascending. */
  get prompts(): readonly number[] {
    const all = [...this.#errors.map(({ prompt }) => prompt), ...this.#scores.flatMap(({ prompts }) => prompts)];
    return [...new Set(all)].sort((a, b) => a - b);
  }

  /** The loss at these predictions, by prompt. */
  value(predictions: readonly (Float32Array | undefined)[]): number {
    let sum = 0;
    for (const { prompt, weight, target } of this.#errors) {
      const mask = this.#maskOf(target);
      const prediction = given(predictions, prompt);
      sum += weight * (mask === undefined ? squaredError(prediction, target) : maskedError(prediction, target, mask));
    }
    for (const { prompts, teacher, weight, temperature } of this.#scores) {
      sum += weight * klDivergence(teacher, this.#posterior(prompts, predictions, temperature));
    }
    return sum;
  }

  /**
   * Squared errors, at most one for each prompt, whose sum has the gradient that this loss has at these predictions.
   *
   * The derivative of weight · KL in the error of candidate i is weight · (teacher_i - P_i) / temperature, so a
   * divergence is so many squared errors. Those of one prompt merge: a‖p - u‖² + b‖p - v‖² = (a + b)‖p - (au + bv)/(a
   * + b)‖² + const. Weights of both signs may cancel in a + b; then the same derivative is written with the weight |a|
   * + |b| and a target that is seen from p. So is a mask: it moves the target to p where it is 0.
   *
   * @param predictions - by prompt; not read unless {@link PredictionLoss.needsPredictions}
   */
  regressions(predictions: readonly (Float32Array | undefined)[] = []): Regression[] {
    const all = this.#errors.map((error): Regression => {
      const mask = this.#maskOf(error.target);
      if (mask === undefined) return error;
      const prediction = given(predictions, error.prompt);
      return { ...error, target: prediction.map((p, i) => p - mask[i % mask.length] * (p - error.target[i])) };
    });
    for (const { prompts, teacher, weight, temperature } of this.#scores) {
      const own = this.#posterior(prompts, predictions, temperature);
      prompts.forEach((prompt, i) => {
        all.push({ prompt, weight: (weight * (teacher[i] - own[i])) / temperature, target: this.target });
      });
    }
    return this.prompts.flatMap((prompt) => {
      const byTarget = new Map<Float32Array, number>();
      for (const { weight, target } of all.filter((term) => term.prompt === prompt)) {
        byTarget.set(target, (byTarget.get(target) ?? 0) + weight);
      }
      return merged(
        prompt,
        [...byTarget].filter(([, weight]) => weight !== 0),
        predictions,
      );
    });
  }

  /** The mask of an error against this target. */
  #maskOf(target: Float32Array): Float32Array | undefined {
    return target === this.target ? this.#mask : undefined;
  }

  #posterior(
    prompts: readonly number[],
    predictions: readonly (Float32Array | undefined)[],
    temperature: number,
  ): number[] {
    return posterior(
      prompts.map((prompt) => squaredError(given(predictions, prompt), this.target)),
      temperature,
    );
  }
}

function merged(
  prompt: number,
  terms: readonly (readonly [target: Float32Array, weight: number])[],
  predictions: readonly (Float32Array | undefined)[],
): Regression[] {
  if (terms.length === 0) return [];
  const [[first, firstWeight]] = terms;
  if (terms.length === 1) return [{ prompt, weight: firstWeight, target: first }];
  const weight = terms.reduce((sum, [, each]) => sum + Math.abs(each), 0);
  if (terms.every(([, each]) => each > 0)) {
    const target = first.map((_, i) => terms.reduce((sum, [each, share]) => sum + share * each[i], 0) / weight);
    return [{ prompt, weight, target }];
  }
  const target = given(predictions, prompt).map(
    (p, i) => p - terms.reduce((sum, [each, share]) => sum + share * (p - each[i]), 0) / weight,
  );
  return [{ prompt, weight, target }];
}

function given(predictions: readonly (Float32Array | undefined)[], prompt: number): Float32Array {
  const prediction = predictions[prompt];
  if (prediction === undefined) throw new Error(`the loss needs the prediction under prompt ${prompt}`);
  return prediction;
}
