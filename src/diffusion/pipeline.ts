/**
 * @file Text to image: prompt, text encoder, denoising with classifier-free guidance, VAE decoder
 * (diffusers: pipelines/stable_diffusion/pipeline_stable_diffusion.py; Ho & Salimans 2022).
 *
 * Long because a quarter of it says what can be asked for, and the rest is one picture from prompt to pixels.
 */
import { KeepsakeError } from "../errors.ts";
import {
  type ProgramOptions,
  type Tensor,
  add,
  broadcastTo,
  concat,
  input,
  mul,
  Program,
  split,
  sub,
} from "../graph/index.ts";
import { tensorToImage } from "../io/images/image.ts";
import type { RgbImage } from "../io/images/rgb-image.ts";
import { RandomStream } from "../random/random.ts";
import type { Checkpoint, CheckpointOptions, Component } from "./checkpoint.ts";
import { checkPartsFit } from "./checkpoint-fit.ts";
import { type AutoencoderKlConfig, vaeScaleFactor } from "./config/autoencoder-kl-config.ts";
import type { ClipTextConfig } from "./config/clip-config.ts";
import type { UNet2DConditionConfig } from "./config/unet-2d-condition-config.ts";
import { concatenated } from "./flat-arrays.ts";
import { type LatentShape, compileDecoder, decoderOutputs, latentShape, sizeWarning } from "./latents.ts";
import type { ModelFamily } from "./family/families.ts";
import type { PictureSize } from "./picture-size.ts";
import { checkMemory, drawingPurpose } from "./memory.ts";
import { openCheckpoint } from "./open-checkpoint.ts";
import { guidanceScaleEmbedding, timestepProjection } from "./models/embeddings.ts";
import { unet2DConditionModel } from "./models/unet-2d-condition-model.ts";
import { type AdapterBinding, withAdapter } from "./module.ts";
import { ProgramCache } from "./program-cache.ts";
import { programCost, type ProgramCost } from "./program-cost.ts";
import { type LearnedEmbedding, onlyInputs, PromptEncoder } from "./prompt-encoder.ts";
import {
  type Scheduler,
  createScheduler,
  isSchedulerClass,
  schedulerClass,
  schedulerNames,
} from "./schedulers/index.ts";
import { damagedWeights } from "./weights.ts";
import type { TextConditioning } from "./text-conditioning.ts";
import type { Conditioning } from "./text-conditioning.ts";
import { type PictureFraming, timeIdsFeeds, timeIdsInput, timeIdsOf, wholePicture } from "./time-ids.ts";
import type { PromptTokenizer } from "./tokenizer/index.ts";

/** One step of the denoising of one picture, for progress and previews. */
export interface GenerationStep {
  /** Which picture, as in `GeneratedImage.index`. */
  readonly index: number;
  /** From 1 to `steps`. */
  readonly step: number;
  readonly steps: number;
  /** The latents after this step, `[latentChannels, height, width]`. */
  readonly latents: Float32Array;
}

