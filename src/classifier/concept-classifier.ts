/**
 * @file The diffusion classifier over what a model has learned: candidates are prompts, those with the learned tokens
 * and those of ordinary things. Long because creating it, asking it and its options belong together.
 */
import { Lora } from "../adapters/lora.ts";
import { latentShape } from "../diffusion/latents.ts";
import { timeIdsOf, wholePicture } from "../diffusion/time-ids.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { addLearnedTokens } from "../diffusion/prompt-encoder.ts";
import { NoiseSchedule } from "../diffusion/schedulers/index.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { ANYTHING, conceptCandidate, distinctNouns, ordinaryCandidate, type Candidate } from "./candidate.ts";
import { DenoisingError, type Trainable } from "../training/denoising-error.ts";
import {
  classify,
  DEFAULT_TEMPERATURE,
  denoisingErrors,
  DRAWS_AT_ONCE,
  pairedDraws,
  type CandidateErrors,
  type Classification,
  type ClassifyOptions,
  type PairedDraw,
} from "../training/diffusion-classifier.ts";
import { checkReal, checkWhole, LIMITS, REAL_LIMITS } from "../limits.ts";
import type { Learned } from "../library/library-model.ts";

export interface ConceptClassifierOptions extends Pick<ClassifyOptions, "temperature" | "giveUpAt"> {
  /**
   * Ordinary things that a picture may show instead, e.g. `cat`. Default: none, the learned concepts compete among
   * themselves.
   */
  readonly others?: readonly string[];
  /**
   * Many ordinary things that stand for the rest of the world. They are looked at with a few draws only, and the
   * {@link BACKGROUND_KEPT} that fit the picture best take part. Default: none.
   */
  readonly background?: readonly string[];
  /**
   * Whether the empty prompt takes part, as {@link ANYTHING}: what the model makes of the picture without a word.
   * Default false.
   */
  readonly anything?: boolean;
  /** Side of the square pictures in pixels. Default: the model's. */
  readonly resolution?: number;
  /** Pairs of timestep and noise at which the candidates are compared, at most. Default {@link DEFAULT_DRAWS}. */
  readonly draws?: number;
  /**
   * From and to, as shares of the schedule in [0, 1]: only there are candidates compared. Default:
   * {@link TIMESTEPS_OF_SMALL_LATENTS} for latents of at most 32 x 32, for others the whole schedule, as Li et al. have
   * it.
   */
  readonly timesteps?: readonly [number, number];
  /** Of the noise. Default 0. */
  readonly seed?: number;
  readonly program?: ProgramOptions;
}

export interface ClassifyPictureOptions {
  /** When it fires, the classification ends with its reason. */
  readonly signal?: AbortSignal;
  /** Told after every few UNet evaluations how many there have been for this picture. */
  readonly onEvaluations?: (evaluations: number) => void;
  /** Told after each look at the evidence but the last; `left`: the candidates that are not given up. */
  readonly onLook?: (soFar: ConceptClassification, left: readonly Candidate[]) => void;
}

/** Each costs one UNet evaluation per candidate that is still possible. */
export const DEFAULT_DRAWS = 32;
/**
 * Where little noise is left, or little else, all candidates predict alike, and what they differ by is chance. Found
 * with the built-in model on the five tuning concepts of the benchmark: 0.97 of their 30 held-out views, where the
 * whole schedule found 0.80. Of larger latents nothing was measured.
 */
export const TIMESTEPS_OF_SMALL_LATENTS = [0.1, 0.5] as const;
const SMALL_LATENTS = 32 * 32;
const WHOLE_SCHEDULE = [0, 1] as const;
/**
 * Latent pixels in one run, besides which it has at most the draws between two looks: those of one picture of 512 x
 * 512. Larger batches cost memory and are no faster.
 */
const PIXELS_AT_ONCE = 64 * 64;

/** Draws with which the background is looked at. */
const BACKGROUND_DRAWS = 4;
/** Ordinary things of the background that go on to be compared with the other candidates. */
export const BACKGROUND_KEPT = 3;
/** Of the candidates that were compared, in the order of {@link ConceptClassification.candidates}. */
export interface ConceptClassification extends Classification {
  /** All, but for those of the background that do not fit the picture. */
  readonly candidates: readonly Candidate[];
}

/** The candidates, and the compiled program that compares them; `dispose` frees it. */
export class ConceptClassifier {
  /** Those that always take part come first, then the background. */
  readonly candidates: readonly Candidate[];
  /** How many are not of the background. */
  readonly #always: number;
  readonly #pipeline: StableDiffusionPipeline;
  readonly #program: DenoisingError;
  readonly #trainable: Trainable;
  readonly #schedule: NoiseSchedule;
  readonly #tokenIds: readonly (readonly number[])[];
  readonly #draws: readonly PairedDraw[];
  readonly #options: ClassifyOptions;

  private constructor(
    pipeline: StableDiffusionPipeline,
    candidates: readonly Candidate[],
    always: number,
    program: DenoisingError,
    trainable: Trainable,
    schedule: NoiseSchedule,
    tokenIds: readonly (readonly number[])[],
    draws: readonly PairedDraw[],
    options: ClassifyOptions,
  ) {
    this.#pipeline = pipeline;
    this.candidates = candidates;
    this.#always = always;
    this.#program = program;
    this.#trainable = trainable;
    this.#schedule = schedule;
    this.#tokenIds = tokenIds;
    this.#draws = draws;
    this.#options = options;
  }

