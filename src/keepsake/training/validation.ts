/**
 * @file The error on photos that are not learned from, measured on the way. It changes nothing of what is learned.
 */
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError } from "../../errors.ts";
import type { ProgramOptions } from "../../graph/index.ts";
import { VALIDATION_EVERY } from "../../learning/learn-settings.ts";
import type { RunTokens } from "../../learning/new-tokens.ts";
import { sha256 } from "../../io/hash.ts";
import { checkWhole, LIMITS } from "../../limits.ts";
import { encodeTrainingPhotos, type TrainingPhoto } from "../../training/photos/encode-photos.ts";
import type { PhotoSource } from "../../training/photos/find-photos.ts";
import { loadPhotos, type Photos } from "../../training/photos/photos.ts";
import type { TrainingRun } from "../../training/training-run.ts";
import type { TrainingSettings } from "../../training/training-settings.ts";

/** On which photos a run is measured, and how often. */
export interface ValidationRequest {
  /** Photos of the concept that are not among those it is learned from. They are read, and never stored. */
  readonly photos: readonly PhotoSource[];
  /**
   * Steps from one measurement to the next; the first comes before the first step, the last after the last one. Default
   * 25.
   */
  readonly every?: number;
}

/** A measurement. */
export interface ValidationProgress {
  readonly kind: "validation";
  /** Steps done, over all phases. */
  readonly step: number;
  readonly steps: number;
  /** Mean denoising error on the photos, at noise and timesteps that are always the same. */
  readonly error: number;
}

/** @throws KeepsakeError ("usage") for a number of steps that makes no sense, or no photo */
export function checkValidationRequest({ photos, every = VALIDATION_EVERY }: ValidationRequest): void {
  checkWhole("The number of steps between validations", every, LIMITS.sampleEvery);
  if (photos.length === 0) throw new KeepsakeError("usage", "There is no photo to validate on; name at least one.");
}

/** Measures one run. */
export class Validator {
  readonly #every: number;
  readonly #photos: readonly TrainingPhoto[];
  readonly #tell: ((progress: ValidationProgress) => void) | undefined;

  private constructor(
    every: number,
    photos: readonly TrainingPhoto[],
    tell: ((progress: ValidationProgress) => void) | undefined,
  ) {
    this.#every = every;
    this.#photos = photos;
    this.#tell = tell;
  }

  /**
   * Reads and encodes the photos.
   *
   * @param learned - the photos that are learned from
   * @throws KeepsakeError for a photo that cannot be read, or that is learned from; the signal's reason when aborted
   */
  static async create(
    { photos: paths, every = VALIDATION_EVERY }: ValidationRequest,
    learned: Photos,
    pipeline: StableDiffusionPipeline,
    {
      settings,
      tokens,
      program,
      signal,
      tell,
    }: {
      readonly settings: TrainingSettings;
      readonly tokens: RunTokens;
      readonly program: ProgramOptions;
      readonly signal: AbortSignal | undefined;
      readonly tell: ((progress: ValidationProgress) => void) | undefined;
    },
  ): Promise<Validator> {
    const { resolution } = settings;
    const photos = await loadPhotos(paths, resolution, { ...settings, signal });
    const own = new Set(learned.images.map(sha256));
    if (photos.images.some((image) => own.has(sha256(image)))) {
      const fault = "A photo of --validation is one of those that are learned from";
      throw new KeepsakeError("input", `${fault}; hold another one back.`);
    }
    const captions = photos.captions.map((caption) => caption && (tokens.fitCaption(caption).text || undefined));
    const unmasked = { ...photos, captions, masks: [] };
    const encoded = await encodeTrainingPhotos(pipeline.vae, unmasked, resolution, program, { signal });
    return new Validator(every, encoded, tell);
  }

  /** Whether a measurement belongs after the steps that a run has done; the last one is made in any case. */
  isDue({ step, phase }: TrainingRun): boolean {
    return phase !== "consolidate" && step % this.#every === 0;
  }

  async watch(run: TrainingRun): Promise<void> {
    const { step, steps } = run;
    this.#tell?.({ kind: "validation", step, steps, error: await run.validationError(this.#photos) });
  }
}
