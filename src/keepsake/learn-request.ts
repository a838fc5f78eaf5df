/**
 * @file What is asked for when a concept is to be learned, what there is to tell meanwhile, and what comes of it.
 */
import type { AskedAdapter } from "../learning/learn-settings.ts";
import type { PhotoSource } from "../training/photos/find-photos.ts";
import type { PhotosFound } from "../training/photos/photos.ts";
import type { TrainingSettings } from "../training/training-settings.ts";
import type { PhaseEvaluations, PhaseName } from "../training/training-state.ts";
import type { AskedStrategy } from "./chosen-strategy.ts";
import type { Warning, Watched } from "./operation.ts";
import type { LearnPlan } from "./planning/learn-plan.ts";
import type { OwnPictureProgress } from "./training/own-pictures.ts";
import type { SampleProgress, SampleRequest } from "./training/samples.ts";
import type { ValidationProgress, ValidationRequest } from "./training/validation.ts";

export interface LearnConceptRequest extends AskedStrategy, Watched<LearnConceptProgress> {
  /** Letters, digits, `-` and `_`. The token in prompts is `<name>`; it may be written so here too. */
  readonly name: string;
  /** Photos, folders of them, or photos in memory. */
  readonly photos: readonly PhotoSource[];
  /**
   * What the thing is, e.g. "cat": a new token's embedding starts from it. May be left out if the library knows the
   * concept.
   */
  readonly classNoun?: string;
  /** Embeddings that the token stands for. Default 1, on the built-in model 4, or as the library knows the concept. */
  readonly vectors?: number;
  /**
   * Go on teaching a concept that the library knows: its token begins as it was learned, and what it was is kept like
   * the other concepts. Default: a name that is known is refused.
   */
  readonly more?: boolean;
  /**
   * Begin a concept that the library knows anew: its token begins as its class noun again. It keeps its place among the
   * concepts; what the shared adapter learned from it stays there, unless it is the only one. Default false.
   */
  readonly replace?: boolean;
  readonly adapter?: AskedAdapter;
  readonly training?: Partial<TrainingSettings>;
  /** Steps from one snapshot to the next. Default 25. */
  readonly snapshotEvery?: number;
  /** Give up an unfinished run instead of going on with it. */
  readonly restart?: boolean;
  /**
   * Recompute the UNet's blocks in the backward pass, for less memory. Default: if what is free does not suffice
   * otherwise. The two round differently, so a resumed run stays as it was begun.
   */
  readonly checkpointing?: boolean;
  /** Seconds in which the run is to end: chooses the number of steps. A resumed run keeps its own. */
  readonly budget?: number;
  /**
   * Tell beforehand what the run will take: progress of the kind `plan`. With a large model, finding out takes seconds.
   */
  readonly tellsPlan?: boolean;
  /** Pictures of the concept on the way. Default: none. */
  readonly samples?: SampleRequest;
  /** Photos that are held back, and on which the error is measured on the way. Default: none. */
  readonly validation?: ValidationRequest;
  /** When it fires, the run stops after the current step with a snapshot. */
  readonly signal?: AbortSignal;
}

/** What there is to tell while a concept is learned. */
export type LearnConceptProgress =
  | Warning
  /** What is good to know about the model, before anything is trained. */
  | { readonly kind: "note"; readonly message: string }
  | ({ readonly kind: "photos" } & PhotosFound)
  /**
   * What begins now, and takes from seconds to minutes without news of its own. Not told of the built-in model, where
   * it is quick.
   */
  | { readonly kind: "preparing"; readonly part: PreparedPart }
  /** What the run will take, before the photos are encoded. */
  | { readonly kind: "plan"; readonly plan: LearnPlan }
  | { readonly kind: "resumed"; readonly step: number }
  | OwnPictureProgress
  | SampleProgress
  | ValidationProgress
  | {
      readonly kind: "step";
      readonly phase: PhaseName;
      /** From 1 to `steps`, over all phases. */
      readonly step: number;
      readonly steps: number;
      /** Denoising error of the new concept. */
      readonly loss: number;
    };

/** What is prepared before a run: how it will go, the photos' latents, the program of its first step. */
export type PreparedPart = "plan" | "photos" | "first step";

export interface LearnConceptResult {
  /** `interrupted`: the same call goes on from `step`. */
  readonly status: "learned" | "interrupted";
  readonly name: string;
  readonly token: string;
  /** Steps done, over all phases. */
  readonly step: number;
  /**
   * Steps in all. Of a run that had ended before this call, or was stopped before the first step of it, those of its
   * learning phase alone.
   */
  readonly steps: number;
  /** Denoising error of each step of this call. */
  readonly losses: readonly number[];
  /** Name of the strategy. */
  readonly strategy: string;
  /** UNet evaluations of each phase, those of interrupted calls included; none of a call that took no step. */
  readonly evaluations: PhaseEvaluations;
}
