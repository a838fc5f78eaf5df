/**
 * @file Compiled programs that many runs share: a denoiser for each layout of adapter and size of picture, and the text
 * encoder. To open a session and to trace a model takes longer than hundreds of steps of a small model.
 */
import type { Adapter } from "../adapters/adapter.ts";
import { latentShape } from "../diffusion/latents.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { PromptEncoder, type LearnedEmbedding } from "../diffusion/prompt-encoder.ts";
import { timeIdsOf, wholePicture } from "../diffusion/time-ids.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { CompiledDenoiser } from "./denoiser.ts";

export interface DenoiserPoolOptions extends ProgramOptions {
  /** Recompute the UNet's blocks in the backward pass: less memory, about a third more time. Default false. */
  readonly checkpointing?: boolean;
}

export interface DenoiserShape {
  /** Side of the pictures, in pixels. */
  readonly resolution: number;
  readonly batchSize: number;
  readonly learnedRows: number;
}

/** Programs of one model. One run at a time; `dispose` frees them. */
export class DenoiserPool {
  /** Whether the UNet's blocks are recomputed in the backward pass. */
  readonly checkpointing: boolean;
  readonly #pipeline: StableDiffusionPipeline;
  readonly #options: DenoiserPoolOptions;
  readonly #denoisers = new Map<string, CompiledDenoiser>();
  readonly #promptEncoder: PromptEncoder;

  constructor(pipeline: StableDiffusionPipeline, options: DenoiserPoolOptions = {}) {
    this.#pipeline = pipeline;
    this.#options = options;
    this.checkpointing = options.checkpointing ?? false;
    this.#promptEncoder = new PromptEncoder(pipeline.text, options);
  }

  /** The same one for the same layout and shape. @throws KeepsakeError for a resolution that the model cannot have */
  denoiser(adapter: Adapter, shape: DenoiserShape): CompiledDenoiser {
    const { resolution, ...rest } = shape;
    const key = JSON.stringify([adapter.layout, resolution, rest.batchSize, rest.learnedRows]);
    const known = this.#denoisers.get(key);
    if (known !== undefined) return known;
    const size = { height: resolution, width: resolution };
    const [, height, width] = latentShape(this.#pipeline.vae.config, size);
    const options = { ...this.#options, ...rest, height, width, timeIds: timeIdsOf(wholePicture(size)) };
    const denoiser = new CompiledDenoiser(this.#pipeline, adapter, options);
    this.#denoisers.set(key, denoiser);
    return denoiser;
  }

  /** What the frozen text encoders make of each prompt, `[positions, width]`. */
  async encodePrompts(prompts: readonly string[], learned: readonly LearnedEmbedding[]): Promise<Float32Array[]> {
    const encoded = await this.#promptEncoder.encode(prompts, { learnedEmbeddings: learned });
    return encoded.map(({ encoderHiddenStates }) => encoderHiddenStates);
  }

  /**
   * Frees the compiled text encoders, until prompts are encoded again: those of SDXL take gigabytes beside a training
   * step.
   */
  async freePromptEncoder(): Promise<void> {
    await this.#promptEncoder.clear();
  }

  async dispose(): Promise<void> {
    for (const denoiser of this.#denoisers.values()) await denoiser.dispose();
    this.#denoisers.clear();
    await this.#promptEncoder.clear();
  }
}
