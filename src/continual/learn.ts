/**
 * @file Learning one concept, from photo files to a changed library: photos are decoded and encoded, the step loop runs
 * with snapshots, the library's state is swapped, and photos, latents and snapshot are gone.
 */
import type { Lora } from "../adapters/lora.ts";
import { tokenFromNoun, type TokenEmbedding } from "../adapters/textual-inversion.ts";
import { latentShape } from "../diffusion/latents.ts";
import { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { addLearnedTokens } from "../diffusion/prompt-encoder.ts";
import { NoiseSchedule } from "../diffusion/schedulers/index.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { checkConceptName, tokenOf } from "./concept-name.ts";
import { DenoisingError } from "./denoising-error.ts";
import { adapterSettings, trainingSettings } from "./learn-settings.ts";
import { Library, lockLibrary, newLora, type AdapterSettings } from "./library/library.ts";
import {
  deleteEndedSnapshot,
  deleteSnapshot,
  snapshotToContinue,
  writeSnapshot,
  type RunIdentity,
  type RunSnapshot,
} from "./library/run-snapshot.ts";
import { modelFingerprint } from "./model-fingerprint.ts";
import { checkpointFolder, chosenModel } from "./model-folder.ts";
import { encodePhotos, loadPhotos, type PhotosFound } from "./photos.ts";
import { fillTemplate, PROMPT_TEMPLATES } from "./prompt-templates.ts";
import { TrainingRun, type TrainingSettings } from "./training.ts";

export interface LearnRequest {
  /** Folder of the library; made if it does not exist. */
  readonly library: string;
  /** Folder of the model's checkpoint. Default: the library's, else the built-in model. */
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
  | ({ readonly kind: "photos" } & PhotosFound)
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

/**
 * Learns a concept on top of what the library knows. The same request continues a run that was stopped or killed, and ends in the same bytes as a run
 * that was not.
 *
 * @throws KeepsakeError for a photo, name, model or library that does not allow it
 */
export async function learnConcept(request: LearnRequest): Promise<LearnResult> {
  checkConceptName(request.name);
  if (request.classNoun.trim() === "") {
    throw new KeepsakeError("usage", "The class noun is empty; say what the thing is, e.g. --class cat.");
  }
  const unlock = await lockLibrary(request.library, `learning ${request.name}`);
  try {
    return await learnLocked(request);
  } finally {
    await unlock();
  }
}

async function learnLocked(request: LearnRequest): Promise<LearnResult> {
  const { name, classNoun, training = {}, program: programOptions = {} } = request;
  const { pipeline, library } = await openLibraryAndModel(request);
  const adapter = adapterSettings(request.adapter ?? {}, library);
  const settings = trainingSettings(training, pipeline);
  const lora = (await library.adapter(pipeline)) ?? newLora(pipeline, adapter, settings.seed);
  const tokens = await prepareTokens(pipeline, library, request);
  const photos = await loadPhotos(request.photos, settings.resolution);
  request.onProgress?.({ kind: "photos", ...photos.found });
  const identity: RunIdentity = {
    concept: name,
    class: classNoun,
    vectors: String(tokens.initial.count),
    adapter: JSON.stringify(adapter),
    training: JSON.stringify(settings),
    library: library.stateId,
    photos: photos.digest,
  };
  const snapshot = await snapshotToContinue(library.folder, identity, request.restart ?? false);

  const size = { height: settings.resolution, width: settings.resolution };
  const [, latentHeight, latentWidth] = latentShape(pipeline.vae.config, size);
  const posteriors = await encodePhotos(pipeline.vae, photos.images, settings.resolution, programOptions);
  const program = await DenoisingError.create(pipeline, lora, {
    ...programOptions,
    batchSize: settings.batchSize,
    height: latentHeight,
    width: latentWidth,
    learnedRows: tokens.rows,
    firstLearnedId: tokens.firstId,
    checkpointing: request.checkpointing ?? false,
  });
  try {
    const material = {
      concept: name,
      token: tokens.initial.token,
      photos: posteriors,
      vae: pipeline.vae.config,
      schedule: new NoiseSchedule(pipeline.schedulerConfig),
      program,
      settings,
      tokenize: tokens.tokenize,
      frozenEmbeddings: tokens.frozen,
    };
    const run = startRun(material, { lora, embedding: tokens.initial.vectors }, snapshot);
    if (snapshot !== undefined) request.onProgress?.({ kind: "resumed", step: snapshot.step });
    const losses = await runSteps(run, request, library, identity, settings.steps);
    const outcome = { name, token: tokens.initial.token, step: run.step, losses };
    if (!run.isFinished) return { status: "interrupted", ...outcome };

    const concept = { name, classNoun, vectors: tokens.initial.count, training: settings };
    await library.addConcept(run.lora, adapter, concept, { ...tokens.initial, vectors: run.embedding.slice() });
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
  library: Library,
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
    if (!isDue || run.isFinished) continue;
    // In this order a disk that is too full for the snapshot is left without a library that holds nothing.
    await writeSnapshot(library.folder, identity, run.state());
    await library.save();
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
  const fingerprint = await modelFingerprint(pipeline);
  if (existing === undefined) {
    return { pipeline, library: Library.blank(request.library, { folder, fingerprint }) };
  }
  checkModel(existing, folder, fingerprint);
  return { pipeline, library: existing.withModelFolder(folder) };
}

/** @throws KeepsakeError if the model is not the one on which the library was made */
export function checkModel(library: Library, folder: string, fingerprint: string): void {
  if (fingerprint === library.manifest.model.fingerprint) return;
  const made = `${library.folder} was made on another model (${library.manifest.model.folder})`;
  throw new KeepsakeError("state", `${folder}: ${made}; its adapter does not fit this one.`);
}

interface Tokens {
  /** The new token at the start: the mean of the embeddings of the class noun's tokens. */
  readonly initial: TokenEmbedding;
  /** Embeddings of the earlier concepts' tokens, `[rows, width]`. */
  readonly frozen: Float32Array;
  /** Rows of earlier tokens and the new one together. */
  readonly rows: number;
  /** Token id of the first of these rows. */
  readonly firstId: number;
  readonly tokenize: (prompt: string) => readonly number[];
}

/** @throws KeepsakeError if the noun is nothing, or the token stands for more embeddings than a prompt can hold */
async function prepareTokens(
  pipeline: StableDiffusionPipeline,
  library: Library,
  { name, classNoun, vectors = 1 }: LearnRequest,
): Promise<Tokens> {
  const { textEncoder } = pipeline;
  const width = textEncoder.config.hiddenSize;
  const tokenizer = pipeline.newTokenizer();
  const nounIds = tokenizer.tokenIds(classNoun);
  const learned = addLearnedTokens(tokenizer, await library.embeddings(), width);
  const token = tokenOf(name);
  tokenizer.addTokens(token, vectors);
  const longest = Math.max(...PROMPT_TEMPLATES.map((text) => tokenizer.encode(fillTemplate(text, token)).length));
  if (longest > tokenizer.modelMaxLength) {
    const most = vectors - (longest - tokenizer.modelMaxLength);
    throw new KeepsakeError(
      "usage",
      `${vectors} vectors do not fit a prompt of ${tokenizer.modelMaxLength} tokens; at most ${most} do.`,
    );
  }
  const values = await textEncoder.weights.readFloat32("text_model.embeddings.token_embedding.weight");
  return {
    initial: tokenFromNoun(token, { values, width }, nounIds, vectors),
    frozen: learned.values,
    rows: learned.rows + vectors,
    firstId: learned.firstId,
    tokenize: (prompt) => [...tokenizer.encode(prompt).inputIds],
  };
}
