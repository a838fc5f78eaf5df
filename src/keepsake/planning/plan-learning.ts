/**
 * @file The plan of a run that nobody has begun: what `learn` would take, without a change of anything.
 */
import { loadPhotos } from "../../training/photos/photos.ts";
import { sheetOf, type LearnRequest } from "../learn-and-preview.ts";
import { askedConcept, checkNaming } from "../training/asked-concept.ts";
import type { Session } from "../session.ts";
import type { LearnPlan } from "./learn-plan.ts";
import { planRun } from "./plan-run.ts";
import { openLibraryAndModel, prepareLearning } from "./prepare-learning.ts";

/**
 * What learning a concept would take. The photos are decoded, the model is loaded, and nothing is written.
 *
 * @throws KeepsakeError as far as `learn` would, before it trains; the signal's reason when aborted
 */
export async function planLearning(session: Session, request: LearnRequest): Promise<LearnPlan> {
  const began = performance.now();
  const named = checkNaming(request);
  const drawsPreviews = (await sheetOf(session, request)) !== undefined;
  const model = await openLibraryAndModel(session, {
    clears: false,
    check: (existing) => askedConcept(named, existing, session.folder),
  });
  request.signal?.throwIfAborted();
  const learning = await prepareLearning(session, named, model);
  try {
    request.signal?.throwIfAborted();
    const { settings } = learning.prepared;
    const { signal } = request;
    const { found } = await loadPhotos(named.photos, settings.resolution, { ...settings, signal });
    const { plan } = await planRun(session, named, model, learning, { photos: found.count, drawsPreviews, began });
    return plan;
  } finally {
    await learning.pool.dispose();
  }
}