  /**
   * Compiles the classifier for what has been learned, with the adapter's numbers as they are now.
   *
   * @throws KeepsakeError for a resolution that the model cannot have, tokens of another model, or options that make no
   *   sense
   * @throws RangeError without candidates
   */
  static async create(
    pipeline: StableDiffusionPipeline,
    { concepts, embeddings, adapter: adapter = new Lora([]) }: Learned,
    options: ConceptClassifierOptions = {},
  ): Promise<ConceptClassifier> {
    const { others = [], resolution = pipeline.defaultSize.width, draws = DEFAULT_DRAWS, seed = 0 } = options;
    const { temperature, giveUpAt, program: programOptions } = options;
    const nouns = distinctNouns(others);
    const always = [
      ...concepts.map(conceptCandidate),
      ...nouns.map(ordinaryCandidate),
      ...(options.anything === true ? [ANYTHING] : []),
    ];
    const background = distinctNouns(options.background ?? []).filter((noun) => !nouns.includes(noun));
    const candidates = [...always, ...background.map(ordinaryCandidate)];
    if (candidates.length === 0) throw new RangeError("there is nothing to choose from");
    checkWhole("The number of draws", draws, LIMITS.draws);
    checkReal("The temperature", temperature ?? DEFAULT_TEMPERATURE, REAL_LIMITS.temperature);

    const { vae, text, schedulerConfig } = pipeline;
    const size = { height: resolution, width: resolution };
    const [channels, height, width] = latentShape(vae.config, size);
    const { timesteps = height * width <= SMALL_LATENTS ? TIMESTEPS_OF_SMALL_LATENTS : WHOLE_SCHEDULE } = options;
    checkTimesteps(timesteps);
    const schedule = new NoiseSchedule(schedulerConfig);
    const tokenizer = pipeline.newTokenizer();
    const learned = addLearnedTokens(tokenizer, embeddings, text.width);
    const tokenIds = candidates.map(({ prompt }) => [...tokenizer.encode(prompt).inputIds]);
    const program = await DenoisingError.create(pipeline, adapter, {
      ...programOptions,
      batchSize: Math.max(1, Math.min(DRAWS_AT_ONCE, draws, Math.floor(PIXELS_AT_ONCE / (height * width)))),
      height,
      width,
      learnedRows: learned.rows,
      timeIds: timeIdsOf(wholePicture(size)),
      derivatives: false,
    });
    return new ConceptClassifier(
      pipeline,
      candidates,
      always.length,
      program,
      { adapter, embeddings: learned.values },
      schedule,
      tokenIds,
      pairedDraws(draws, schedule, channels * height * width, seed, timesteps),
      { temperature, giveUpAt },
    );
  }

  /**
   * Says how probable each candidate is for one picture. It ends early once no concept is among the candidates that are
   * left.
   *
   * @param latents - `[latentChannels, height, width]`, times the VAE's scaling factor
   * @throws KeepsakeError if the model's predictions are not numbers; the signal's reason when aborted
   */
  async classify(
    latents: Float32Array,
    { signal, onEvaluations, onLook }: ClassifyPictureOptions = {},
  ): Promise<ConceptClassification> {
    const errorsOf = denoisingErrors(this.#program, this.#trainable, this.#schedule, latents, this.#tokenIds);
    let evaluations = 0;
    // One candidate after another, so that there is news, and a chance to stop, several times a minute with a large
    // model too.
    const watched: CandidateErrors = async (candidates, draws) => {
      const errors: (readonly number[])[] = [];
      for (const candidate of candidates) {
        signal?.throwIfAborted();
        const [own] = await errorsOf([candidate], draws);
        if (!own.every(Number.isFinite)) {
          throw await this.#pipeline.notFinite(
            `The model predicts NaN or infinity for ${this.candidates[candidate].label}`,
          );
        }
        errors.push(own);
        evaluations += draws.length;
        onEvaluations?.(evaluations);
      }
      return errors;
    };
    const taking = await this.#takingPart(watched);
    const candidates = taking.map((candidate) => this.candidates[candidate]);
    const hasConcept = (some: readonly number[]) => some.some((i) => candidates[i].concept !== undefined);
    const isOpen = hasConcept([...candidates.keys()]);
    const result = await classify(
      taking.length,
      this.#draws,
      (some, draws) =>
        watched(
          some.map((i) => taking[i]),
          draws,
        ),
      {
        ...this.#options,
        isSettled: (left) => (left.length === 1 && taking.length > 1) || (isOpen && !hasConcept(left)),
        onLook: (soFar, left) => {
          onLook?.(
            { ...soFar, candidates, evaluations },
            left.map((i) => candidates[i]),
          );
        },
      },
    );
    return { ...result, candidates, evaluations };
  }

  /** The candidates that always take part, and those of the background that fit best after a few draws. */
  async #takingPart(errorsOf: CandidateErrors): Promise<number[]> {
    const all = [...this.candidates.keys()];
    const background = all.slice(this.#always);
    if (background.length <= BACKGROUND_KEPT) return all;
    const draws = this.#draws.slice(0, BACKGROUND_DRAWS);
    const totals = (await errorsOf(background, draws)).map((errors) => errors.reduce((sum, error) => sum + error, 0));
    const best = [...background.keys()].sort((a, b) => totals[a] - totals[b]).slice(0, BACKGROUND_KEPT);
    return [...all.slice(0, this.#always), ...best.map((i) => background[i])];
  }

  async dispose(): Promise<void> {
    await this.#program.dispose();
  }
}

function checkTimesteps([from, to]: readonly [number, number]): void {
  if (!(from >= 0 && from < to && to <= 1)) {
    throw new KeepsakeError(
      "usage",
      `The timesteps are ${from} to ${to}, expected a part of the schedule from 0 to 1.`,
    );
  }
}
