/**
 * @file The one program that training is made of: the squared error between what the UNet predicts for noisy latents
 * under a prompt and a target, with its derivative in the adapter and in the learned tokens. Denoising (target: noise),
 * distillation (target: a teacher's prediction), diffusion-classifier scores and the Fisher information are all made of
 * such errors.
 */
import { BoundAdapter } from "../adapters/bound-adapter.ts";
import type { Adapter } from "../adapters/adapter.ts";
import type { Component } from "../diffusion/checkpoint.ts";
import type { UNet2DConditionConfig } from "../diffusion/config/unet-2d-condition-config.ts";
import { checkMemory } from "../diffusion/memory.ts";
import { timestepProjection } from "../diffusion/models/embeddings.ts";
import { unet2DConditionModel } from "../diffusion/models/unet-2d-condition-model.ts";
import { withAdapter } from "../diffusion/module.ts";
import { onlyInputs } from "../diffusion/prompt-encoder.ts";
import type { TextConditioning } from "../diffusion/text-conditioning.ts";
import { type TimeIds, timeIdsFeeds, timeIdsInput } from "../diffusion/time-ids.ts";
import type { Weights } from "../diffusion/weights.ts";
import {
  gradients,
  input,
  mean,
  mul,
  Program,
  square,
  sub,
  sum,
  type ProgramOptions,
  type Tensor,
} from "../graph/index.ts";

/** What of the frozen models is traced. */
export interface TracedModels {
  readonly unet: Traced<UNet2DConditionConfig>;
  readonly text: Pick<TextConditioning, "trace" | "width">;
}

interface Traced<Config> {
  readonly config: Config;
  readonly weights: Pick<Weights, "frozen">;
}

/** The frozen models that a denoising error needs. */
export interface DenoisingModels {
  readonly unet: Component<UNet2DConditionConfig>;
  readonly text: TextConditioning;
}

export interface DenoisingErrorOptions extends ProgramOptions {
  /** Items in one run. Default 1. */
  readonly batchSize?: number;
  /** Latent pixels. */
  readonly height: number;
  readonly width: number;
  /** Rows of learned token embeddings; 0 if there are none. */
  readonly learnedRows: number;
  /** SDXL: of items that do not bring their own. */
  readonly timeIds?: TimeIds;
  /** Whether derivatives are computed too. Default true. */
  readonly derivatives?: boolean;
  /** Recompute the UNet's blocks in the backward pass: less memory, about a third more time. Default false. */
  readonly checkpointing?: boolean;
}

/** One run's values, all with the batch as the first axis. */
export interface DenoisingBatch {
  /** `[batch, channels, height, width]` */
  readonly noisyLatents: Float32Array;
  /** In train-timestep units. */
  readonly timesteps: readonly number[];
  /** Token ids of the prompts, padded; ids that follow those of the vocabulary are rows of the learned embeddings. */
  readonly tokenIds: readonly (readonly number[])[];
  /** `[batch, channels, height, width]`: what should have been predicted. */
  readonly target: Float32Array;
  /** SDXL: the framing of each picture. Default: that of the program's options. */
  readonly timeIds?: readonly (TimeIds | undefined)[];
  /** Weight of each item's error in the sum that is differentiated. Default: 1 / batch for each, their mean. */
  readonly weights?: readonly number[];
}

/** What is trained: the numbers fed for the adapter and the tokens. */
export interface Trainable {
  readonly adapter: Adapter;
  /** `[learnedRows, width]` */
  readonly embeddings: Float32Array;
}

export interface DenoisingErrorResult {
  /** ‖prediction - target‖² of each item, as a mean over its elements. */
  readonly errors: Float32Array;
  /** `[batch, channels, height, width]` */
  readonly prediction: Float32Array;
  /** d Σ weight · error / d adapter, laid out as `Adapter.parameters`. Empty without derivatives. */
  readonly adapterGradient: Float32Array;
  /** d Σ weight · error / d learned embeddings, `[learnedRows, width]`. Empty without derivatives. */
  readonly embeddingsGradient: Float32Array;
}

/** A denoising error as a graph that is still to be compiled. */
export interface TracedDenoisingError {
  readonly models: DenoisingModels;
  readonly binding: BoundAdapter;
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly options: DenoisingErrorOptions;
}

/** The compiled program; `dispose` frees it. */
export class DenoisingError {
  readonly #models: DenoisingModels;
  readonly #binding: BoundAdapter;
  readonly #program: Program;
  readonly #options: DenoisingErrorOptions;

  private constructor(
    models: DenoisingModels,
    binding: BoundAdapter,
    program: Program,
    options: DenoisingErrorOptions,
  ) {
    this.#models = models;
    this.#binding = binding;
    this.#program = program;
    this.#options = options;
  }