export interface GenerateOptions {
  /**
   * What to draw. Weights are read as AUTOMATIC1111's program reads them: `(word:1.2)`, `(word)` for 1.1, `[word]` for
   * 1 / 1.1, `\\(` for a bracket; BREAK begins a new part. A prompt of more than 75 tokens is encoded in several parts.
   */
  readonly prompt: string;
  /**
   * What to lead away from. Without effect when `guidanceScale` is 1. Default: nothing, which is "" to Stable Diffusion
   * 1.x and 2.x, and zeros to SDXL, for which "" is a prompt like any other.
   */
  readonly negativePrompt?: string;
  /** Number of denoising steps. Default: that of the model's family, mostly 30. */
  readonly steps?: number;
  /**
   * unconditional + guidanceScale * (conditional - unconditional). Default: that of the model's family, 7.5 for Stable
   * Diffusion 1.x and 2.x. 1 means no guidance and half the work, and so does 0, as Turbo models are told in diffusers.
   * An LCM UNet has learned what guidance does: it takes the scale as an input, in half the work, and no negative
   * prompt.
   */
  readonly guidanceScale?: number;
  /** A name that `createScheduler` knows. Default: the checkpoint's own. */
  readonly scheduler?: string;
  /** Any integer; default 0. A picture depends on the seed and its index alone, not on how many are made at once. */
  readonly seed?: number | bigint;
  /** Number of pictures. Default 1. */
  readonly n?: number;
  /** Index of the first picture. Default 0. */
  readonly firstIndex?: number;
  /** In pixels, a multiple of the VAE's scale factor. Default: the size that the model was trained on. */
  readonly width?: number;
  readonly height?: number;
  /**
   * Which layer of the text encoder the UNet attends to, counted from the last one, 1. Default: the one of its
   * training. An earlier layer of Stable Diffusion 1.x and 2.x goes through the final norm; of SDXL, 1 and 2 are the
   * last layer but one, on which it was trained, and none is normed.
   */
  readonly clipSkip?: number;
  /** SDXL: how the picture should seem to have been cut out of another. Default: a whole picture of its size. */
  readonly framing?: PictureFraming;
  readonly learnedEmbeddings?: readonly LearnedEmbedding[];
  /**
   * Compiled into the programs, which are kept until another adapter comes; its numbers are asked for anew in every
   * call.
   */
  readonly adapter?: AdapterBinding;
  /**
   * Starting noise for each picture, `[latentChannels, height, width]`, standard normal. Default: drawn from the seed.
   */
  readonly initialLatents?: readonly Float32Array[];
  readonly signal?: AbortSignal;
  readonly onStep?: (step: GenerationStep) => void;
  /** Told in one line about what was done otherwise than asked, such as an unusual size. */
  readonly onWarning?: (message: string) => void;
}

export interface GeneratedImage {
  readonly index: number;
  readonly image: RgbImage;
  /** The VAE's answer `[3, height, width]`, about [-1, 1], before clamping and rounding. */
  readonly decoded: Float32Array;
  /** The denoised latents `[latentChannels, height, width]`. */
  readonly latents: Float32Array;
}

/**
 * A checkpoint of Stable Diffusion 1.x, 2.x or XL, ready to draw. Its parts are public: training uses the same ones.
 *
 * @example
 * ```ts
 * import { Picture } from "keepsake";
 * import { StableDiffusionPipeline } from "keepsake/diffusion";
 *
 * const pipeline = await StableDiffusionPipeline.load("./stable-diffusion-v1-5");
 * const asked = { prompt: "a cat on the beach", seed: 7 };
 * const [{ image, index }] = await pipeline.generate({ ...asked, steps: 20, scheduler: "dpmpp2m" });
 * await new Picture({ ...asked, image, index }).save("cat.png");
 * await pipeline.dispose();
 * ```
 */
export class StableDiffusionPipeline {
  /** What it was made of. */
  readonly checkpoint: Checkpoint;
  readonly unet: Component<UNet2DConditionConfig>;
  readonly vae: Component<AutoencoderKlConfig>;
  /** All text encoders as one. */
  readonly text: TextConditioning;
  /** The text encoder, or the first of two. */
  readonly textEncoder: Component<ClipTextConfig>;
  /** Which family of models it is of, with the defaults for drawing. */
  readonly family: ModelFamily;
  /** Makes a tokenizer without learned tokens. */
  readonly newTokenizer: () => PromptTokenizer;
  /** The parsed scheduler_config.json. */
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  readonly #programOptions: ProgramOptions;
  readonly #promptEncoder: PromptEncoder;
  readonly #denoisers = new ProgramCache<Program<"prediction">>();
  readonly #decoders = new ProgramCache<Program<"decoded">>();
  /** Sizes of pictures for which there is memory. */
  readonly #fitting = new Set<string>();
  #adapter: AdapterBinding | undefined;

  private constructor(checkpoint: Checkpoint, programOptions: ProgramOptions) {
    this.checkpoint = checkpoint;
    this.unet = checkpoint.unet;
    this.vae = checkpoint.vae;
    this.text = checkpoint.text;
    this.textEncoder = checkpoint.text.encoders[0];
    this.family = checkpoint.family;
    this.newTokenizer = () => checkpoint.text.newTokenizer();
    this.schedulerConfig = checkpoint.schedulerConfig;
    this.#programOptions = programOptions;
    this.#promptEncoder = new PromptEncoder(this.text, programOptions);
  }

