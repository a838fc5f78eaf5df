/**
 * @file What changes from step to step of a training run, and whether a saved state can be one of the run that is to go
 * on from it: it comes from a file, which people can edit.
 */
import type { Adapter } from "../adapters/adapter.ts";
import type { AdamWState } from "../graph/optim/index.ts";
import type { Evaluations } from "./objective-gradient.ts";
import type { DrawPurpose } from "./training-draws.ts";

/** What a run begins with, and what it comes to. */
export interface TrainingStart {
  readonly adapter: Adapter;
  /** Embeddings of the tokens that are taught, `[vectors, width]`. */
  readonly embedding: Float32Array;
}

/**
 * What a run consists of:
 * - `teacher`: the new teacher learns the concept, if the strategy has one;
 * - `learn`: the concept is learned;
 * - `consolidate`: what the next concepts need to know of this one is gathered. Nothing is trained.
 */
export type PhaseName = DrawPurpose;

/** UNet evaluations of each phase. */
export type PhaseEvaluations = Readonly<Partial<Record<PhaseName, Evaluations>>>;

/** Everything that changes from step to step. */
export interface TrainingState {
  /** Steps done, over all phases. */
  readonly step: number;
  /** What is being trained in the present phase. */
  readonly adapter: Adapter;
  readonly embedding: Float32Array;
  readonly optimizer: AdamWState;
  /**
   * What earlier phases left for the next ones: `teacher.lora`, `teacher.embedding`; or `fisher`, Σ g² so far. Within
   * the learning phase, the averages of what is trained: `ema.lora`, `ema.embedding`.
   */
  readonly kept: Readonly<Record<string, Float32Array>>;
  readonly evaluations: PhaseEvaluations;
}

/** A saved state that is of no step of the run. */
export class SavedStateError extends Error {
  override readonly name = "SavedStateError";
}

/** Where a run would be with the steps of a saved state. */
export interface RunPosition {
  readonly phase: PhaseName;
  /** Steps done in the phase. */
  readonly phaseSteps: number;
  /** Steps of the whole run. */
  readonly steps: number;
  /** Optimiser steps that the learning phase takes. */
  readonly learnSteps: number;
  readonly hasTeacher: boolean;
  /** Numbers of the adapter of which an average is kept, if one is. */
  readonly averaged?: number;
  /** Numbers of the adapter, and of the new tokens' embeddings. */
  readonly sizes: { readonly adapter: number; readonly embedding: number };
}

/** @throws SavedStateError unless steps and sizes are those that the run has at this position */
export function checkSavedState(saved: TrainingState, position: RunPosition): void {
  const { phase, phaseSteps, steps, learnSteps, hasTeacher, averaged, sizes } = position;
  const { step, adapter, embedding, optimizer, kept } = saved;
  if (!Number.isSafeInteger(step) || step < 0 || step > steps) throw new SavedStateError(`step ${step} of ${steps}`);
  // The consolidation pass trains nothing.
  const optimizerSteps = phase === "consolidate" ? learnSteps : phaseSteps;
  if (optimizer.step !== optimizerSteps) throw new SavedStateError(`optimiser step ${optimizer.step} of ${phase}`);
  const needed: Readonly<Record<string, number>> = {
    adapter: sizes.adapter,
    embedding: sizes.embedding,
    ...(hasTeacher && phase !== "teacher" && { "teacher.lora": sizes.adapter, "teacher.embedding": sizes.embedding }),
    ...(phase === "consolidate" && phaseSteps > 0 && { fisher: sizes.adapter }),
    ...(averaged !== undefined &&
      phase === "learn" &&
      phaseSteps > 0 && { "ema.lora": averaged, "ema.embedding": sizes.embedding }),
  };
  const found: Readonly<Record<string, Float32Array>> = { ...kept, adapter: adapter.parameters, embedding };
  for (const name of new Set([...Object.keys(needed), ...Object.keys(found)])) {
    if (found[name]?.length !== needed[name]) throw new SavedStateError(`"${name}" is of another size`);
  }
}
