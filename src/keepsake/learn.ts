/**
 * @file Learning one concept, from photo files to a changed library: photos are decoded and encoded, the step loop runs
 * with snapshots, the library's state is swapped, and photos, latents and snapshot are gone.
 */
import { findAdapterKind } from "../adapters/kinds.ts";
import { sizeWarning } from "../diffusion/latents.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import { createRun, denoiserOf, prepareRun, type Known } from "../learning/concept-run.ts";
import { DenoiserPool } from "../training/denoiser-pool.ts";
import { classNounWarning, readKnownWords } from "../prompts/known-words.ts";
import { settingsOfEntry, trainingSettings, type AskedAdapter } from "../learning/learn-settings.ts";
import { Library } from "../library/library.ts";
import { lockLibrary } from "../library/library-folder.ts";
import {
  damagedSnapshot,
  deleteEndedSnapshot,
  deleteSnapshot,
  stateOf,
  writeSnapshot,
  type RunIdentity,
} from "../library/run-snapshot.ts";
import { snapshotToContinue } from "../library/unfinished-run.ts";
import { checkWhole, LIMITS } from "../limits.ts";
import { checkModel, identifyModel } from "../library/model-fingerprint.ts";
import type { ModelProfile } from "../library/model-profile.ts";
import { learnedTokens, type RunTokens } from "../learning/new-tokens.ts";
import { chosenStrategy } from "./chosen-strategy.ts";
import { cutCaptionWarnings, type CutCaption } from "../training/photo-warnings.ts";
import { encodeTrainingPhotos, loadPhotos, type Photos } from "../training/photos.ts";
import { SavedStateError } from "../training/saved-state.ts";
import type { Strategy } from "../training/strategy.ts";
import type { TrainingRun } from "../training/training-run.ts";
import { checkNaming, type LearnConceptRequest, type LearnConceptResult } from "./learn-request.ts";
import type { LoadedModel, Session } from "./session.ts";

/**
 * Learns a concept on top of what the library knows. The same request continues a run that was stopped or killed, and ends in the same bytes as a run
 * that was not.
 *
 * @throws KeepsakeError for a photo, name, model or library that does not allow it
 */
export async function learnConcept(session: Session, request: LearnConceptRequest): Promise<LearnConceptResult> {
  const named = checkNaming(request);
  checkWhole("The number of vectors", request.vectors ?? 1, LIMITS.vectors);
  checkWhole("The number of steps between snapshots", request.snapshotEvery ?? 1, LIMITS.snapshotEvery);
  const { signal } = request;
  const unlock = await lockLibrary(session.folder, `learning ${named.name}`, signal && { signal });
  try {
    return await learnLocked(session, named);
  } finally {
    await unlock();
  }
}