  /**
   * Opens a checkpoint: a folder in the diffusers layout, or a single file (.safetensors) of Stable Diffusion 1.x, 2.x
   * or XL. Weights stay where they are; nothing is compiled yet.
   * @throws KeepsakeError naming file and fault for anything missing, malformed or not supported.
   */
  static async load(
    path: string,
    programOptions: ProgramOptions = {},
    options: CheckpointOptions = {},
  ): Promise<StableDiffusionPipeline> {
    const checkpoint = await openCheckpoint(path, options);
    checkPartsFit(checkpoint);
    return new StableDiffusionPipeline(checkpoint, programOptions);
  }

  /** The size of picture that the model was trained on. */
  get defaultSize(): PictureSize {
    const { sampleSize } = this.unet.config;
    const side = sampleSize === undefined ? this.family.resolution : sampleSize * vaeScaleFactor(this.vae.config);
    return { height: side, width: side };
  }

  /**
   * A new scheduler with the checkpoint's options.
   * @param name default: the class that the checkpoint names.
   * @throws KeepsakeError ("usage") for an unknown name; ("input") for an unsupported option, or class of the
   *   checkpoint.
   */
  createScheduler(name?: string): Scheduler {
    const source = this.checkpoint.schedulerSource;
    const ownClass = this.schedulerConfig._class_name;
    if (name === undefined) return createScheduler(supportedClass(ownClass, source), this.schedulerConfig, { source });
    // A class that does not clip has no such option, and latents must not be clipped.
    const unclipped = schedulerClass(name) === ownClass ? {} : { clip_sample: false };
    return createScheduler(name, { ...unclipped, ...this.schedulerConfig }, { source });
  }

  /**
   * Draws pictures, one after another.
   * @throws KeepsakeError for options that make no sense; the signal's reason when aborted.
   */
  async generate(options: GenerateOptions): Promise<GeneratedImage[]> {
    const { n = 1, firstIndex = 0, guidanceScale = this.family.guidanceScale, seed = 0 } = options;
    if (!Number.isSafeInteger(n) || n < 1)
      throw new KeepsakeError("usage", `The number of pictures is ${n}, expected a whole number of at least 1.`);
    if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
      throw new KeepsakeError("usage", `The seed is ${seed}, expected a whole number; above 2^53 - 1 as a bigint.`);
    }
    if (!Number.isFinite(guidanceScale)) throw new KeepsakeError("usage", `The guidance scale is ${guidanceScale}.`);
    const size = {
      height: options.height ?? this.defaultSize.height,
      width: options.width ?? this.defaultSize.width,
    };
    const shape = latentShape(this.vae.config, size);
    const unusual = sizeWarning(size, this.defaultSize);
    if (unusual !== undefined) options.onWarning?.(unusual);
    const scheduler = this.createScheduler(options.scheduler);
    scheduler.setTimesteps(options.steps ?? this.family.steps);

    if (options.clipSkip !== undefined) this.text.checkClipSkip(options.clipSkip);

    await this.#useAdapter(options.adapter);
    const { prompt, negativePrompt, learnedEmbeddings = [] } = options;
    const prompts = this.isGuided(guidanceScale) ? [negativePrompt, prompt] : [prompt];
    const read = this.#promptEncoder.read(prompts, learnedEmbeddings);
    const batch = { prompts: prompts.length, positions: read.chunks * this.text.positions };
    this.#checkMemory(size, batch);
    const framing = options.framing ?? wholePicture(size);
    const encoded = await this.#promptEncoder.encodeRead(read, options);
    const denoise = await this.#denoiser({ ...options, framing }, shape, { batch, encoded, guidanceScale });
    const decoder = await this.#decoders.get(shape.join("x"), () =>
      compileDecoder(this.vae, size, this.#programOptions),
    );

