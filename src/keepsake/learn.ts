/**
 * @file Learning one concept, from photo files to a changed library: photos are decoded and encoded, the step loop runs
 * with snapshots, the library's state is swapped, and photos, latents and snapshot are gone.
 */
import { sizeWarning } from "../diffusion/latents.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { createRun, planOf } from "../learning/concept-run.ts";
import { classNounWarning, readKnownWords } from "../prompts/known-words.ts";
import type { Library } from "../library/library.ts";
import { lockLibrary } from "../library/library-folder.ts";
import {
  damagedSnapshot,
  deleteSnapshot,
  peekSnapshot,
  stateOf,
  writeSnapshot,
  type RunIdentity,
} from "../library/run/run-snapshot.ts";
import { isDone, snapshotToContinue, withFacts } from "../library/run/unfinished-run.ts";
import { checkWhole, LIMITS } from "../limits.ts";
import type { ModelProfile } from "../library/model/model-profile.ts";
import { learnedTokens, type RunTokens } from "../learning/new-tokens.ts";
import { cutCaptionWarnings, type CutCaption } from "../training/photos/photo-warnings.ts";
import { encodeTrainingPhotos } from "../training/photos/encode-photos.ts";
import { loadPhotos, type Photos } from "../training/photos/photos.ts";
import { SavedStateError } from "../training/training-state.ts";
import type { TrainingRun } from "../training/training-run.ts";
import type { LearnConceptRequest, LearnConceptResult, PreparedPart } from "./learn-request.ts";
import { isStop } from "./operation.ts";
import { isPlanned, planRun, withSteps, type PlannedRun } from "./planning/plan-run.ts";
import { openLibraryAndModel, prepareLearning, type PreparedLearning } from "./planning/prepare-learning.ts";
import type { Session } from "./session.ts";
import { askedConcept, checkNaming, type AskedConcept } from "./training/asked-concept.ts";
import { drawClassPictures, drawPicturesToReplay } from "./training/own-pictures.ts";
import { checkSampleRequest } from "./training/samples.ts";
import { checkValidationRequest } from "./training/validation.ts";
import { watchersOf, type Watcher } from "./training/watchers.ts";

/**
 * Learns a concept on top of what the library knows. The same request continues a run that was stopped or killed, and
 * ends in the same bytes as a run that was not.
 *
 * @param previews - whether a preview sheet follows, for the plan
 * @throws KeepsakeError for a photo, name, model or library that does not allow it
 */
export async function learnConcept(
  session: Session,
  request: LearnConceptRequest,
  { drawsPreviews = false }: { readonly drawsPreviews?: boolean } = {},
): Promise<LearnConceptResult> {
  const named = checkNaming(request);
  checkWhole("The number of vectors", request.vectors ?? 1, LIMITS.vectors);
  checkWhole("The number of steps between snapshots", request.snapshotEvery ?? 1, LIMITS.snapshotEvery);
  if (request.samples !== undefined) checkSampleRequest(request.samples, session.folder);
  if (request.validation !== undefined) checkValidationRequest(request.validation);
  const { signal } = request;
  const unlock = await lockLibrary(session.folder, `learning ${named.name}`, signal && { signal });
  try {
    return await learnLocked(session, named, drawsPreviews);
  } finally {
    await unlock();
  }
}

async function learnLocked(
  session: Session,
  request: LearnConceptRequest,
  drawsPreviews: boolean,
): Promise<LearnConceptResult> {
  const began = performance.now();
  const { signal, onProgress } = request;
  const check = (existing: Library | undefined) => askedConcept(request, existing, session.folder);
  const model = await openLibraryAndModel(session, { clears: true, check });
  const { library, pipeline } = model;
  const learning = await prepareLearning(session, request, model);
  const { strategy, pool, concept } = learning;
  const { name, classNoun, vectors, again } = concept;
  let { prepared } = learning;
  let hasBegun = false;
  try {
    const { settings: asked } = prepared;
    const { resolution } = asked;
    await tellOfModel(request, concept, pipeline, { profile: model.profile, resolution });
    const tellsFraming = pipeline.unet.config.textTime !== undefined;
    const photos = await loadPhotos(request.photos, resolution, { ...asked, tellsFraming, signal });
    const warnings = [...photos.found.warnings, ...cutCaptionWarnings(cutCaptions(photos, prepared.tokens))];
    onProgress?.({ kind: "photos", ...photos.found, warnings });
    const tellPreparing = (part: PreparedPart) => {
      if (!model.profile.isSmall) onProgress?.({ kind: "preparing", part });
    };
    let planned: PlannedRun | undefined;
    if (isPlanned(request)) {
      tellPreparing("plan");
      planned = await planRun(session, request, model, learning, { photos: photos.found.count, drawsPreviews, began });
    }
    if (planned !== undefined && request.tellsPlan === true) onProgress?.({ kind: "plan", plan: planned.plan });
    prepared = withSteps(prepared, planned?.plan.steps);
    const { settings, made } = prepared;
    const identity: RunIdentity = {
      concept: name,
      ...(again && { again }),
      class: classNoun,
      vectors: String(vectors),
      adapter: JSON.stringify(made.settings),
      strategy: JSON.stringify([strategy.name, strategy.options]),
      training: JSON.stringify(settings),
      library: library.stateId,
      photos: photos.digest,
    };
    if (isDone(model.ended, identity)) return untrained({ ...learning, prepared }, "learned", settings.steps);
    const snapshot = await snapshotToContinue(library, identity, request.restart ?? false);
    tellPreparing("photos");
    const { flip } = asked;
    const encoded = await encodeTrainingPhotos(pipeline.vae, photos, resolution, session.program, { flip, signal });
    const watchers = await watchersOf(session, request, model, prepared, photos);
    const classPictures = await drawClassPictures(session, model, prepared, { signal, onProgress });
    const plan = planned?.conceptPlan ?? (await planOf(pipeline, pool, prepared));
    const replayedPictures = await drawPicturesToReplay(session, model, prepared, plan, { signal, onProgress });
    const run = await begun(library, async () => {
      const savedState = snapshot && stateOf(snapshot, made.adapter);
      const own = { classPictures, replayedPictures };
      const created = await createRun(pipeline, pool, prepared, [encoded], { savedState, plan, ...own });
      // A run that ends has no snapshot: one that says so was edited, and the concept would be learned by saying so.
      if (created.isFinished) throw new SavedStateError(`step ${created.step} of ${created.steps}`);
      return created;
    });
    if (snapshot !== undefined) onProgress?.({ kind: "resumed", step: snapshot.step });
    tellPreparing("first step");
    hasBegun = true;
    const { samples, validation } = request;
    const facts = { checkpointing: pool.checkpointing, samples, validation };
    const losses = await runSteps(run, request, library, withFacts(identity, facts), watchers);
    const [token] = learnedTokens(prepared.tokens, run.embedding);
    const outcome = { name, token: token.token, step: run.step, steps: run.steps, losses, strategy: strategy.name };
    if (!run.isFinished) return { status: "interrupted", ...outcome, evaluations: run.evaluations };

    const learned = { name, classNoun, vectors, training: settings, again };
    const kept = { name: strategy.name, options: strategy.options };
    await library.addConcept(run.adapter, made.settings, learned, token, run.memory(), kept);
    await deleteSnapshot(library.folder);
    for (const watcher of watchers) await watcher.watch(run);
    return { status: "learned", ...outcome, evaluations: run.evaluations };
  } catch (error) {
    if (hasBegun || !isStop(error, signal)) throw error;
    // What an earlier call has saved is still there.
    const saved = learning.recorded && (await peekSnapshot(library.folder));
    return untrained({ ...learning, prepared }, "interrupted", saved?.step ?? 0);
  } finally {
    await pool.dispose();
  }
}

