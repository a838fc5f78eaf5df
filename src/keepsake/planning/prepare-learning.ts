/**
 * @file Everything that is settled before a concept is learned, and changes nothing: library and model, strategy,
 * settings, adapter and tokens, and how much memory the run may take.
 */
import { findAdapterKind } from "../../adapters/kinds.ts";
import { withDefaults } from "../../defaults.ts";
import { variantOf } from "../../diffusion/checkpoint.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError } from "../../errors.ts";
import { prepareRun, type PreparedRun } from "../../learning/concept-run.ts";
import { settingsOfEntry, trainingSettings, type AskedAdapter } from "../../learning/learn-settings.ts";
import { availableMemory } from "../../io/available-memory.ts";
import { Library } from "../../library/library.ts";
import { checkModel, identifyModel } from "../../library/model/model-fingerprint.ts";
import { taughtWith, type ModelProfile } from "../../library/model/model-profile.ts";
import { deleteEndedSnapshot, type SnapshotFacts } from "../../library/run/run-snapshot.ts";
import { recordedIn, recordedRun, type RecordedRun } from "../../library/run/unfinished-run.ts";
import type { DenoiserPool } from "../../training/denoiser-pool.ts";
import { createStrategy, isStrategy } from "../../strategies/registry.ts";
import type { Strategy } from "../../training/strategy.ts";
import type { TrainingSettings } from "../../training/training-settings.ts";
import { checkStrategyOptions, chosenStrategy } from "../chosen-strategy.ts";
import type { LearnConceptRequest } from "../learn-request.ts";
import type { LoadedModel, Session } from "../session.ts";
import { askedConcept, type AskedConcept } from "../training/asked-concept.ts";
import { drawingBytes } from "./learn-plan.ts";
import { poolInMemory } from "./memory-mode.ts";

/** A library and the model that it is on. */
export interface LibraryOnModel extends LoadedModel {
  readonly library: Library;
  /** A run that had ended when its process was killed, and was cleared away now. */
  readonly ended?: SnapshotFacts | undefined;
}

/** A run that can be begun. */
export interface PreparedLearning {
  readonly concept: AskedConcept;
  readonly strategy: Strategy;
  readonly prepared: PreparedRun;
  /** For its programs; to be disposed. */
  readonly pool: DenoiserPool;
  /** An unfinished run of this concept, which is resumed, or one that had ended and may be this one. */
  readonly recorded: RecordedRun | undefined;
}

/**
 * The library and its model: the one that the session names if it is new.
 *
 * @param clears - whether what a killed process may have left is deleted
 * @param check - looks at the library before the model is loaded
 * @throws KeepsakeError if the library is on another model; what `check` throws
 */
export async function openLibraryAndModel(
  session: Session,
  { clears, check }: { readonly clears: boolean; readonly check: (existing: Library | undefined) => void },
): Promise<LibraryOnModel> {
  const existing = await session.library();
  if (existing !== undefined && clears) await existing.prune();
  const ended = existing && clears ? await deleteEndedSnapshot(existing) : undefined;
  check(existing);
  const model = await session.load(existing);
  const identity = await identifyModel(model.pipeline);
  const { name: folder } = model;
  const options = { ...model.options, variant: variantOf(model.pipeline.unet) };
  if (existing === undefined) {
    return { ...model, library: Library.blank(session.folder, { folder, ...identity, ...options }) };
  }
  checkModel(existing, folder, identity);
  return { ...model, library: existing.withModel(folder, identity.weights, options), ended };
}

