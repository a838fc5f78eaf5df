/**
 * @file What looks at a run on the way: it draws samples, or measures the error on photos that are held back.
 */
import type { PreparedRun } from "../../learning/concept-run.ts";
import type { Photos } from "../../training/photos/photos.ts";
import type { TrainingRun } from "../../training/training-run.ts";
import type { LearnConceptRequest } from "../learn-request.ts";
import type { LibraryOnModel } from "../planning/prepare-learning.ts";
import type { Session } from "../session.ts";
import { Sampler } from "./samples.ts";
import { Validator } from "./validation.ts";

/** What looks at a run on the way, and changes nothing of it. */
export interface Watcher {
  /** Whether it looks after the steps that were done; it does before the first one and after the last one anyway. */
  isDue(run: TrainingRun): boolean;
  watch(run: TrainingRun): Promise<void>;
}

/** @throws KeepsakeError for a photo to validate on that cannot be used; the signal's reason when aborted */
export async function watchersOf(
  session: Session,
  { samples, validation, signal, onProgress }: LearnConceptRequest,
  model: LibraryOnModel,
  prepared: PreparedRun,
  photos: Photos,
): Promise<Watcher[]> {
  const watchers: Watcher[] = [];
  if (validation !== undefined) {
    const { settings, tokens } = prepared;
    const how = { settings, tokens, program: session.program, signal, tell: onProgress };
    watchers.push(await Validator.create(validation, photos, model.pipeline, how));
  }
  if (samples !== undefined) {
    watchers.push(await Sampler.create({ session, model, prepared, request: samples, signal, tell: onProgress }));
  }
  return watchers;
}