/** The result of a call that took no step. */
function untrained(
  { prepared, strategy }: PreparedLearning,
  status: LearnConceptResult["status"],
  step: number,
): LearnConceptResult {
  const { settings, concepts, tokens } = prepared;
  const [{ name }] = concepts;
  const [{ token }] = tokens.initial;
  return {
    ...{ status, name, token, step, steps: settings.steps },
    losses: [],
    strategy: strategy.name,
    evaluations: {},
  };
}

/** @throws KeepsakeError if the snapshot is of no step of this run */
async function begun(library: Library, create: () => Promise<TrainingRun>): Promise<TrainingRun> {
  return create().catch((error: unknown) => {
    throw error instanceof SavedStateError ? damagedSnapshot(library.folder, error) : error;
  });
}

/** The captions of which only the beginning fits a prompt. */
function cutCaptions({ captions, captionFiles }: Photos, { fitCaption }: RunTokens): CutCaption[] {
  return captions.flatMap((caption, i) => {
    const file = captionFiles[i];
    if (caption === undefined || file === undefined) return [];
    const { tokens, used } = fitCaption(caption);
    return used < tokens ? [{ file, tokens, used }] : [];
  });
}

/** What to know about the model that is to learn the concept. */
async function tellOfModel(
  { onProgress }: LearnConceptRequest,
  { classNoun }: AskedConcept,
  pipeline: StableDiffusionPipeline,
  { profile, resolution }: { readonly profile: ModelProfile; readonly resolution: number },
): Promise<void> {
  for (const message of [profile.note, pipeline.checkpoint.note]) {
    if (message !== undefined) onProgress?.({ kind: "note", message });
  }
  const words = await readKnownWords(pipeline.checkpoint.path);
  const warnings = [
    words && classNounWarning(classNoun, words),
    sizeWarning({ width: resolution, height: resolution }, pipeline.defaultSize),
  ];
  for (const message of warnings) if (message !== undefined) onProgress?.({ kind: "warning", message });
}

/** Steps until the end or the signal, with a snapshot now and then, before anything looks at the run, and at a stop. */
async function runSteps(
  run: TrainingRun,
  request: LearnConceptRequest,
  library: Library,
  identity: RunIdentity,
  watchers: readonly Watcher[],
): Promise<number[]> {
  const { snapshotEvery = 25, signal, onProgress } = request;
  const losses: number[] = [];
  const watch = async (due: readonly Watcher[]) => {
    for (const watcher of due) if (!signal?.aborted) await watcher.watch(run);
  };
  // A run that was stopped or killed right after a snapshot goes on from it with what was due there.
  await watch(watchers.filter((watcher) => run.step === 0 || watcher.isDue(run)));
  while (!run.isFinished && !signal?.aborted) {
    const { phase, steps } = run;
    const loss = await run.advance();
    losses.push(loss);
    onProgress?.({ kind: "step", phase, step: run.step, steps, loss });
    if (run.isFinished) break;
    const due = watchers.filter((watcher) => watcher.isDue(run));
    if (run.step % snapshotEvery === 0 || due.length > 0 || signal?.aborted === true) {
      // In this order a disk that is too full for the snapshot is left without a library that holds nothing.
      await writeSnapshot(library.folder, identity, run.state());
      await library.save();
    }
    await watch(due);
  }
  return losses;
}
