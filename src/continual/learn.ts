/**
 * @file Learning one concept, from photo files to a changed library: photos are decoded and encoded, the step loop runs
 * with snapshots, the library's state is swapped, and photos, latents and snapshot are gone.
 */
import { resolve } from "node:path";
import type { Lora } from "../adapters/lora.ts";
import { tokenFromNoun, type TokenEmbedding } from "../adapters/textual-inversion.ts";
import { latentShape } from "../diffusion/latents.ts";
import { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { addLearnedTokens } from "../diffusion/prompt-encoder.ts";
import { NoiseSchedule } from "../diffusion/schedulers/index.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { DenoisingError } from "./denoising-error.ts";
import { Library, lockLibrary, newLora, type AdapterSettings } from "./library/library.ts";
import {
  deleteSnapshot,
  readSnapshot,
  writeSnapshot,
  type RunIdentity,
  type RunSnapshot,
} from "./library/run-snapshot.ts";
import { modelFingerprint } from "./model-fingerprint.ts";
import { encodePhotos, loadPhotos } from "./photos.ts";
import { TrainingRun, type TrainingSettings } from "./training.ts";

export interface LearnRequest {
  /** Folder of the library; made if it does not exist. */
  readonly library: string;
  /** Folder of the model's checkpoint; may be left out once the library has one. */
  readonly model?: string;
  /** Letters, digits, `-` and `_`. The token in prompts is `<name>`. */
  readonly name: string;
  /** Photos, or folders of them. */
  readonly photos: readonly string[];
  /** What the thing is, e.g. "cat": the token's embedding starts from it. */
  readonly classNoun: string;
  /** Embeddings that the token stands for. Default 1. */
  readonly vectors?: number;
  readonly adapter?: Partial<AdapterSettings>;
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
}

/** What there is to tell while a concept is learned. */
export type LearnProgress =
  | { readonly kind: "photos"; readonly count: number }
  | { readonly kind: "resumed"; readonly step: number }
  | { readonly kind: "step"; readonly step: number; readonly steps: number; readonly loss: number };

export interface LearnResult {
  /** `interrupted`: the same call goes on from `step`. */
  readonly status: "learned" | "interrupted";
  readonly name: string;
  readonly token: string;
  /** Steps done. */
  readonly step: number;
  /** Denoising error of each step of this call. */
  readonly losses: readonly number[];
}

export const DEFAULT_ADAPTER: AdapterSettings = { rank: 4, loraAlpha: 4, targets: "crossattn-kv" };

/** `resolution` is left to the model. The token learns ten times as fast as the adapter, as in pivotal tuning. */
export const DEFAULT_TRAINING: Omit<TrainingSettings, "resolution"> = {
  steps: 400,
  batchSize: 1,
  learningRate: 1e-4,
  tokenLearningRate: 1e-3,
  weightDecay: 0.01,
  maxGradNorm: 1,
  seed: 0,
};

/**
 * Learns a concept on top of what the library knows. The same request continues a run that was stopped or killed, and ends in the same bytes as a run
 * that was not.
 *
 * @throws KeepsakeError for a photo, name, model or library that does not allow it
 */
export async function learnConcept(request: LearnRequest): Promise<LearnResult> {
  const token = tokenOf(request.name);
  const unlock = await lockLibrary(request.library, `learning ${request.name}`);
  try {
    return await learnLocked(request, token);
  } finally {
    await unlock();
  }
}

async function learnLocked(request: LearnRequest, token: string): Promise<LearnResult> {
  const { pipeline, library } = await openLibraryAndModel(request);
  if (library.concepts.some(({ name }) => name === request.name)) {
    throw new KeepsakeError(
      "state",
      `The library ${library.folder} already knows "${request.name}"; choose another name.`,
    );
  }
  const adapter = adapterSettings(request, library);
  const settings = trainingSettings(request, pipeline);
  const photos = await loadPhotos(request.photos, settings.resolution);
  request.onProgress?.({ kind: "photos", count: photos.images.length });
  const identity: RunIdentity = {
    concept: request.name,
    class: request.classNoun,
    vectors: String(request.vectors ?? 1),
    adapter: JSON.stringify(adapter),
    training: JSON.stringify(settings),
    library: library.stateId,
    photos: photos.digest,
  };
  const snapshot = await usableSnapshot(library, identity, request.restart ?? false);

  const tokenizer = pipeline.newTokenizer();
  const nounIds = tokenizer.tokenIds(request.classNoun);
  const width = pipeline.textEncoder.config.hiddenSize;
  const learned = addLearnedTokens(tokenizer, await library.embeddings(), width);
  const embedding = await initialEmbedding(pipeline, token, nounIds, request);
  tokenizer.addTokens(token, embedding.count);
  const lora = (await library.adapter(pipeline)) ?? newLora(pipeline, adapter, settings.seed);

  const size = { height: settings.resolution, width: settings.resolution };
  const [, latentHeight, latentWidth] = latentShape(pipeline.vae.config, size);
  const posteriors = await encodePhotos(pipeline.vae, photos.images, settings.resolution, request.program ?? {});
  const program = await DenoisingError.create(pipeline, lora, {
    ...request.program,
    batchSize: settings.batchSize,
    height: latentHeight,
    width: latentWidth,
    learnedRows: learned.rows + embedding.count,
    checkpointing: request.checkpointing ?? false,
  });
  try {
    const material = {
      concept: request.name,
      token,
      photos: posteriors,
      vae: pipeline.vae.config,
      schedule: new NoiseSchedule(pipeline.schedulerConfig),
      program,
      settings,
      tokenize: (prompt: string) => [...tokenizer.encode(prompt).inputIds],
      frozenEmbeddings: learned.values,
    };
    const run = startRun(material, { lora, embedding: embedding.vectors }, snapshot);
    if (snapshot !== undefined) request.onProgress?.({ kind: "resumed", step: snapshot.step });
    const losses = await runSteps(run, request, library.folder, identity, settings.steps);
    const outcome = { name: request.name, token, step: run.step, losses };
    if (!run.isFinished) return { status: "interrupted", ...outcome };

    const vectors = { ...embedding, vectors: run.embedding.slice() };
    await library.addConcept(
      run.lora,
      adapter,
      { name: request.name, classNoun: request.classNoun, vectors: embedding.count, training: settings },
      vectors,
    );
    await deleteSnapshot(library.folder);
    return { status: "learned", ...outcome };
  } finally {
    await program.dispose();
  }
}

/** Steps until the end or the signal, with a snapshot now and then and at a stop. */
async function runSteps(
  run: TrainingRun,
  request: LearnRequest,
  folder: string,
  identity: RunIdentity,
  steps: number,
): Promise<number[]> {
  const { snapshotEvery = 25, signal, onProgress } = request;
  const losses: number[] = [];
  while (!run.isFinished && !signal?.aborted) {
    const loss = await run.advance();
    losses.push(loss);
    onProgress?.({ kind: "step", step: run.step, steps, loss });
    const isDue = run.step % snapshotEvery === 0 || signal?.aborted === true;
    if (isDue && !run.isFinished) await writeSnapshot(folder, identity, run.state());
  }
  return losses;
}

function startRun(
  material: ConstructorParameters<typeof TrainingRun>[0],
  initial: { lora: Lora; embedding: Float32Array },
  snapshot: RunSnapshot | undefined,
): TrainingRun {
  if (snapshot === undefined) return new TrainingRun(material, initial);
  const { step, tensors } = snapshot;
  return new TrainingRun(
    material,
    { lora: initial.lora.withParameters(tensors.lora), embedding: tensors.embedding },
    {
      step,
      groups: {
        lora: { expAvg: tensors["lora.expAvg"], expAvgSq: tensors["lora.expAvgSq"] },
        embedding: { expAvg: tensors["embedding.expAvg"], expAvgSq: tensors["embedding.expAvgSq"] },
      },
    },
  );
}

/** The library's model, which `request.model` names if the library is new. */
async function openLibraryAndModel(
  request: LearnRequest,
): Promise<{ pipeline: StableDiffusionPipeline; library: Library }> {
  const existing = await Library.openIfExists(request.library);
  const folder = request.model === undefined ? existing?.manifest.model.folder : resolve(request.model);
  if (folder === undefined) {
    throw new KeepsakeError("usage", `${request.library} is a new library: say on which model with --model <folder>.`);
  }
  const pipeline = await StableDiffusionPipeline.load(folder, request.program);
  const fingerprint = await modelFingerprint(pipeline);
  if (existing === undefined)
    return { pipeline, library: await Library.create(request.library, { folder, fingerprint }) };
  checkModel(existing, folder, fingerprint);
  return { pipeline, library: existing };
}

/** @throws KeepsakeError if the model is not the one on which the library was made */
export function checkModel(library: Library, folder: string, fingerprint: string): void {
  if (fingerprint === library.manifest.model.fingerprint) return;
  const made = `${library.folder} was made on another model (${library.manifest.model.folder})`;
  throw new KeepsakeError("state", `${folder}: ${made}; its adapter does not fit this one.`);
}

/** The adapter is the library's; only its first concept may choose. */
function adapterSettings({ adapter: asked = {} }: LearnRequest, library: Library): AdapterSettings {
  const { adapter: entry } = library.manifest;
  if (entry === undefined) {
    const rank = asked.rank ?? DEFAULT_ADAPTER.rank;
    return { rank, loraAlpha: asked.loraAlpha ?? rank, targets: asked.targets ?? DEFAULT_ADAPTER.targets };
  }
  const { rank, loraAlpha, targets } = entry;
  const changed = [
    asked.rank !== undefined && asked.rank !== rank ? `rank ${rank}` : "",
    asked.loraAlpha !== undefined && asked.loraAlpha !== loraAlpha ? `alpha ${loraAlpha}` : "",
    asked.targets !== undefined && asked.targets !== targets ? `targets ${targets}` : "",
  ].filter((text) => text !== "");
  if (changed.length > 0) {
    const fault = `the adapter of ${library.folder} has ${changed.join(", ")}`;
    throw new KeepsakeError("usage", `One adapter lives through all concepts, and ${fault}; leave the option out.`);
  }
  return { rank, loraAlpha, targets };
}

function trainingSettings({ training = {} }: LearnRequest, pipeline: StableDiffusionPipeline): TrainingSettings {
  const settings = { ...DEFAULT_TRAINING, resolution: pipeline.defaultSize.width, ...training };
  latentShape(pipeline.vae.config, { height: settings.resolution, width: settings.resolution });
  return settings;
}

/** The snapshot to go on from, if it is of this very run. */
async function usableSnapshot(
  library: Library,
  identity: RunIdentity,
  restart: boolean,
): Promise<RunSnapshot | undefined> {
  const snapshot = await readSnapshot(library.folder).catch((error: unknown) => {
    if (restart) return undefined;
    throw error;
  });
  // A run of an earlier state is one that ended, but whose process was killed before it could delete its snapshot.
  if (restart || (snapshot !== undefined && snapshot.identity.library !== library.stateId)) {
    await deleteSnapshot(library.folder);
    return undefined;
  }
  if (snapshot === undefined) return undefined;
  const differing = Object.keys(identity).filter((key) => snapshot.identity[key] !== identity[key]);
  if (differing.length === 0) return snapshot;
  const { concept = "?" } = snapshot.identity;
  const run = `an unfinished run of "${concept}" (step ${snapshot.step}), with other ${differing.join(", ")}`;
  throw new KeepsakeError(
    "state",
    `${library.folder} holds ${run}: repeat its command to go on with it, or add --restart to give it up.`,
  );
}

/** The new token starts as the mean of the class noun's token embeddings. */
async function initialEmbedding(
  { textEncoder }: StableDiffusionPipeline,
  token: string,
  nounIds: readonly number[],
  { classNoun, vectors = 1 }: LearnRequest,
): Promise<TokenEmbedding> {
  if (nounIds.length === 0)
    throw new KeepsakeError("usage", `The class noun "${classNoun}" has no letters; say what it is, e.g. --class cat.`);
  const values = await textEncoder.weights.readFloat32("text_model.embeddings.token_embedding.weight");
  return tokenFromNoun(token, { values, width: textEncoder.config.hiddenSize }, nounIds, vectors);
}

/** @throws KeepsakeError for a name that could not stand in a prompt or a file name */
export function tokenOf(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,39}$/.test(name)) return `<${name}>`;
  const rule = "up to 40 small letters, digits, - and _, beginning with a letter or digit";
  throw new KeepsakeError("usage", `"${name}" cannot be the name of a concept: it needs ${rule}.`);
}
