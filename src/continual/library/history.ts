/**
 * @file What is in a library, for people: its concepts, the states that are kept, and what they take on the disk.
 */
import { stat } from "node:fs/promises";
import { checkWhole, LIMITS } from "../limits.ts";
import { BlobStore } from "./blobs.ts";
import { changeLibrary } from "./change.ts";
import { Library } from "./library.ts";
import { manifestPath, serializeManifest } from "./manifest.ts";
import { blobsOf, stateId, type Change } from "./state.ts";

/** A concept as `keepsake list` shows it. */
export interface ConceptFacts {
  readonly name: string;
  /** As written in prompts. */
  readonly token: string;
  readonly classNoun: string;
  /** Embeddings that the token stands for. */
  readonly vectors: number;
  /** Optimiser steps with which it was learned. */
  readonly steps: number;
  /** Strategy with which it was learned; absent: plain training. */
  readonly strategy?: string;
  /** Of its embedding's file. All else is shared. */
  readonly bytes: number;
}

export interface ConceptList {
  /** Folder of the model. */
  readonly model: string;
  readonly concepts: readonly ConceptFacts[];
  /** Of what the concepts share: the adapter, and what the strategy keeps. */
  readonly sharedBytes: number;
}

/**
 * The concepts that a library knows, in the order in which they were learned.
 *
 * @throws KeepsakeError if there is no library, or its manifest is damaged
 */
export async function listConcepts(folder: string): Promise<ConceptList> {
  const { manifest } = await Library.open(folder);
  const blobs = new BlobStore(folder);
  const concepts = manifest.concepts.map(
    async ({ name, token, classNoun, vectors, training: { steps }, strategy, embedding }): Promise<ConceptFacts> => {
      const facts = { name, token, classNoun, vectors, steps, ...(strategy !== undefined && { strategy }) };
      return { ...facts, bytes: await blobs.sizeOf([embedding]) };
    },
  );
  return {
    model: manifest.model.folder,
    concepts: await Promise.all(concepts),
    sharedBytes: await blobs.sizeOf(blobsOf({ ...manifest, concepts: [] })),
  };
}

/** A state as `keepsake history` shows it. */
export interface StateFacts {
  /** What `undo` takes as `to`; the first digits are enough. */
  readonly id: string;
  readonly change: Change;
  /** Names of the concepts that it knows. */
  readonly concepts: readonly string[];
}

export interface LibraryHistory {
  /** The current state, then the earlier ones that are kept, the one that was left last first. */
  readonly states: readonly [current: StateFacts, ...earlier: StateFacts[]];
  /** How many earlier states are kept. */
  readonly keep: number;
  readonly bytes: {
    /** Of all that the current state needs. */
    readonly current: number;
    /** Of what is there for the sake of earlier states alone. */
    readonly earlier: number;
  };
}

/**
 * The states of a library that are kept, newest first, and what they take on the disk.
 *
 * @throws KeepsakeError if there is no library, or its manifest is damaged
 */
export async function libraryHistory(folder: string): Promise<LibraryHistory> {
  const { manifest } = await Library.open(folder);
  const factsOf = (state: Parameters<typeof stateId>[1]): StateFacts => ({
    id: stateId(manifest.model.fingerprint, state),
    change: state.change,
    concepts: state.concepts.map(({ name }) => name),
  });
  const blobs = new BlobStore(folder);
  const { size: manifestSize } = await stat(manifestPath(folder));
  const current =
    Buffer.byteLength(serializeManifest({ ...manifest, earlier: [] })) + (await blobs.sizeOf(blobsOf(manifest)));
  const all = manifestSize + (await blobs.sizeOf([manifest, ...manifest.earlier].flatMap(blobsOf)));
  return {
    states: [factsOf(manifest), ...manifest.earlier.map(factsOf)],
    keep: manifest.keep,
    // A manifest of an earlier version may be a little shorter than it will be when it is written again.
    bytes: { current, earlier: Math.max(0, all - current) },
  };
}

export interface KeepRequest {
  /** Folder of the library. */
  readonly library: string;
  /** How many earlier states to keep. */
  readonly keep: number;
}

/**
 * Changes how many earlier states a library keeps; those that are too many go at once, the oldest first. The current state
 * is not touched.
 *
 * @throws KeepsakeError if the number is not a whole one from 0, or there is no library
 */
export async function keepStates({ library: folder, keep }: KeepRequest): Promise<void> {
  checkKeep(keep);
  await changeLibrary(folder, "changing how many states are kept", async (library) => {
    const { manifest } = library;
    await library.replace({ ...manifest, keep, earlier: manifest.earlier.slice(0, keep) });
  });
}

/** @throws KeepsakeError unless it is a number of states that can be kept */
export function checkKeep(keep: number): void {
  checkWhole("The number of earlier states to keep", keep, LIMITS.keep);
}
