/** @file Why a loss or a gradient is not finite, and what to do next. */
import { KeepsakeError } from "../../errors.ts";
import type { Denoiser } from "../denoiser.ts";

/** Where it happened. */
export interface NotFiniteAt {
  readonly concept: string;
  readonly denoiser: Denoiser;
  /** What was there before the run: the adapter's numbers, and the embeddings of earlier concepts. */
  readonly before: readonly Float32Array[];
  /** Steps done. */
  readonly step: number;
}

/** The fault is of the weights, of what was there before the run, or of the run itself. */
export async function notFiniteError({ concept, denoiser, before, step }: NotFiniteAt): Promise<KeepsakeError> {
  const damaged = await denoiser.damagedWeights?.();
  if (damaged !== undefined) return damaged;
  if (!before.every((values) => values.every(Number.isFinite))) {
    const advice = 'return to an earlier state with "keepsake undo", or restore the library from a backup';
    return new KeepsakeError("state", `What was learned before ${concept} holds NaN or infinity; ${advice}.`);
  }
  if (step === 0) {
    const fault = `The model's predictions are NaN or infinite before anything of ${concept} was learned`;
    return new KeepsakeError("input", `${fault}: no setting mends that; use another checkpoint of the model.`);
  }
  const advice = "learn it again with --restart and a lower --lr";
  return new KeepsakeError("input", `Learning ${concept} diverged at step ${step + 1}: ${advice}.`);
}
