/**
 * @file What is asked for when a concept is to be learned, what there is to tell meanwhile, and what comes of it.
 */
import type { AskedAdapter } from "../learning/learn-settings.ts";
import { checkClassNoun, conceptName } from "../prompts/concept-name.ts";
import type { PhotoSource } from "../training/photos/find-photos.ts";
import type { PhotosFound } from "../training/photos/photos.ts";
import type { PhaseEvaluations, PhaseName, TrainingSettings } from "../training/training-run.ts";
import type { AskedStrategy } from "./chosen-strategy.ts";
import type { Warning, Watched } from "./operation.ts";
import type { LearnPlan } from "./planning/learn-plan.ts";

export interface LearnConceptRequest extends AskedStrategy, Watched<LearnConceptProgress> {
  /** Letters, digits, `-` and `_`. The token in prompts is `<name>`; it may be written so here too. */
  readonly name: string;
  /** Photos, folders of them, or photos in memory. */
  readonly photos: readonly PhotoSource[];
  /** What the thing is, e.g. "cat": the token's embedding starts from it. */
  readonly classNoun: string;
  /** Embeddings that the token stands for. Default 1. */
  readonly vectors?: number;
  readonly adapter?: AskedAdapter;
  readonly training?: Partial<TrainingSettings>;
  /** Steps from one snapshot to the next. Default 25. */
  readonly snapshotEvery?: number;
  /** Give up an unfinished run instead of going on with it. */
  readonly restart?: boolean;
  /**
   * Recompute the UNet's blocks in the backward pass, for less memory. Default: if what is free does not suffice otherwise. The
   * two round differently, so a run that is gone on with stays as it was begun.
   */
  readonly checkpointing?: boolean;
  /** Seconds in which the run is to end: chooses the number of steps. A run that is gone on with keeps its own. */
  readonly budget?: number;
  /** Tell beforehand what the run will take: progress of the kind `plan`. With a large model, finding out takes seconds. */
  readonly tellsPlan?: boolean;
  /** When it fires, the run stops after the current step with a snapshot. */
  readonly signal?: AbortSignal;
}

/** What there is to tell while a concept is learned. */
export type LearnConceptProgress =
  | Warning
  /** What is good to know about the model, before anything is trained. */
  | { readonly kind: "note"; readonly message: string }
  | ({ readonly kind: "photos" } & PhotosFound)
  /** What the run will take, before the photos are encoded. */
  | { readonly kind: "plan"; readonly plan: LearnPlan }
  | { readonly kind: "resumed"; readonly step: number }
  | {
      readonly kind: "step";
      readonly phase: PhaseName;
      /** From 1 to `steps`, over all phases. */
      readonly step: number;
      readonly steps: number;
      /** Denoising error of the new concept. */
      readonly loss: number;
    };

export interface LearnConceptResult {
  /** `interrupted`: the same call goes on from `step`. */
  readonly status: "learned" | "interrupted";
  readonly name: string;
  readonly token: string;
  /** Steps done, over all phases. */
  readonly step: number;
  /** Steps in all. */
  readonly steps: number;
  /** Denoising error of each step of this call. */
  readonly losses: readonly number[];
  /** Name of the strategy. */
  readonly strategy: string;
  /** UNet evaluations of each phase, those of interrupted calls included. */
  readonly evaluations: PhaseEvaluations;
}

/**
 * The same request with its name as the library writes it.
 *
 * @throws KeepsakeError ("usage") for a name or a class noun that a concept cannot have
 */
export function checkNaming<T extends Pick<LearnConceptRequest, "name" | "classNoun">>(request: T): T {
  const name = conceptName(request.name);
  checkClassNoun(request.classNoun);
  return { ...request, name };
}