  /**
   * Compiles the program for an adapter's layout (its numbers are fed at each run) and a latent size.
   *
   * @throws KeepsakeError if a checkpoint does not fit its config, or the memory does not suffice
   */
  static async create(
    models: DenoisingModels,
    adapter: Adapter,
    options: DenoisingErrorOptions,
  ): Promise<DenoisingError> {
    const traced = DenoisingError.trace(models, adapter, options);
    DenoisingError.checkMemory(traced);
    return DenoisingError.compile(traced);
  }

  /** What {@link compile} compiles: the graph. @throws KeepsakeError if a checkpoint does not fit its config */
  static trace(models: DenoisingModels, adapter: Adapter, options: DenoisingErrorOptions): TracedDenoisingError {
    const binding = new BoundAdapter(adapter);
    return { models, binding, outputs: denoisingErrorOutputs(models, adapter, binding, options), options };
  }

  /** Whether what was traced can run at all. @throws KeepsakeError if the memory does not suffice */
  static checkMemory({ outputs, options }: TracedDenoisingError): void {
    checkFits(outputs, options);
  }

  /** Compiles what was traced. */
  static async compile({ models, binding, outputs, options }: TracedDenoisingError): Promise<DenoisingError> {
    return new DenoisingError(models, binding, await Program.create(outputs, options), options);
  }

  /** Items in one run. */
  get batchSize(): number {
    return this.#options.batchSize ?? 1;
  }

  /** Computes the errors of a batch, and their derivatives. */
  async run(batch: DenoisingBatch, { adapter, embeddings }: Trainable): Promise<DenoisingErrorResult> {
    const { unet, text } = this.#models;
    const { learnedRows, timeIds, derivatives = true } = this.#options;
    const count = batch.timesteps.length;
    const results = await this.#program.run(
      // Some layers that an adapter may change have no part in the prediction: the last of SDXL's first text encoder.
      onlyInputs(this.#program, {
        ...this.#binding.feeds(adapter.parameters, adapter.frozen),
        ...text.feeds(batch.tokenIds, learnedRows),
        ...timeIdsFeeds(
          unet.config,
          batch.timesteps.map((_, i) => batch.timeIds?.[i] ?? timeIds),
        ),
        embeddings,
        noisyLatents: batch.noisyLatents,
        timestepProjection: timestepProjection(batch.timesteps, unet.config.blockOutChannels[0], unet.config),
        target: batch.target,
        weights: Float32Array.from(batch.weights ?? batch.timesteps.map(() => 1 / count)),
      }),
    );
    const { errors = none, prediction = none } = results;
    return {
      errors,
      prediction,
      adapterGradient: derivatives ? adapter.flatten((name) => results[gradientName(name)]) : none,
      embeddingsGradient: results[gradientName("embeddings")] ?? none,
    };
  }

  async dispose(): Promise<void> {
    await this.#program.dispose();
  }
}

const none = new Float32Array();

function gradientName(name: string): string {
  return `gradient of ${name}`;
}

function checkFits(outputs: Readonly<Record<string, Tensor>>, options: DenoisingErrorOptions): void {
  const { batchSize = 1, height, width, derivatives = true, checkpointing = false } = options;
  const work = derivatives ? "A training step" : "A prediction";
  const batch = derivatives && batchSize > 1 ? " or --batch-size" : "";
  const frugal = derivatives && !checkpointing ? ", or add --checkpointing" : "";
  checkMemory([outputs], options, {
    what: `${work} on ${batchSize} ${batchSize === 1 ? "picture" : "pictures"} with latents of ${width}x${height}`,
    advice: () => `use a smaller --resolution${batch}${frugal}`,
  });
}

/** What the program computes, with the adapter's numbers as inputs. */
export function denoisingErrorOutputs(
  models: TracedModels,
  adapter: Adapter,
  binding: BoundAdapter,
  options: DenoisingErrorOptions,
): Record<string, Tensor> {
  const { batchSize = 1, height, width, learnedRows, derivatives = true, checkpointing = false } = options;
  const { unet, text } = models;
  const embeddings = input("embeddings", [Math.max(learnedRows, 1), text.width]);
  const conditioning = text.trace(batchSize, { adapter: binding, learned: learnedRows > 0 ? embeddings : undefined });
  const latents = [batchSize, unet.config.inChannels, height, width];
  const prediction = unet2DConditionModel(
    withAdapter(unet.weights.frozen(), "unet", binding),
    unet.config,
    {
      sample: input("noisyLatents", latents),
      timestepProjection: input("timestepProjection", [batchSize, unet.config.blockOutChannels[0]]),
      ...conditioning,
      ...timeIdsInput(unet.config, batchSize),
    },
    { checkpointing },
  );
  const errors = mean(square(sub(prediction, input("target", latents))), [1, 2, 3]);
  const outputs: Record<string, Tensor> = { errors, prediction };
  if (derivatives) {
    const objective = sum(mul(errors, input("weights", [batchSize])));
    const trained = learnedRows > 0 ? [...binding.inputs, embeddings] : binding.inputs;
    gradients(objective, trained).forEach((gradient, i) => {
      outputs[gradientName(adapter.slots[i]?.name ?? "embeddings")] = gradient;
    });
  }
  return outputs;
}
