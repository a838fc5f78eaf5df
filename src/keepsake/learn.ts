/**
 * @file Learning one concept, from photo files to a changed library: photos are decoded and encoded, the step loop runs
 * with snapshots, the library's state is swapped, and photos, latents and snapshot are gone.
 */
import { findAdapterKind } from "../adapters/kinds.ts";
import { sizeWarning } from "../diffusion/latents.ts";
import { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { checkClassNoun, conceptName } from "../prompts/concept-name.ts";
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
import { checkpointFolder, chosenModel } from "../library/model-folder.ts";
import { profileOf, type ModelProfile } from "../library/model-profile.ts";
import { learnedTokens, type RunTokens } from "../learning/new-tokens.ts";
import { chosenStrategy, type AskedStrategy } from "./chosen-strategy.ts";
import { cutCaptionWarnings, type CutCaption } from "../training/photo-warnings.ts";
import { encodeTrainingPhotos, loadPhotos, type Photos, type PhotosFound } from "../training/photos.ts";
import { SavedStateError } from "../training/saved-state.ts";
import type { Strategy } from "../training/strategy.ts";
import type { PhaseEvaluations, PhaseName, TrainingRun, TrainingSettings } from "../training/training-run.ts";

export interface LearnRequest extends AskedStrategy {
  /** Folder of the library; made if it does not exist. */
  readonly library: string;
  /** Folder of the model's checkpoint. Default: the library's, else the built-in model. */
  readonly model?: string;
  /** Letters, digits, `-` and `_`. The token in prompts is `<name>`; it may be written so here too. */
  readonly name: string;
  /** Photos, or folders of them. */
  readonly photos: readonly string[];
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
  /** Recompute the UNet's blocks in the backward pass, for less memory. */
  readonly checkpointing?: boolean;
  readonly program?: ProgramOptions;
  /** When it fires, the run stops after the current step with a snapshot. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LearnProgress) => void;
  /** Told in one line about what was asked for and will hardly work, such as a class noun that the model does not know. */
  readonly onWarning?: (message: string) => void;
}

/** What there is to tell while a concept is learned. */
export type LearnProgress =
  /** What is good to know about the model, before anything is trained. */
  | { readonly kind: "note"; readonly message: string }
  | ({ readonly kind: "photos" } & PhotosFound)
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

export interface LearnResult {
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
 * Learns a concept on top of what the library knows. The same request continues a run that was stopped or killed, and ends in the same bytes as a run
 * that was not.
 *
 * @throws KeepsakeError for a photo, name, model or library that does not allow it
 */
export async function learnConcept(request: LearnRequest): Promise<LearnResult> {
  const named = checkNaming(request);
  checkWhole("The number of vectors", request.vectors ?? 1, LIMITS.vectors);
  checkWhole("The number of steps between snapshots", request.snapshotEvery ?? 1, LIMITS.snapshotEvery);
  const { library, signal } = request;
  const unlock = await lockLibrary(library, `learning ${named.name}`, signal && { signal });
  try {
    return await learnLocked(named);
  } finally {
    await unlock();
  }
}

/**
 * The same request with its name as the library writes it.
 *
 * @throws KeepsakeError ("usage") for a name or a class noun that a concept cannot have
 */
export function checkNaming<T extends Pick<LearnRequest, "name" | "classNoun">>(request: T): T {
  const name = conceptName(request.name);
  checkClassNoun(request.classNoun);
  return { ...request, name };
}

async function learnLocked(request: LearnRequest): Promise<LearnResult> {
  const { name, classNoun, vectors = 1, training = {}, program = {}, checkpointing = false } = request;
  const { pipeline, library } = await openLibraryAndModel(request);
  const strategy = chosenStrategy(request, library, request.adapter);
  if (strategy.order !== "one-by-one") {
    const fault = `${strategy.name} is a yardstick for sequences in memory: it would keep what grows with every concept`;
    throw new KeepsakeError("usage", `${fault}, or photos; choose another strategy.`);
  }
  const profile = profileOf(library.manifest.model.folder);
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
  library.checkNext(prepared.adapter.settings, concept, kept);
  const pool = new DenoiserPool(pipeline, { ...program, checkpointing });
  denoiserOf(pool, prepared).checkMemory();
  await tellOfModel(request, pipeline, { profile, resolution: settings.resolution });
  const photos = await loadPhotos(request.photos, settings.resolution);
  const warnings = [...photos.found.warnings, ...cutCaptionWarnings(cutCaptions(photos, prepared.tokens))];
  request.onProgress?.({ kind: "photos", ...photos.found, warnings });
  const identity: RunIdentity = {
    concept: name,
    class: classNoun,
    vectors: String(vectors),
    adapter: JSON.stringify(prepared.adapter.settings),
    strategy: JSON.stringify([strategy.name, strategy.options]),
    training: JSON.stringify(settings),
    library: library.stateId,
    photos: photos.digest,
  };
  const snapshot = await snapshotToContinue(library, identity, request.restart ?? false);
  const posteriors = await encodeTrainingPhotos(pipeline.vae, photos, settings.resolution, program);
  try {
    const run = await begun(library, async () => {
      const savedState = snapshot && stateOf(snapshot, prepared.adapter.lora);
      return createRun(pipeline, pool, prepared, [posteriors], { savedState });
    });
    if (snapshot !== undefined) request.onProgress?.({ kind: "resumed", step: snapshot.step });
    const losses = await runSteps(run, request, library, identity);
    const [token] = learnedTokens(prepared.tokens, run.embedding);
    const outcome = { name, token: token.token, step: run.step, steps: run.steps, losses, strategy: strategy.name };
    if (!run.isFinished) return { status: "interrupted", ...outcome, evaluations: run.evaluations };

    await library.addConcept(run.lora, prepared.adapter.settings, concept, token, run.memory(), kept);
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
  { classNoun, onProgress, onWarning }: LearnRequest,
  pipeline: StableDiffusionPipeline,
  { profile, resolution }: { readonly profile: ModelProfile; readonly resolution: number },
): Promise<void> {
  if (profile.note !== undefined) onProgress?.({ kind: "note", message: profile.note });
  const words = await readKnownWords(pipeline.folder.folder);
  const warnings = [
    words && classNounWarning(classNoun, words),
    sizeWarning({ width: resolution, height: resolution }, pipeline.defaultSize),
  ];
  for (const message of warnings) if (message !== undefined) onWarning?.(message);
}

async function knownTo(library: Library, pipeline: StableDiffusionPipeline): Promise<Known> {
  const { adapter: entry } = library.manifest;
  const lora = await library.adapter(pipeline);
  const embeddings = await library.embeddings();
  return {
    concepts: library.concepts.map(({ classNoun }, i) => ({ classNoun, embedding: embeddings[i] })),
    ...(entry && lora && { adapter: { lora, settings: settingsOfEntry(entry) } }),
    memory: await library.memory(),
    owner: library.folder,
  };
}

/** Steps until the end or the signal, with a snapshot now and then and at a stop. */
async function runSteps(
  run: TrainingRun,
  request: LearnRequest,
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

/** The library, cleared of what a killed process may have left, and its model, which `request.model` names if it is new. */
async function openLibraryAndModel(
  request: LearnRequest,
): Promise<{ pipeline: StableDiffusionPipeline; library: Library }> {
  const existing = await Library.openIfExists(request.library);
  if (existing !== undefined) {
    await existing.prune();
    await deleteEndedSnapshot(existing);
    if (existing.concepts.some(({ name }) => name === request.name)) {
      throw new KeepsakeError(
        "state",
        `The library ${existing.folder} already knows "${request.name}"; choose another name.`,
      );
    }
  }
  const folder = chosenModel(request.model, existing);
  const pipeline = await StableDiffusionPipeline.load(checkpointFolder(folder), request.program);
  const identity = await identifyModel(pipeline);
  if (existing === undefined) {
    return { pipeline, library: Library.blank(request.library, { folder, ...identity }) };
  }
  checkModel(existing, folder, identity);
  return { pipeline, library: existing.withModel(folder, identity.weights) };
}
