/**
 * @file What stays open between operations on a library: the model, and the programs that were compiled for it. The
 * library itself is read anew by each operation, so that what another process has changed is seen.
 */
import { stat } from "node:fs/promises";
import type { ConceptClassifier } from "../classifier/concept-classifier.ts";
import type { CheckpointOptions } from "../diffusion/checkpoint.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import type { Learned } from "../library/library-model.ts";
import { Library } from "../library/library.ts";
import { checkModel, identifyModel } from "../library/model/model-fingerprint.ts";
import {
  type AskedModel,
  checkpointFolder,
  checkpointOptions,
  type ChosenModel,
  chosenModel,
} from "../library/model/model-folder.ts";
import { profileOf, type ModelProfile } from "../library/model/model-profile.ts";
import { AdapterSlot } from "./adapter-slot.ts";

export interface SessionOptions extends CheckpointOptions {
  /**
   * The model's checkpoint: a folder in the diffusers layout, a single file, or in `Keepsake.open` also `owner/name` of
   * the Hugging Face Hub, if its cache holds it. Default: the library's, else the built-in model.
   */
  readonly model?: string;
  readonly program?: ProgramOptions;
}

/** A model that has been loaded. */
export interface LoadedModel extends ChosenModel {
  readonly pipeline: StableDiffusionPipeline;
  readonly profile: ModelProfile;
}

/** One operation at a time may use it; `close` frees everything. */
export class Session {
  /** Of the library. */
  readonly folder: string;
  /** The model that was asked for. */
  readonly askedModel: AskedModel;
  readonly program: ProgramOptions;
  /** For adapters with which the model draws. */
  readonly adapters = new AdapterSlot();
  #model: (LoadedModel & { readonly files: string }) | undefined;
  #learned:
    | { readonly state: string; readonly pipeline: StableDiffusionPipeline; readonly learned: Learned }
    | undefined;
  #classifier: { readonly key: string; readonly learned: Learned; readonly classifier: ConceptClassifier } | undefined;
  #keepsPrograms = false;

  constructor(folder: string, { program = {}, ...asked }: SessionOptions = {}) {
    this.folder = folder;
    this.askedModel = asked;
    this.program = program;
  }

  /** The library as it is now; undefined if there is none yet. @throws KeepsakeError if it is damaged */
  async library(): Promise<Library | undefined> {
    return Library.openIfExists(this.folder);
  }

  /**
   * The model to work on. It is loaded if this is the first time, if the library is on another one by now, or if its
   * files have changed on the disk.
   *
   * @throws KeepsakeError if it cannot be loaded, is not where the library says, or is not the library's
   */
  async model(library: Library | undefined): Promise<LoadedModel> {
    // Not loaded with this file: commands that need no model start faster without.
    const { checkModelIsThere } = await import("../library/library-model.ts");
    await checkModelIsThere(this.askedModel.model, library);
    const model = await this.load(library);
    if (library !== undefined) checkModel(library, model.name, await identifyModel(model.pipeline));
    return model;
  }

  /** As {@link Session.model}, and it may be another one than the library's. */
  async load(library: Library | undefined): Promise<LoadedModel> {
    const chosen = chosenModel(this.askedModel, library);
    const open = this.#model;
    const isSame = open?.name === chosen.name && JSON.stringify(open.options) === JSON.stringify(chosen.options);
    if (isSame && open.files === (await filesOf(open.pipeline))) return open;
    await this.close();
    const { StableDiffusionPipeline: Pipeline } = await import("../diffusion/pipeline.ts");
    const { name, options } = chosen;
    const pipeline = await Pipeline.load(checkpointFolder(name), this.program, checkpointOptions(chosen));
    this.#model = { name, options, pipeline, profile: profileOf(name), files: await filesOf(pipeline) };
    return this.#model;
  }

  /** What the library holds; read again when it is in another state. @throws KeepsakeError if it is damaged */
  async learned({ pipeline }: LoadedModel): Promise<Learned> {
    const state = (await this.library())?.stateId;
    const kept = this.#learned;
    if (kept !== undefined && kept.state === state && kept.pipeline === pipeline) return kept.learned;
    const { readLearned } = await import("../library/library-model.ts");
    const learned = await readLearned(this.folder, pipeline);
    const isSettled = state !== undefined && (await this.library())?.stateId === state;
    this.#learned = isSettled ? { state, pipeline, learned } : undefined;
    return learned;
  }

  /** The last classifier if it is of the same state and options, else a new one, which replaces it. */
  async classifier(
    learned: Learned,
    options: unknown,
    create: () => Promise<ConceptClassifier>,
  ): Promise<ConceptClassifier> {
    const key = JSON.stringify(options);
    const last = this.#classifier;
    if (last?.key === key && last.learned === learned) return last.classifier;
    await this.#freeClassifier();
    const classifier = await this.withRoom(create);
    this.#classifier = { key, learned, classifier };
    return classifier;
  }

  /**
   * Runs what compiles programs to be kept. If there is no memory for them beside those that are kept, these go first.
   */
  async withRoom<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      const isShort = error instanceof KeepsakeError && error.kind === "environment";
      if (!isShort || !this.#keepsPrograms) throw error;
      await this.freePrograms();
      return await work();
    } finally {
      this.#keepsPrograms = true;
    }
  }

  /** Frees what is compiled: training needs the memory. */
  async freePrograms(): Promise<void> {
    this.#keepsPrograms = false;
    await this.#freeClassifier();
    await this.#model?.pipeline.dispose();
  }

  /** Frees everything. What is asked for afterwards is loaded again. */
  async close(): Promise<void> {
    await this.freePrograms();
    this.#model = undefined;
    this.#learned = undefined;
  }

  async #freeClassifier(): Promise<void> {
    const last = this.#classifier;
    this.#classifier = undefined;
    await last?.classifier.dispose();
  }
}

/** What changes when a file of a model is written, or another one takes its place. */
async function filesOf({ checkpoint, unet, vae, text }: StableDiffusionPipeline): Promise<string> {
  const files = [...[unet, vae, ...text.encoders].flatMap(({ weights }) => weights.files), ...checkpoint.configFiles];
  const facts = files.map(async (file) => {
    const found = await stat(file, { bigint: true }).catch(() => undefined);
    return found && [file, found.dev, found.ino, found.size, found.mtimeNs].join(" ");
  });
  return (await Promise.all(facts)).join("\n");
}
