/**
 * @file A library together with its model, ready to be asked: the checkpoint, the adapter and the tokens that it has
 * learned.
 */
import { stat } from "node:fs/promises";
import type { Adapter } from "../adapters/adapter.ts";
import type { TokenEmbedding } from "../adapters/textual-inversion.ts";
import { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import type { Concept } from "../prompts/concept.ts";
import { Library } from "./library.ts";
import { checkModel, identifyModel } from "./model/model-fingerprint.ts";
import { checkpointFolder, checkpointOptions, chosenModel } from "./model/model-folder.ts";

/**
 * Opens a model: the one that the user has named, the library's, or the built-in one.
 *
 * @param asked - what the user has named: the folder or file of a checkpoint
 * @throws KeepsakeError if it is not the library's model, or not where the library says
 */
export async function openModel(
  asked: string | undefined,
  library: Library | undefined,
  program?: ProgramOptions,
): Promise<StableDiffusionPipeline> {
  await checkModelIsThere(asked, library);
  const chosen = chosenModel({ model: asked }, library);
  const { name } = chosen;
  const pipeline = await StableDiffusionPipeline.load(checkpointFolder(name), program, checkpointOptions(chosen));
  if (library !== undefined) checkModel(library, name, await identifyModel(pipeline));
  return pipeline;
}

/** @throws KeepsakeError if a library's model is not where the library says, and the user has named none */
export async function checkModelIsThere(asked: string | undefined, library: Library | undefined): Promise<void> {
  if (library === undefined || asked !== undefined) return;
  const folder = checkpointFolder(chosenModel({}, library).name);
  const found = await stat(folder).catch(() => undefined);
  if (found !== undefined) return;
  const { hub, variant = "fp32" } = library.manifest.model;
  const again = hub && `download it again with keepsake pull ${hub.repo}@${hub.commit} --variant ${variant}, or `;
  const advice = `${again ?? ""}say where it is with --model <path>`;
  const fault = `the model of ${library.folder} is not there any more; ${advice}`;
  throw new KeepsakeError("input", `${folder}: ${fault}.`);
}

/** What a model has learned. */
export interface Learned {
  readonly concepts: readonly Concept[];
  /** In the order of the concepts. */
  readonly embeddings: readonly TokenEmbedding[];
  /** Absent while there are no concepts. */
  readonly adapter?: Adapter;
}

/**
 * What a library holds; nothing if there is none. It is opened anew, and once more if files are missing, since a
 * concept that is learned meanwhile replaces the adapter.
 *
 * @throws KeepsakeError if the library is damaged
 */
export async function readLearned(folder: string, pipeline: StableDiffusionPipeline): Promise<Learned> {
  const library = await Library.openIfExists(folder);
  try {
    return await learnedIn(library, pipeline);
  } catch (error) {
    const changed = await Library.openIfExists(folder);
    if (changed?.stateId === library?.stateId) throw error;
    return learnedIn(changed, pipeline);
  }
}

/**
 * What a library that has been opened holds.
 *
 * @throws KeepsakeError if it is damaged, or another process has replaced it meanwhile
 */
export async function learnedIn(library: Library | undefined, pipeline: StableDiffusionPipeline): Promise<Learned> {
  const adapter = await library?.adapter(pipeline);
  const embeddings = (await library?.embeddings()) ?? [];
  return { concepts: library?.concepts ?? [], embeddings, adapter };
}