    const pictures: GeneratedImage[] = [];
    for (let index = firstIndex; index < firstIndex + n; index++) {
      const noise = options.initialLatents?.[index - firstIndex] ?? startingNoise(seed, index, shape);
      const latents = await denoiseFrom(noise, { scheduler, denoise, options, seed, index });
      const { decoded } = await decoder.run({ latents });
      if (!decoded.every(Number.isFinite)) {
        throw await this.notFinite(`Picture ${index} is not a picture but NaN or infinity`);
      }
      pictures.push({ index, image: tensorToImage(decoded, size.width, size.height), decoded, latents });
    }
    return pictures;
  }

  /** Whether the negative prompt goes through the UNet beside the prompt: a step is two of its evaluations then. */
  isGuided(guidanceScale: number): boolean {
    return guidanceScale !== 0 && guidanceScale !== 1 && this.unet.config.timeCondProjDim === undefined;
  }

  /**
   * What drawing a picture of a size takes, without an adapter: one step of the denoising, and the decoding.
   *
   * @throws KeepsakeError if the size does not fit
   */
  drawingCosts(
    size: PictureSize,
    guidanceScale: number,
  ): { readonly step: ProgramCost; readonly decoder: ProgramCost } {
    const shape = latentShape(this.vae.config, size);
    const batch = { prompts: this.isGuided(guidanceScale) ? 2 : 1, positions: this.text.positions };
    return {
      step: programCost(this.#denoiserOutputs(shape, batch), this.#programOptions),
      decoder: programCost(decoderOutputs(this.vae, size), this.#programOptions),
    };
  }

  /**
   * The error for something that came out as NaN or infinity: the weights that are the cause, or that it is none of
   * them.
   *
   * @param fault - what came out
   */
  async notFinite(fault: string): Promise<KeepsakeError> {
    const parts = [this.unet, ...this.text.encoders, this.vae];
    const damaged = await damagedWeights(parts.map(({ weights }) => weights));
    if (damaged !== undefined) return damaged;
    const advice =
      this.#adapter === undefined
        ? "the model overflows, or its configuration does not fit its weights; try another checkpoint"
        : "the model overflows, or the adapter's numbers are damaged; try another checkpoint, or without adapter";
    return new KeepsakeError("input", `${fault}, and all weights are finite: ${advice}.`);
  }

  /** Frees the compiled programs. The pipeline may be used again. */
  async dispose(): Promise<void> {
    await this.#useAdapter(undefined);
    await this.#promptEncoder.clear();
    await this.#denoisers.clear();
    await this.#decoders.clear();
  }

  /** @throws KeepsakeError before anything is compiled, if the memory does not suffice for pictures of this size */
  #checkMemory(size: PictureSize, batch: PromptBatch): void {
    const shape = latentShape(this.vae.config, size);
    const checked = keyOf(shape, batch);
    if (this.#fitting.has(checked)) return;
    const denoiser = this.#denoiserOutputs(shape, batch);
    checkMemory([denoiser, decoderOutputs(this.vae, size)], this.#programOptions, drawingPurpose(size));
    this.#fitting.add(checked);
  }

  /** An adapter is part of the compiled programs, so those of the last adapter go when another one comes. */
  async #useAdapter(adapter: AdapterBinding | undefined): Promise<void> {
    if (adapter === this.#adapter) return;
    this.#adapter = adapter;
    await this.#promptEncoder.clear();
    await this.#denoisers.clear();
  }

  /** The guided prediction as a function of latents and timestep. */
  async #denoiser(
    { framing, adapter }: { readonly framing: PictureFraming; readonly adapter?: AdapterBinding },
    shape: LatentShape,
    {
      batch,
      encoded,
      guidanceScale,
    }: {
      readonly batch: PromptBatch;
      readonly encoded: readonly Conditioning<Float32Array>[];
      readonly guidanceScale: number;
    },
  ): Promise<Denoiser> {
    const { config } = this.unet;
    const program = await this.#denoisers.get(keyOf(shape, batch), () =>
      Program.create(this.#denoiserOutputs(shape, batch), this.#programOptions),
    );
    const fixed = onlyInputs(program, {
      ...adapter?.feeds(),
      ...together(encoded),
      ...timeIdsFeeds(config, [timeIdsOf(framing)]),
      guidanceScale: Float32Array.of(guidanceScale),
      ...(config.timeCondProjDim !== undefined && {
        timestepCond: guidanceScaleEmbedding(guidanceScale, config.timeCondProjDim),
      }),
    });
    return async (sample, timestep) => {
      const projection = timestepProjection([timestep], config.blockOutChannels[0], config);
      return (await program.run({ ...fixed, sample, timestepProjection: projection })).prediction;
    };
  }

  /**
   * With guidance, both prompts go through the UNet as one batch of two: up to twice as fast as one after the other
   * where the latents are small, and equal where they are large.
   */
  #denoiserOutputs(shape: LatentShape, { prompts: batch, positions }: PromptBatch): Record<"prediction", Tensor> {
    const { config, weights } = this.unet;
    const { width, projectionDim } = this.text;
    const sample = input("sample", [1, ...shape]);
    const projection = input("timestepProjection", [1, config.blockOutChannels[0]]);
    const output = unet2DConditionModel(withAdapter(weights.frozen(), "unet", this.#adapter), config, {
      sample: batch === 1 ? sample : concat([sample, sample], 0),
      timestepProjection: broadcastTo(projection, [batch, config.blockOutChannels[0]]),
      encoderHiddenStates: input("encoderHiddenStates", [batch, positions, width]),
      ...(projectionDim !== undefined && { textEmbeds: input("textEmbeds", [batch, projectionDim]) }),
      ...timeIdsInput(config, batch, 1),
      ...(config.timeCondProjDim !== undefined && { timestepCond: input("timestepCond", [1, config.timeCondProjDim]) }),
    });
    if (batch === 1) return { prediction: output };
    const [unconditional, conditional] = split(output, [1, 1], 0);
    const direction = mul(input("guidanceScale", [1]), sub(conditional, unconditional));
    return { prediction: add(unconditional, direction) };
  }
}

