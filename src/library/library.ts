/**
 * @file A library of concepts on disk: one model, one adapter, one embedding for each concept's token. The folder holds
 * a manifest, immutable blobs, and while a concept is being learned the snapshot of that run. Earlier states are kept
 * beside the current one, in the same manifest and among the same blobs. Long because everything that changes a library
 * goes through this one class.
 */
import type { Adapter } from "../adapters/adapter.ts";
import { DEFAULT_KIND, isAdapterKind } from "../adapters/kinds.ts";
import { adapterLayout, adapterLength, type AdapterSettings } from "../adapters/new-adapter.ts";
import type { TokenEmbedding } from "../adapters/textual-inversion.ts";
import type { CheckpointOptions } from "../diffusion/checkpoint.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import { tokenOf } from "../prompts/concept-name.ts";
import type { StrategyMemory } from "../training/strategy.ts";
import { BlobStore } from "./blobs.ts";
import { checkLock } from "./lock/lock.ts";
import { noLibrary } from "./nearby.ts";
import {
  allStates,
  checkManifest,
  DEFAULT_KEEP,
  emptyManifest,
  manifestPath,
  readManifest,
  successor,
  withValuesOf,
  writeManifest,
  type Manifest,
} from "./manifest/manifest.ts";
import {
  beginningOf,
  blobsOf,
  identityOf,
  stateId,
  withOrigin,
  timesTaught,
  type AdapterEntry,
  type Again,
  type ConceptEntry,
  type LibraryState,
  type StrategyEntry,
} from "./manifest/state.ts";

/** What is known of a concept before it has been written. */
export interface NewConcept extends Omit<ConceptEntry, "embedding" | "token" | "strategy" | "taught" | "begun"> {
  /** What becomes of it, if the library knows it: one that is replaced begins to count anew how often it was taught. */
  readonly again?: Again | undefined;
}

/** What all concepts of a state share. */
export type SharedBlobs = Pick<LibraryState, "adapter" | "strategy">;

/** Of an adapter that is there. */
type MadeSettings = Omit<AdapterEntry, "blob">;

/** A library as it was when it was opened. Reading needs no lock: blobs never change. */
export class Library {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly #blobs: BlobStore;

  private constructor(folder: string, manifest: Manifest) {
    this.folder = folder;
    this.manifest = manifest;
    this.#blobs = new BlobStore(folder);
  }

  /** Opens a library. @throws KeepsakeError if the folder holds none, or a damaged one. */
  static async open(folder: string): Promise<Library> {
    const library = await Library.openIfExists(folder);
    if (library !== undefined) return library;
    throw await noLibrary(folder);
  }

  static async openIfExists(folder: string): Promise<Library | undefined> {
    const manifest = await readManifest(folder);
    return manifest && new Library(folder, manifest);
  }

  /** An empty library on a model. Nothing is written before {@link Library.save} or {@link Library.addConcept}. */
  static blank(folder: string, model: Manifest["model"], keep = DEFAULT_KEEP): Library {
    return new Library(folder, emptyManifest(withOrigin(model), keep));
  }

  /** The same library with its model in another place, its weights and what was said of it recorded. Not saved yet. */
  withModel(folder: string, weights = this.manifest.model.weights, options: CheckpointOptions = {}): Library {
    const model = { ...this.manifest.model, folder, weights, ...options };
    return new Library(this.folder, { ...this.manifest, model: withOrigin(model) });
  }

  /** The library as it was in another of its states. To be read only. */
  inState(state: LibraryState): Library {
    return new Library(this.folder, { ...emptyManifest(this.manifest.model, this.manifest.keep), ...state });
  }

  /** Writes the manifest. The caller holds the lock. */
  async save(): Promise<void> {
    await checkLock(this.folder);
    await writeManifest(this.folder, this.manifest);
  }

  get concepts(): readonly ConceptEntry[] {
    return this.manifest.concepts;
  }

  /** Identifies the state: what a concept was learned on top of. The model may move to another folder. */
  get stateId(): string {
    return stateId(this.manifest.model.fingerprint, this.manifest);
  }

