/**
 * @file Concepts that are put into a library without being learned: real files, numbers of no meaning.
 */
import { mkdirSync } from "node:fs";
import { Library } from "../../src/library/library.ts";
import { type AdapterSettings, newLora } from "../../src/adapters/new-adapter.ts";
import type { StrategyMemory } from "../../src/training/strategy.ts";
import { DEFAULT_TRAINING } from "../../src/learning/learn-settings.ts";
import { blobsOf, type Again, type LibraryState } from "../../src/library/manifest/state.ts";
import { identifyModel } from "../../src/library/model/model-fingerprint.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { MODEL, treeOf } from "../keepsake/support.ts";

export const ADAPTER: AdapterSettings = { rank: 2, loraAlpha: 2, targets: "crossattn-kv" };
export const WIDTH = 32;
const pipeline = await StableDiffusionPipeline.load(MODEL);
const identity = await identifyModel(pipeline);

/** An empty library on the tiny model. */
export async function emptyLibrary(folder: string, keep?: number): Promise<Library> {
  const library = Library.blank(folder, { folder: MODEL, ...identity }, keep);
  mkdirSync(folder, { recursive: true });
  await library.save();
  return library;
}

export interface FakeConcept {
  /** Decides on every number; default 0. */
  readonly seed?: number;
  /** Decides on the numbers of its embedding alone; default: the seed. */
  readonly token?: number | undefined;
  /** Recorded as the seed of the training run, to tell it. */
  readonly run?: number;
  /** What the strategy keeps; absent: there is no strategy. */
  readonly memory?: StrategyMemory;
  readonly vectors?: number;
  /** What becomes of it, if the library knows it. */
  readonly again?: Again | undefined;
}

/** Adds a concept as `learn` does at its end. */
export async function addConcept(folder: string, name: string, concept: FakeConcept = {}): Promise<Library> {
  const { seed = 0, token = seed, run = DEFAULT_TRAINING.seed, memory, vectors: count = 1, again } = concept;
  const lora = newLora(pipeline, ADAPTER, seed);
  const vectors = Float32Array.from({ length: count * WIDTH }, (_, i) => token + i);
  const training = { ...DEFAULT_TRAINING, resolution: 64, seed: run };
  return (await Library.open(folder)).addConcept(
    lora,
    ADAPTER,
    { name, classNoun: "thing", vectors: count, training, again },
    { token: `<${name}>`, vectors, count, width: WIDTH },
    memory,
    memory && { name: "ewc", options: { lambda: 10, online: true, set: "all" } },
  );
}

/** A state and the hashes of its files: what has to be the same, to the byte, after an undo. */
export interface Content {
  readonly content: { readonly [Part in keyof Omit<LibraryState, "change">]: LibraryState[Part] | undefined };
  readonly blobs: ReadonlyMap<string, string | undefined>;
}

export async function contentOf(folder: string): Promise<Content> {
  const { manifest } = await Library.open(folder);
  const { adapter, strategy, concepts } = manifest;
  const tree = treeOf(folder) ?? {};
  const blobs = blobsOf(manifest).map((blob) => [blob, tree[`blobs/${blob}.safetensors`]] as const);
  return { content: { adapter, strategy, concepts }, blobs: new Map(blobs) };
}