async function learnLocked(session: Session, request: LearnConceptRequest): Promise<LearnConceptResult> {
  const { name, classNoun, vectors = 1, training = {}, checkpointing = false } = request;
  const { program } = session;
  const { library, profile, pipeline } = await openLibraryAndModel(session, request.name);
  const strategy = chosenStrategy(request, library, request.adapter);
  if (strategy.order !== "one-by-one") {
    const fault = `${strategy.name} is a yardstick for sequences in memory: it would keep what grows with every concept`;
    throw new KeepsakeError("usage", `${fault}, or photos; choose another strategy.`);
  }
  const settings = trainingSettings({ ...profile.training, ...training }, pipeline);
  const prepared = await prepareRun(pipeline, {
    strategy,
    settings,
    known: await knownTo(library, pipeline),
    concepts: [{ name, classNoun, vectors }],
    asked: library.concepts.length === 0 ? askedAdapter(profile, strategy, request.adapter) : (request.adapter ?? {}),
  });
  const [concept, kept] = [
    { name, classNoun, vectors, training: settings },
    { name: strategy.name, options: strategy.options },
  ];
  library.checkNext({ ...prepared.made.settings, form: prepared.made.adapter.form }, concept, kept);
  await session.freePrograms();
  const pool = new DenoiserPool(pipeline, { ...program, checkpointing });
  denoiserOf(pool, prepared).checkMemory();
  await tellOfModel(request, pipeline, { profile, resolution: settings.resolution });
  const photos = await loadPhotos(request.photos, settings.resolution, settings);
  const warnings = [...photos.found.warnings, ...cutCaptionWarnings(cutCaptions(photos, prepared.tokens))];
  request.onProgress?.({ kind: "photos", ...photos.found, warnings });
  const identity: RunIdentity = {
    concept: name,
    class: classNoun,
    vectors: String(vectors),
    adapter: JSON.stringify(prepared.made.settings),
    strategy: JSON.stringify([strategy.name, strategy.options]),
    training: JSON.stringify(settings),
    library: library.stateId,
    photos: photos.digest,
  };
  const snapshot = await snapshotToContinue(library, identity, request.restart ?? false);
  const posteriors = await encodeTrainingPhotos(pipeline.vae, photos, settings.resolution, program, settings);
  try {
    const run = await begun(library, async () => {
      const savedState = snapshot && stateOf(snapshot, prepared.made.adapter);
      const created = await createRun(pipeline, pool, prepared, [posteriors], { savedState });
      // A run that ends has no snapshot: one that says so was edited, and the concept would be learned by saying so.
      if (created.isFinished) throw new SavedStateError(`step ${created.step} of ${created.steps}`);
      return created;
    });
    if (snapshot !== undefined) request.onProgress?.({ kind: "resumed", step: snapshot.step });
    const losses = await runSteps(run, request, library, identity);
    const [token] = learnedTokens(prepared.tokens, run.embedding);
    const outcome = { name, token: token.token, step: run.step, steps: run.steps, losses, strategy: strategy.name };
    if (!run.isFinished) return { status: "interrupted", ...outcome, evaluations: run.evaluations };

    await library.addConcept(run.adapter, prepared.made.settings, concept, token, run.memory(), kept);
    await deleteSnapshot(library.folder);
    return { status: "learned", ...outcome, evaluations: run.evaluations };
  } finally {
    await pool.dispose();
  }
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

/** A new low-rank adapter has the rank that suits the model, unless its kind has a rank of its own. */
function askedAdapter({ adapter: { rank } }: ModelProfile, { form }: Strategy, asked: AskedAdapter = {}): AskedAdapter {
  const hasOwnRank = form === "full" || findAdapterKind(asked.kind).defaultRank !== undefined;
  return hasOwnRank ? asked : { rank, ...asked };
}

/** What to know about the model that is to learn the concept. */
async function tellOfModel(
  { classNoun, onProgress }: LearnConceptRequest,
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

async function knownTo(library: Library, pipeline: StableDiffusionPipeline): Promise<Known> {
  const { adapter: entry } = library.manifest;
  const adapter = await library.adapter(pipeline);
  const embeddings = await library.embeddings();
  return {
    concepts: library.concepts.map(({ classNoun }, i) => ({ classNoun, embedding: embeddings[i] })),
    ...(entry && adapter && { made: { adapter, settings: settingsOfEntry(entry) } }),
    memory: await library.memory(),
    owner: library.folder,
  };
}

/** Steps until the end or the signal, with a snapshot now and then and at a stop. */
async function runSteps(
  run: TrainingRun,
  request: LearnConceptRequest,
  library: Library,
  identity: RunIdentity,
): Promise<number[]> {
  const { snapshotEvery = 25, signal, onProgress } = request;
  const losses: number[] = [];
  while (!run.isFinished && !signal?.aborted) {
    const { phase, steps } = run;
    const loss = await run.advance();
    losses.push(loss);
    onProgress?.({ kind: "step", phase, step: run.step, steps, loss });
    const isDue = run.step % snapshotEvery === 0 || signal?.aborted === true;
    if (!isDue || run.isFinished) continue;
    // In this order a disk that is too full for the snapshot is left without a library that holds nothing.
    await writeSnapshot(library.folder, identity, run.state());
    await library.save();
  }
  return losses;
}

/** The library, cleared of what a killed process may have left, and its model: the one that the session names if it is new. */
async function openLibraryAndModel(session: Session, name: string): Promise<LoadedModel & { library: Library }> {
  const existing = await session.library();
  if (existing !== undefined) {
    await existing.prune();
    await deleteEndedSnapshot(existing);
    if (existing.concepts.some((concept) => concept.name === name)) {
      const fault = `The library ${existing.folder} already knows "${name}"`;
      throw new KeepsakeError("state", `${fault}; choose another name.`);
    }
  }
  const model = await session.load(existing);
  const identity = await identifyModel(model.pipeline);
  const { name: folder, options } = model;
  if (existing === undefined) {
    return { ...model, library: Library.blank(session.folder, { folder, ...identity, ...options }) };
  }
  checkModel(existing, folder, identity);
  return { ...model, library: existing.withModel(folder, identity.weights, options) };
}