/** @throws KeepsakeError ("input") if the checkpoint's own scheduler is none of ours: nobody has chosen it. */
function supportedClass(className: unknown, source: string): string {
  const fault = (message: string) => new KeepsakeError("input", `${source}: ${message}`);
  if (typeof className !== "string") throw fault(`"_class_name" is missing.`);
  if (isSchedulerClass(className)) return className;
  const names = schedulerNames().join(", ");
  throw fault(`scheduler "${className}" is not supported: choose another one (with --scheduler): ${names}.`);
}

/** How many prompts go through the UNet at once, and the tokens of each, padded. */
interface PromptBatch {
  readonly prompts: number;
  readonly positions: number;
}

function keyOf(shape: LatentShape, { prompts, positions }: PromptBatch): string {
  return [prompts, positions, ...shape].join("x");
}

/** What the prompts of a batch are to the UNet. */
function together(encoded: readonly Conditioning<Float32Array>[]): Conditioning<Float32Array> {
  const textEmbeds = encoded.flatMap((each) => each.textEmbeds ?? []);
  return {
    encoderHiddenStates: concatenated(encoded.map(({ encoderHiddenStates }) => encoderHiddenStates)),
    ...(textEmbeds.length > 0 && { textEmbeds: concatenated(textEmbeds) }),
  };
}

/** The prediction for latents `[latentChannels, height, width]` at a timestep. */
type Denoiser = (sample: Float32Array, timestep: number) => Promise<Float32Array>;

interface DenoisingRun {
  readonly scheduler: Scheduler;
  readonly denoise: Denoiser;
  readonly options: Pick<GenerateOptions, "signal" | "onStep">;
  readonly seed: number | bigint;
  readonly index: number;
}

async function denoiseFrom(noise: Float32Array, run: DenoisingRun): Promise<Float32Array> {
  const { scheduler, denoise, options, seed, index } = run;
  let latents: Float32Array = noise.map((value) => value * scheduler.initNoiseSigma);
  for (const [step, timestep] of scheduler.timesteps.entries()) {
    options.signal?.throwIfAborted();
    const prediction = await denoise(scheduler.scaleModelInput(latents, step), timestep);
    const stepNoise = () => new RandomStream(seed, "step-noise", index, step).normal(latents.length);
    latents = scheduler.step(prediction, step, latents, stepNoise).prevSample;
    options.onStep?.({ index, step: step + 1, steps: scheduler.timesteps.length, latents });
  }
  return latents;
}

function startingNoise(seed: number | bigint, index: number, [channels, height, width]: LatentShape): Float32Array {
  return new RandomStream(seed, "latents", index).normal(channels * height * width);
}
