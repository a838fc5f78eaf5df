/**
 * @file Evaluations of the UNet by the batch: the denoising-error program, compiled for each number of items that is
 * asked for and kept, and with or without derivatives. Everything that trains or consolidates goes through here.
 */
import type { Adapter } from "../adapters/adapter.ts";
import { concatenated } from "../diffusion/flat-arrays.ts";
import { ProgramCache } from "../diffusion/program-cache.ts";
import { programCost, type ProgramCost } from "../diffusion/program-cost.ts";
import type { TimeIds } from "../diffusion/time-ids.ts";
import { damagedWeights } from "../diffusion/weights.ts";
import type { KeepsakeError } from "../errors.ts";
import {
  DenoisingError,
  type DenoisingErrorOptions,
  type DenoisingModels,
  type TracedDenoisingError,
  type Trainable,
} from "./denoising-error.ts";

/** Noisy latents under a prompt. */
export interface DenoisingItem {
  /** `[channels, height, width]` */
  readonly noisyLatents: Float32Array;
  /** In train-timestep units. */
  readonly timestep: number;
  /** Token ids of the prompt, padded. */
  readonly tokenIds: readonly number[];
  /** `[channels, height, width]`: what should be predicted. */
  readonly target: Float32Array;
  /** SDXL: the framing of the picture. Default: that of a whole picture. */
  readonly timeIds?: TimeIds;
}

export interface WeightedItem extends DenoisingItem {
  /** Of this item's squared error in the sum that is differentiated. */
  readonly weight: number;
}

export interface DenoisingGradient {
  /** ‖prediction - target‖² of each item, as a mean over its elements. */
  readonly errors: readonly number[];
  /** Of each item, `[channels, height, width]`. */
  readonly predictions: readonly Float32Array[];
  /** d Σ weight · error / d adapter, laid out as `Adapter.parameters`. */
  readonly adapterGradient: Float32Array;
  /** d Σ weight · error / d learned embeddings. */
  readonly embeddingsGradient: Float32Array;
}

/** Something that denoises, and can be differentiated in an adapter and in learned token embeddings. */
export interface Denoiser {
  /** Numbers in the learned embeddings, `rows * width`; rows that no prompt uses are allowed. */
  readonly embeddingsSize: number;
  /** Predictions alone: one forward evaluation for each item. */
  predictions(items: readonly DenoisingItem[], trainable: Trainable): Promise<readonly Float32Array[]>;
  /** Predictions and derivatives: one forward and backward evaluation for each item. */
  gradient(items: readonly WeightedItem[], trainable: Trainable): Promise<DenoisingGradient>;
  /** The error that names weights which hold NaN or infinity, if any do. Reads all of them. */
  damagedWeights?(): Promise<KeepsakeError | undefined>;
}

/**
 * Items in one run are bounded by the latent pixels in it: at 8x8 latents the overhead of a run matters, at 64x64 its
 * memory. Results may depend on it in the last bit, so it is no option.
 */
const PIXELS_AT_ONCE = 4096;

/**
 * The Stable Diffusion of a checkpoint as a {@link Denoiser}, for adapters of one layout. `dispose` frees its programs.
 */
export class CompiledDenoiser implements Denoiser {
  readonly embeddingsSize: number;
  readonly #models: DenoisingModels;
  readonly #adapter: Adapter;
  readonly #options: Omit<DenoisingErrorOptions, "derivatives">;
  readonly #atOnce: number;
  readonly #programs = new ProgramCache<DenoisingError>();
  #tracedStep?: TracedDenoisingError;
  #stepCost?: ProgramCost;

  /**
   * @param adapter - gives the layout
   * @param options - `batchSize` items always fit in one run
   */
  constructor(models: DenoisingModels, adapter: Adapter, options: Omit<DenoisingErrorOptions, "derivatives">) {
    this.#models = models;
    this.#adapter = adapter;
    this.#options = options;
    this.#atOnce = Math.max(options.batchSize ?? 1, Math.floor(PIXELS_AT_ONCE / (options.height * options.width)));
    this.embeddingsSize = options.learnedRows * models.text.width;
  }

