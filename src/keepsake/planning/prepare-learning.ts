/**
 * @file Everything that is settled before a concept is learned, and changes nothing: library and model, strategy, settings,
 * adapter and tokens, and how much memory the run may take.
 */
import { findAdapterKind } from "../../adapters/kinds.ts";
import { variantOf } from "../../diffusion/checkpoint.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError } from "../../errors.ts";
import { prepareRun, type Known, type PreparedRun } from "../../learning/concept-run.ts";
import { settingsOfEntry, trainingSettings, type AskedAdapter } from "../../learning/learn-settings.ts";
import { Library } from "../../library/library.ts";
import { checkModel, identifyModel } from "../../library/model-fingerprint.ts";
import type { ModelProfile } from "../../library/model-profile.ts";
import { deleteEndedSnapshot } from "../../library/run-snapshot.ts";
import { recordedRun, type RecordedRun } from "../../library/unfinished-run.ts";
import type { DenoiserPool } from "../../training/denoiser-pool.ts";
import type { Strategy } from "../../training/strategy.ts";
import type { TrainingSettings } from "../../training/training-run.ts";
import { chosenStrategy } from "../chosen-strategy.ts";
import type { LearnConceptRequest } from "../learn-request.ts";
import type { LoadedModel, Session } from "../session.ts";
import { poolInMemory } from "./memory-mode.ts";

/** A library and the model that it is on. */
export interface LibraryOnModel extends LoadedModel {
  readonly library: Library;
}

/** A run that can be begun. */
export interface PreparedLearning {
  readonly strategy: Strategy;
  readonly prepared: PreparedRun;
  /** For its programs; to be disposed. */
  readonly pool: DenoiserPool;
  /** An unfinished run of this concept, which is gone on with. */
  readonly recorded: RecordedRun | undefined;
}

/**
 * The library and its model: the one that the session names if it is new.
 *
 * @param clears - whether what a killed process may have left is deleted
 * @throws KeepsakeError if the library knows the concept already, or is on another model
 */
export async function openLibraryAndModel(
  session: Session,
  name: string,
  { clears }: { readonly clears: boolean },
): Promise<LibraryOnModel> {
  const existing = await session.library();
  if (existing !== undefined) {
    if (clears) {
      await existing.prune();
      await deleteEndedSnapshot(existing);
    }
    if (existing.concepts.some((concept) => concept.name === name)) {
      const fault = `The library ${existing.folder} already knows "${name}"`;
      throw new KeepsakeError("state", `${fault}; choose another name.`);
    }
  }
  const model = await session.load(existing);
  const identity = await identifyModel(model.pipeline);
  const { name: folder } = model;
  const options = { ...model.options, variant: variantOf(model.pipeline.unet) };
  if (existing === undefined) {
    return { ...model, library: Library.blank(session.folder, { folder, ...identity, ...options }) };
  }
  checkModel(existing, folder, identity);
  return { ...model, library: existing.withModel(folder, identity.weights, options) };
}

/** @throws KeepsakeError if what is asked for does not go together, or does not fit the memory */
export async function prepareLearning(
  session: Session,
  request: LearnConceptRequest,
  { library, profile, pipeline }: LibraryOnModel,
): Promise<PreparedLearning> {
  const { name, classNoun, vectors = 1 } = request;
  const strategy = chosenStrategy(request, library, request.adapter);
  if (strategy.order !== "one-by-one") {
    const fault = `${strategy.name} is a yardstick for sequences in memory: it would keep what grows with every concept`;
    throw new KeepsakeError("usage", `${fault}, or photos; choose another strategy.`);
  }
  const recorded = request.restart === true ? undefined : await recordedRun(library, name);
  const prepared = await prepareRun(pipeline, {
    strategy,
    settings: trainingSettings({ ...profile.training, ...askedTraining(request, recorded) }, pipeline),
    known: await knownTo(library, pipeline),
    concepts: [{ name, classNoun, vectors }],
    asked: library.concepts.length === 0 ? askedAdapter(profile, strategy, request.adapter) : (request.adapter ?? {}),
  });
  const { settings, made } = prepared;
  const kept = { name: strategy.name, options: strategy.options };
  library.checkNext(
    { ...made.settings, form: made.adapter.form },
    { name, classNoun, vectors, training: settings },
    kept,
  );
  await session.freePrograms();
  const checkpointing = request.checkpointing ?? recorded?.checkpointing;
  return { strategy, prepared, pool: poolInMemory(session, pipeline, prepared, checkpointing), recorded };
}

/** A run that is gone on with has the steps that a budget came to when it was begun. */
function askedTraining(
  { training = {}, budget }: LearnConceptRequest,
  recorded: RecordedRun | undefined,
): Partial<TrainingSettings> {
  if (budget === undefined) return training;
  if (training.steps !== undefined) {
    throw new KeepsakeError("usage", "A budget of time chooses the number of steps; leave one of the two out.");
  }
  return recorded === undefined ? training : { ...training, steps: recorded.steps };
}

/** A new low-rank adapter has the rank that suits the model, unless its kind has a rank of its own. */
function askedAdapter({ adapter: { rank } }: ModelProfile, { form }: Strategy, asked: AskedAdapter = {}): AskedAdapter {
  const hasOwnRank = form === "full" || findAdapterKind(asked.kind).defaultRank !== undefined;
  return hasOwnRank ? asked : { rank, ...asked };
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