  /**
   * The embeddings of all concepts, in the order in which they were learned.
   *
   * @throws KeepsakeError if one is missing, damaged or not what the manifest says
   */
  async embeddings(): Promise<TokenEmbedding[]> {
    return Promise.all(
      this.concepts.map(async ({ name, token, vectors: count, embedding }) => {
        const blob = await this.#blobs.open(embedding);
        const [rows, width = 0] = blob.info("embedding").shape;
        if (rows !== count) throw this.#contradiction(`"${name}" has ${count} vectors, but its blob ${rows ?? 0}`);
        return { token, vectors: await blob.readFloat32("embedding"), count, width };
      }),
    );
  }

  /**
   * The adapter with the numbers that the library holds; undefined before the first concept.
   *
   * @throws KeepsakeError if it is missing, damaged or not what the manifest says
   */
  async adapter(pipeline: StableDiffusionPipeline): Promise<Adapter | undefined> {
    const { adapter } = this.manifest;
    if (adapter === undefined) return undefined;
    const parameters = await (await this.#blobs.open(adapter.blob)).readFloat32("lora");
    const { kind = DEFAULT_KIND } = adapter;
    if (!isAdapterKind(kind)) {
      const fault = `its adapter is of the kind "${kind}", which is not registered`;
      throw new KeepsakeError("state", `${this.folder}: ${fault}; call registerAdapterKind with it first.`);
    }
    const length = withValuesOf(this.folder, () => adapterLength(pipeline, adapter));
    if (parameters.length !== length) {
      const needed = `rank ${adapter.rank} and targets ${adapter.targets} need ${length}`;
      throw this.#contradiction(`the adapter's blob holds ${parameters.length} numbers, but ${needed}`);
    }
    return adapterLayout(pipeline, adapter, adapter.form).withParameters(parameters);
  }

  /**
   * What the strategy kept when it learned the last concept; empty if it kept nothing.
   *
   * @throws KeepsakeError if it is missing or damaged
   */
  async memory(): Promise<StrategyMemory> {
    const blob = this.manifest.strategy?.memory;
    if (blob === undefined) return new Map();
    const file = await this.#blobs.open(blob);
    const memory = new Map<string, { shape: number[]; data: Float32Array }>();
    for (const { name, shape } of file.tensors.values()) {
      memory.set(name, { shape: [...shape], data: await file.readFloat32(name) });
    }
    return memory;
  }

  /**
   * Replaces the adapter and the strategy's memory and adds a concept, or puts one that was taught again in its place,
   * in one atomic step. The state before becomes the first of the earlier ones; those that an undo had left are set
   * aside. The caller holds the lock.
   *
   * @param concept - one without training settings was imported
   * @param memory - what the strategy keeps for the next concept; what it kept before goes
   * @param strategy - with which the concept was learned; absent: none
   */
  async addConcept(
    adapter: Adapter,
    settings: AdapterSettings,
    concept: NewConcept,
    embedding: TokenEmbedding,
    memory: StrategyMemory = new Map(),
    strategy?: Omit<StrategyEntry, "memory">,
  ): Promise<Library> {
    const { vectors, count, width } = embedding;
    if (memory.size > 0 && strategy === undefined) throw new Error("memory is given without the strategy that kept it");
    // A folder that is gone is not to be made again by its blobs.
    await checkLock(this.folder);
    try {
      const blob = await this.#writeAdapter(adapter);
      const tokenBlob = await this.#blobs.write(new Map([["embedding", { shape: [count, width], data: vectors }]]));
      const memoryBlob = memory.size === 0 ? undefined : await this.#blobs.write(memory);
      const blobs = { adapter: blob, embedding: tokenBlob, ...(memoryBlob !== undefined && { memory: memoryBlob }) };
      return await this.replace(
        this.#withConcept({ ...settings, form: adapter.form }, { ...concept, vectors: count }, blobs, strategy),
      );
    } catch (error) {
      // The disk may be full: what was written for a state that did not become the current one is not needed.
      await Library.openIfExists(this.folder)
        .then((onDisk) => (onDisk ?? this).prune())
        .catch(() => undefined);
      throw error;
    }
  }

  /**
   * Whether a concept can be added once it is learned: before hours of training, not after.
   *
   * @throws KeepsakeError if the manifest would be too large, or a setting is one that it cannot record
   */
  checkNext(settings: MadeSettings, concept: NewConcept, strategy: Omit<StrategyEntry, "memory">): void {
    const blob = "0".repeat(64);
    const blobs = { adapter: blob, embedding: blob, memory: blob };
    checkManifest(this.folder, this.#withConcept(settings, concept, blobs, strategy));
  }

  #withConcept(
    settings: MadeSettings,
    { name, classNoun, vectors, training, again }: NewConcept,
    { adapter: blob, embedding, memory }: Readonly<Record<"adapter" | "embedding", string>> & { memory?: string },
    strategy: Omit<StrategyEntry, "memory"> | undefined,
  ): Manifest {
    const isLearned = training !== undefined;
    const known = this.concepts.find((concept) => concept.name === name);
    if ((known === undefined) !== (again === undefined)) throw new Error(`"${name}" is known already, or is not`);
    const entry: ConceptEntry = {
      ...{ name, token: tokenOf(name), classNoun, vectors, embedding, ...(isLearned && { training }) },
      ...(strategy && isLearned && { strategy: strategy.name }),
      ...(known !== undefined && again === "more" && { taught: timesTaught(known) + 1 }),
      begun: known === undefined ? beginningOf({ adapter: blob, embedding }) : identityOf(known),
    };
    return successor(this.manifest, {
      change: isLearned
        ? { kind: "learned", concept: name, ...(again && { again }) }
        : { kind: "imported", concept: name },
      adapter: { blob, ...settings },
      ...(strategy && {
        strategy: { name: strategy.name, options: strategy.options, ...(memory !== undefined && { memory }) },
      }),
      concepts:
        known === undefined
          ? [...this.concepts, entry]
          : this.concepts.map((concept) => (concept === known ? entry : concept)),
    });
  }

  /**
   * Writes other numbers for the adapter, and what the strategy is to remember, without making them part of a state:
   * `replace` does that. The caller holds the lock.
   *
   * @param adapter - of the layout that the library's adapter has
   * @throws KeepsakeError if they cannot be written; nothing is left behind then
   */
  async writeShared(adapter: Adapter, memory: StrategyMemory): Promise<SharedBlobs> {
    const { adapter: entry, strategy } = this.manifest;
    if (entry === undefined) throw new Error("the library has no adapter");
    await checkLock(this.folder);
    try {
      const memoryBlob = memory.size === 0 ? undefined : await this.#blobs.write(memory);
      return {
        adapter: { ...entry, blob: await this.#writeAdapter(adapter) },
        strategy: strategy && { ...strategy, memory: memoryBlob ?? strategy.memory },
      };
    } catch (error) {
      await this.prune().catch(() => undefined);
      throw error;
    }
  }

  async #writeAdapter({ parameters }: Adapter): Promise<string> {
    return this.#blobs.write(new Map([["lora", { shape: [parameters.length], data: parameters }]]));
  }

  /**
   * Replaces the manifest in one atomic step, then removes the blobs that it does not need. The caller holds the lock.
   */
  async replace(manifest: Manifest): Promise<Library> {
    await checkLock(this.folder);
    await writeManifest(this.folder, manifest);
    const changed = new Library(this.folder, manifest);
    await changed.prune();
    return changed;
  }

  /** Removes blobs that none of the states needs. The caller holds the lock. */
  async prune(): Promise<void> {
    await checkLock(this.folder);
    await this.#blobs.prune(new Set(allStates(this.manifest).flatMap(blobsOf)));
  }

  #contradiction(fault: string): KeepsakeError {
    return new KeepsakeError("state", `${manifestPath(this.folder)}: ${fault}; restore the library from a backup.`);
  }
}