  /**
   * Whether a step of training can run at all. The graph that was traced for that is compiled for the first step of one
   * batch.
   *
   * @throws KeepsakeError if the memory does not suffice
   */
  checkMemory(): void {
    DenoisingError.checkMemory(this.#traceStep());
  }

  /** What one step of one batch takes, or the predictions for it alone; whether it fits this machine or not. */
  cost(derivatives: boolean): ProgramCost {
    if (derivatives) return (this.#stepCost ??= programCost(this.#traceStep().outputs, this.#options));
    const { outputs } = DenoisingError.trace(this.#models, this.#adapter, { ...this.#options, derivatives });
    return programCost(outputs, this.#options);
  }

  async predictions(items: readonly DenoisingItem[], trainable: Trainable): Promise<readonly Float32Array[]> {
    const predictions: Float32Array[] = [];
    for (const chunk of this.#chunks(items)) {
      const program = await this.#program(chunk.length, false);
      const { prediction } = await program.run(batchOf(chunk), trainable);
      predictions.push(...parts(prediction, chunk.length));
    }
    return predictions;
  }

  async gradient(items: readonly WeightedItem[], trainable: Trainable): Promise<DenoisingGradient> {
    const errors: number[] = [];
    const predictions: Float32Array[] = [];
    let sums: { adapterGradient: Float32Array; embeddingsGradient: Float32Array } | undefined;
    for (const chunk of this.#chunks(items)) {
      const program = await this.#program(chunk.length, true);
      const batch = { ...batchOf(chunk), weights: chunk.map(({ weight }) => weight) };
      const result = await program.run(batch, trainable);
      errors.push(...result.errors);
      predictions.push(...parts(result.prediction, chunk.length));
      if (sums === undefined) sums = result;
      else {
        add(sums.adapterGradient, result.adapterGradient);
        add(sums.embeddingsGradient, result.embeddingsGradient);
      }
    }
    if (sums === undefined) throw new RangeError("a gradient needs an item");
    const { adapterGradient, embeddingsGradient } = sums;
    return { errors, predictions, adapterGradient, embeddingsGradient };
  }

  damagedWeights(): Promise<KeepsakeError | undefined> {
    const { unet, text } = this.#models;
    return damagedWeights([unet, ...text.encoders].map(({ weights }) => weights));
  }

  /** Frees the programs. */
  async dispose(): Promise<void> {
    await this.#programs.clear();
  }

  #traceStep(): TracedDenoisingError {
    this.#tracedStep ??= DenoisingError.trace(this.#models, this.#adapter, this.#options);
    return this.#tracedStep;
  }

  *#chunks<Item>(items: readonly Item[]): Generator<readonly Item[]> {
    for (let first = 0; first < items.length; first += this.#atOnce) yield items.slice(first, first + this.#atOnce);
  }

  #program(batchSize: number, derivatives: boolean): Promise<DenoisingError> {
    return this.#programs.get(`${batchSize} ${derivatives}`, () => {
      const traced = this.#tracedStep;
      if (traced === undefined || !derivatives || batchSize !== (this.#options.batchSize ?? 1)) {
        return DenoisingError.create(this.#models, this.#adapter, { ...this.#options, batchSize, derivatives });
      }
      this.#tracedStep = undefined;
      return DenoisingError.compile(traced);
    });
  }
}

function batchOf(items: readonly DenoisingItem[]) {
  return {
    noisyLatents: concatenated(items.map(({ noisyLatents }) => noisyLatents)),
    target: concatenated(items.map(({ target }) => target)),
    timesteps: items.map(({ timestep }) => timestep),
    tokenIds: items.map(({ tokenIds }) => tokenIds),
    timeIds: items.map(({ timeIds }) => timeIds),
  };
}

function parts(values: Float32Array, count: number): Float32Array[] {
  const size = values.length / count;
  return Array.from({ length: count }, (_, i) => values.slice(i * size, (i + 1) * size));
}

function add(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] += values[i];
}
