/**
 * @file The loss of one training step as a function of the UNet's predictions for the same noisy latents under several prompts: squared errors against fixed
 * targets (denoising, distillation) and divergences between diffusion-classifier posteriors (METHOD.md, "Function space"). With each term it adds up the
 * loss's derivative in every prediction; the chain rule through the UNet needs nothing else.
 */
import { posterior } from "../diffusion-classifier.ts";

/** ‖a - b‖² as a mean over the elements. */
export function squaredError(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum / a.length;
}

/** KL(P || Q) of two distributions over the same candidates. */
export function klDivergence(p: readonly number[], q: readonly number[]): number {
  return p.reduce(
    (sum, probability, i) => (probability > 0 ? sum + probability * Math.log(probability / q[i]) : sum),
    0,
  );
}

export class PredictionLoss {
  /** d loss / d prediction, one for each prompt. */
  readonly derivatives: readonly Float32Array[];
  readonly #predictions: readonly Float32Array[];
  readonly #target: Float32Array;
  #loss = 0;

  /**
   * @param predictions - one for each prompt
   * @param target - what a perfect denoiser would predict: that from which diffusion-classifier errors are measured
   */
  constructor(predictions: readonly Float32Array[], target: Float32Array) {
    this.#predictions = predictions;
    this.#target = target;
    this.derivatives = predictions.map(({ length }) => new Float32Array(length));
  }

  get loss(): number {
    return this.#loss;
  }

  /** Adds weight · ‖prediction - target‖²; the target is the denoising one unless given, such as a teacher's prediction. */
  addSquaredError(prompt: number, weight: number, target: Float32Array = this.#target): this {
    this.#loss += weight * squaredError(this.#predictions[prompt], target);
    this.#pushAway(prompt, weight, target);
    return this;
  }

  /**
   * Adds weight · KL(teacher || P), P being the diffusion classifier's posterior over some of the prompts. The derivative in the error of candidate i is
   * (teacher_i - P_i) / temperature. One certain candidate makes it the cross-entropy.
   *
   * @param teacher - probabilities of `prompts`, in their order
   */
  addScoreDivergence(
    prompts: readonly number[],
    teacher: readonly number[],
    weight: number,
    temperature: number,
  ): this {
    const errors = prompts.map((prompt) => squaredError(this.#predictions[prompt], this.#target));
    const own = posterior(errors, temperature);
    this.#loss += weight * klDivergence(teacher, own);
    prompts.forEach((prompt, i) => {
      this.#pushAway(prompt, (weight * (teacher[i] - own[i])) / temperature, this.#target);
    });
    return this;
  }

  /** The derivative of weight · ‖prediction - target‖². */
  #pushAway(prompt: number, weight: number, target: Float32Array): void {
    const prediction = this.#predictions[prompt];
    const derivative = this.derivatives[prompt];
    const scale = (2 * weight) / prediction.length;
    for (let i = 0; i < prediction.length; i++) derivative[i] += scale * (prediction[i] - target[i]);
  }
}