/** @throws KeepsakeError if what is asked for does not go together, or does not fit the memory */
export async function prepareLearning(
  session: Session,
  request: LearnConceptRequest,
  { library, profile, pipeline, ended }: LibraryOnModel,
): Promise<PreparedLearning> {
  const concept = askedConcept(request, library, library.folder, profile.vectors);
  const { name, classNoun, vectors, again } = concept;
  const others = library.concepts.filter((each) => each.name !== name);
  const beginsAdapter = others.length === 0 && again !== "more";
  const asked = beginsAdapter ? askedAdapter(profile, request, library) : (request.adapter ?? {});
  const usual = taughtWith(profile, beginsAdapter ? asked.targets : library.manifest.adapter?.targets);
  const strategy = chosenStrategy(request, library, { asked, textWidth: pipeline.text.width });
  if (strategy.order !== "one-by-one") {
    const fault = `${strategy.name} is a yardstick for sequences in memory: it would keep what grows with every concept`;
    throw new KeepsakeError("usage", `${fault}, or photos; choose another strategy.`);
  }
  const unfinished = request.restart === true ? undefined : await recordedRun(library, name);
  const isLikeEnded = again !== undefined && ended?.identity.again === again;
  const recorded = unfinished ?? (isLikeEnded ? recordedIn(ended, name) : undefined);
  const prepared = await prepareRun(pipeline, {
    strategy,
    settings: trainingSettings(withDefaults(usual.training, askedTraining(request, recorded)), pipeline),
    ...(await startOf(concept, library, pipeline)),
    asked: beginsAdapter ? ranked(asked, usual.adapter, strategy) : asked,
  });
  if (recorded === undefined) checkStrategyOptions(request, strategy);
  const { settings, made } = prepared;
  const kept = { name: strategy.name, options: strategy.options };
  library.checkNext(
    { ...made.settings, form: made.adapter.form },
    { name, classNoun, vectors, training: settings, again },
    kept,
  );
  await session.freePrograms();
  const checkpointing = request.checkpointing ?? recorded?.checkpointing;
  const size = { width: settings.resolution, height: settings.resolution };
  // Samples are drawn beside the programs of training.
  const samples = request.samples && drawingBytes(pipeline.drawingCosts(size, pipeline.family.guidanceScale));
  const free = availableMemory().memory - (samples ?? 0);
  return {
    concept,
    strategy,
    prepared,
    pool: poolInMemory(session, pipeline, prepared, checkpointing, free),
    recorded,
  };
}

/** A resumed run has the steps that a budget came to when it was begun. */
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

/** A new adapter has the targets that the strategy is made for, or those that suit the model. */
function askedAdapter(
  { adapter }: ModelProfile,
  { strategy, adapter: asked = {} }: LearnConceptRequest,
  { manifest }: Library,
): AskedAdapter {
  const name = strategy ?? manifest.strategy?.name;
  const { targets = adapter.targets } = name === undefined || !isStrategy(name) ? {} : createStrategy(name);
  return withDefaults({ targets }, asked);
}

/** A new low-rank adapter has the rank that suits model and targets, unless its kind has a rank of its own. */
function ranked(asked: AskedAdapter, { rank }: ModelProfile["adapter"], { form }: Strategy): AskedAdapter {
  const hasOwnRank = form === "full" || findAdapterKind(asked.kind).defaultRank !== undefined;
  return hasOwnRank ? asked : withDefaults({ rank }, asked);
}

/** What a concept is learned on top of. If it is the only one and begins anew, that is nothing. */
async function startOf(
  { name, classNoun, vectors, again, round }: AskedConcept,
  library: Library,
  pipeline: StableDiffusionPipeline,
): Promise<Pick<PreparedRun, "known" | "concepts">> {
  const { adapter: entry } = library.manifest;
  const owner = library.folder;
  const embeddings = await library.embeddings();
  const all = library.concepts.map((each, i) => ({ ...each, embedding: embeddings[i] }));
  const others = all.filter((each) => each.name !== name);
  if (again === "replaced" && others.length === 0) {
    return { known: { concepts: [], memory: new Map(), owner }, concepts: [{ name, classNoun, vectors }] };
  }
  const adapter = await library.adapter(pipeline);
  const itself = again === "more" ? all.find((each) => each.name === name) : undefined;
  return {
    known: {
      ...{ concepts: others, itself, memory: await library.memory(), owner },
      ...(entry && adapter && { made: { adapter, settings: settingsOfEntry(entry) } }),
    },
    concepts: [{ name, classNoun, vectors, start: itself?.embedding, round }],
  };
}
