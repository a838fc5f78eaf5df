/**
 * @file The step loop: draws (photo, noise, timestep, prompt), asks the denoising-error program for the gradient, and
 * updates the adapter and the new token. Every random draw is addressed by (seed, concept, purpose, step), so a run that
 * goes on from a saved state takes the very steps it would have taken.
 */
import type { Lora } from "../adapters/lora.ts";
import { concatenated } from "../diffusion/flat-arrays.ts";
import { latentsFromPosterior, type Posterior } from "../diffusion/latents.ts";
import type { AutoencoderKlConfig } from "../diffusion/config/autoencoder-kl-config.ts";
import type { NoiseSchedule } from "../diffusion/schedulers/index.ts";
import { KeepsakeError } from "../errors.ts";
import { AdamW, clipGradNorm, type AdamWState } from "../graph/optim/index.ts";
import { RandomStream } from "../random/random.ts";
import type { DenoisingError } from "./denoising-error.ts";
import { fillTemplate, PROMPT_TEMPLATES } from "./prompt-templates.ts";

/** The hyper-parameters of learning one concept. */
export interface TrainingSettings {
  /** Optimiser steps. */
  readonly steps: number;
  /** Photos (with their own noise, timestep and prompt) in one step. */
  readonly batchSize: number;
  /** Of the adapter. */
  readonly learningRate: number;
  /** Of the token's embedding. */
  readonly tokenLearningRate: number;
  /** Decoupled weight decay of the adapter; the token has none. */
  readonly weightDecay: number;
  /** Largest norm of the whole gradient. */
  readonly maxGradNorm: number;
  readonly seed: number;
  /** Side of the square that photos are cropped to, in pixels. */
  readonly resolution: number;
}

/** What the loop works on and never changes. */
export interface TrainingMaterial {
  readonly concept: string;
  readonly token: string;
  readonly photos: readonly Posterior[];
  readonly vae: AutoencoderKlConfig;
  readonly schedule: NoiseSchedule;
  readonly program: DenoisingError;
  readonly settings: TrainingSettings;
  /** Token ids of a prompt, padded. */
  readonly tokenize: (prompt: string) => readonly number[];
  /** Embeddings of the earlier concepts' tokens, `[rows, width]`: frozen. */
  readonly frozenEmbeddings: Float32Array;
}

/** Everything that changes from step to step. */
export interface TrainingState {
  readonly lora: Lora;
  /** Embedding of the new token, `[vectors, width]`. */
  readonly embedding: Float32Array;
  readonly optimizer: AdamWState;
}

/** Learning one concept, step by step. */
export class TrainingRun {
  readonly lora: Lora;
  readonly embedding: Float32Array;
  readonly #material: TrainingMaterial;
  readonly #optimizer: AdamW;
  /** Frozen rows, then the new token's; `embedding` is a window on its end. */
  readonly #embeddings: Float32Array;

  /** @param saved - a state to go on from; its arrays are copied. Absent: `initial` is the start. */
  constructor(material: TrainingMaterial, initial: Omit<TrainingState, "optimizer">, saved?: AdamWState) {
    const { settings, frozenEmbeddings } = material;
    this.#material = material;
    this.lora = initial.lora.withParameters(initial.lora.parameters);
    this.#embeddings = new Float32Array(frozenEmbeddings.length + initial.embedding.length);
    this.#embeddings.set(frozenEmbeddings);
    this.#embeddings.set(initial.embedding, frozenEmbeddings.length);
    this.embedding = this.#embeddings.subarray(frozenEmbeddings.length);
    this.#optimizer = new AdamW([
      {
        name: "lora",
        parameters: this.lora.parameters,
        learningRate: settings.learningRate,
        weightDecay: settings.weightDecay,
      },
      { name: "embedding", parameters: this.embedding, learningRate: settings.tokenLearningRate, weightDecay: 0 },
    ]);
    if (saved !== undefined) this.#optimizer.loadState(saved);
  }

  /** Steps done. */
  get step(): number {
    return this.#optimizer.stepCount;
  }

  get isFinished(): boolean {
    return this.step >= this.#material.settings.steps;
  }

  /** The state after the last step, copied. */
  state(): TrainingState {
    return {
      lora: this.lora.withParameters(this.lora.parameters),
      embedding: this.embedding.slice(),
      optimizer: this.#optimizer.state(),
    };
  }

  /**
   * Takes one step (Adam's update of Kingma & Ba with decoupled decay, on the mean error of the batch).
   *
   * @returns the mean denoising error before the update
   * @throws KeepsakeError if the loss is not finite; nothing has been changed then
   */
  async advance(): Promise<number> {
    const { program, settings, frozenEmbeddings } = this.#material;
    const batch = this.#drawBatch(this.step);
    const result = await program.run(batch, { lora: this.lora, embeddings: this.#embeddings });
    const loss = result.errors.reduce((sum, error) => sum + error, 0) / settings.batchSize;
    const gradient = [result.loraGradient, result.embeddingsGradient.slice(frozenEmbeddings.length)];
    const norm = clipGradNorm(gradient, settings.maxGradNorm);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      const advice = "learn it again with --restart and a lower --lr";
      throw new KeepsakeError(
        "input",
        `Learning ${this.#material.concept} diverged at step ${this.step + 1}: ${advice}.`,
      );
    }
    this.#optimizer.step(gradient);
    return loss;
  }

  #drawBatch(step: number) {
    const { concept, token, photos, vae, schedule, settings, tokenize } = this.#material;
    const draw = (purpose: string) => new RandomStream(settings.seed, "learn", concept, purpose, step);
    const count = settings.batchSize;
    const chosen = draw("photo").integers(count, photos.length);
    const templates = draw("prompt").integers(count, PROMPT_TEMPLATES.length);
    const timesteps = [...draw("timestep").integers(count, schedule.numTrainTimesteps)];
    const [posteriorNoise, noise] = [draw("latent"), draw("noise")];
    const latents: Float32Array[] = [];
    for (const index of chosen) {
      const photo = photos[index];
      if (photo === undefined) throw new Error(`no photo ${index}`);
      latents.push(latentsFromPosterior(photo, vae, posteriorNoise.normal(photo.mean.length)));
    }
    const clean = concatenated(latents);
    const noises = noise.normal(clean.length);
    return {
      noisyLatents: schedule.addNoise(clean, noises, timesteps),
      target: schedule.trainingTarget(clean, noises, timesteps),
      timesteps,
      tokenIds: [...templates].map((index) => tokenize(fillTemplate(PROMPT_TEMPLATES[index] ?? "{}", token))),
    };
  }
}
