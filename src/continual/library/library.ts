/**
 * @file A library of concepts on disk: one model, one adapter, one embedding for each concept's token. The folder holds a
 * manifest, immutable blobs, and while a concept is being learned the snapshot of that run.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { createLora, type Lora } from "../../adapters/lora.ts";
import { discoverModules, parseLoraTargets, type AdaptableModules } from "../../adapters/modules.ts";
import type { TokenEmbedding } from "../../adapters/textual-inversion.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError } from "../../errors.ts";
import { describeWriteError } from "../../io/atomic.ts";
import { sha256 } from "../../io/hash.ts";
import { RandomStream } from "../../random/random.ts";
import { BlobStore } from "./blobs.ts";
import { lockFolder } from "./lock.ts";
import { readManifest, writeManifest, type AdapterEntry, type ConceptEntry, type Manifest } from "./manifest.ts";

/** How the adapter of a library is made; fixed by its first concept. */
export type AdapterSettings = Omit<AdapterEntry, "blob">;

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
    throw new KeepsakeError("state", `${folder}: no library here yet; "keepsake learn" makes one.`);
  }

  static async openIfExists(folder: string): Promise<Library | undefined> {
    const manifest = await readManifest(folder);
    return manifest && new Library(folder, manifest);
  }

  /** Makes an empty library on a model. The caller holds the lock. */
  static async create(folder: string, model: Manifest["model"]): Promise<Library> {
    const manifest: Manifest = { format: "keepsake-library", version: 1, model, concepts: [] };
    await writeManifest(folder, manifest);
    return new Library(folder, manifest);
  }

  get concepts(): readonly ConceptEntry[] {
    return this.manifest.concepts;
  }

  /** Identifies the state: what a concept was learned on top of. */
  get stateId(): string {
    return sha256(JSON.stringify(this.manifest));
  }

  /** The embeddings of all concepts, in the order in which they were learned. */
  async embeddings(): Promise<TokenEmbedding[]> {
    return Promise.all(
      this.concepts.map(async ({ token, vectors: count, embedding }) => {
        const vectors = await (await this.#blobs.open(embedding)).readFloat32("embedding");
        return { token, vectors, count, width: vectors.length / count };
      }),
    );
  }

  /**
   * The adapter with the numbers that the library holds; undefined before the first concept.
   *
   * @throws KeepsakeError if it does not fit the model
   */
  async adapter(pipeline: StableDiffusionPipeline): Promise<Lora | undefined> {
    const { adapter } = this.manifest;
    if (adapter === undefined) return undefined;
    const parameters = await (await this.#blobs.open(adapter.blob)).readFloat32("lora");
    return newLora(pipeline, adapter, 0).withParameters(parameters);
  }

  /** Replaces the adapter and adds a concept, in one atomic step. The caller holds the lock. */
  async addConcept(
    lora: Lora,
    settings: AdapterSettings,
    concept: Omit<ConceptEntry, "embedding" | "token">,
    embedding: TokenEmbedding,
  ): Promise<Library> {
    const { vectors, count, width, token } = embedding;
    const blob = await this.#blobs.write(
      new Map([["lora", { shape: [lora.parameters.length], data: lora.parameters }]]),
    );
    const tokenBlob = await this.#blobs.write(new Map([["embedding", { shape: [count, width], data: vectors }]]));
    const { name, classNoun, training } = concept;
    const entry: ConceptEntry = { name, token, classNoun, vectors: count, embedding: tokenBlob, training };
    const manifest = { ...this.manifest, adapter: { blob, ...settings }, concepts: [...this.concepts, entry] };
    await writeManifest(this.folder, manifest);
    const changed = new Library(this.folder, manifest);
    await changed.prune();
    return changed;
  }

  /** Removes blobs that the current state does not need. The caller holds the lock. */
  async prune(): Promise<void> {
    const { adapter, concepts } = this.manifest;
    await this.#blobs.prune(
      new Set([...(adapter ? [adapter.blob] : []), ...concepts.map(({ embedding }) => embedding)]),
    );
  }
}

/**
 * Makes the folder if need be, takes its lock, and clears what a killed process may have left half-written.
 *
 * @returns a function that gives the lock back
 * @throws KeepsakeError if the folder cannot be written, or another process is at work in it
 */
export async function lockLibrary(folder: string, command: string): Promise<() => Promise<void>> {
  try {
    await mkdir(folder, { recursive: true });
    const unlock = await lockFolder(folder, command);
    for (const file of await readdir(folder)) {
      if (/^\.keepsake-[0-9a-f]+\.tmp$/.test(file)) await rm(join(folder, file), { force: true });
    }
    return unlock;
  } catch (error) {
    throw describeWriteError(folder, error);
  }
}

/** A new adapter for a model: A random, B zero. */
export function newLora(pipeline: StableDiffusionPipeline, settings: AdapterSettings, seed: number): Lora {
  const { rank, loraAlpha, targets } = settings;
  const random = new RandomStream(seed, "lora");
  return createLora(adaptableModules(pipeline), { rank, loraAlpha, targets: parseLoraTargets(targets), random });
}

/** The layers of a model that an adapter may change. */
export function adaptableModules({ unet, textEncoder }: StableDiffusionPipeline): AdaptableModules {
  return { unet: discoverModules(unet.weights.tensors), text_encoder: discoverModules(textEncoder.weights.tensors) };
}
