/**
 * @file What is in a library, for people: its concepts, the states that are kept, and what they take on the disk.
 */
import { stat } from "node:fs/promises";
import { checkWhole, LIMITS } from "../limits.ts";
import { BlobStore } from "./blobs.ts";
import { changeLibrary } from "./change.ts";
import { Library } from "./library.ts";
import {
  allStates,
  currentState,
  manifestOf,
  manifestPath,
  serializeManifest,
  timelineOf,
  type Manifest,
} from "./manifest/manifest.ts";
import { blobsOf, stateId, type Change, type LibraryState } from "./manifest/state.ts";
import { shortened } from "./manifest/timeline.ts";
import { ConceptTrails } from "./renaming/concept-trail.ts";
import { findUnfinishedRun, type UnfinishedRun } from "./run/unfinished-run.ts";

/** A concept as `keepsake list` shows it. */
export interface ConceptFacts {
  readonly name: string;
  /** As written in prompts. */
  readonly token: string;
  readonly classNoun: string;
  /** Embeddings that the token stands for. */
  readonly vectors: number;
  /** Optimiser steps with which it was learned; absent: it came from a file. */
  readonly steps?: number;
  /** Strategy with which it was learned; absent: plain training. */
  readonly strategy?: string;
  /**
   * How often it has been taught since it was begun, if more than once; steps and strategy are those of the last time.
   */
  readonly taught?: number;
  /** Of its embedding's file. All else is shared. */
  readonly bytes: number;
}

export interface ConceptList {
  /** Folder of the model. */
  readonly model: string;
  readonly concepts: readonly ConceptFacts[];
  /** Of what the concepts share: the adapter, and what the strategy keeps. */
  readonly sharedBytes: number;
  /** The run that the next `learn` can go on with. */
  readonly unfinishedRun?: UnfinishedRun;
}

/**
 * The concepts that a library knows, in the order in which they were learned.
 *
 * @throws KeepsakeError if there is no library, or its manifest is damaged
 */
export async function listConcepts(folder: string): Promise<ConceptList> {
  const library = await Library.open(folder);
  const { manifest } = library;
  const blobs = new BlobStore(folder);
  const unfinishedRun = await findUnfinishedRun(library);
  const concepts = manifest.concepts.map(
    async ({ name, token, classNoun, vectors, training, strategy, taught, embedding }): Promise<ConceptFacts> => {
      const facts = { name, token, classNoun, vectors, ...(training && { steps: training.steps }), strategy };
      return { ...facts, ...(taught !== undefined && { taught }), bytes: await blobs.sizeOf([embedding]) };
    },
  );
  return {
    model: manifest.model.folder,
    concepts: await Promise.all(concepts),
    sharedBytes: await blobs.sizeOf(blobsOf({ ...manifest, concepts: [] })),
    unfinishedRun,
  };
}

/** A state as `keepsake history` shows it. */
export interface StateFacts {
  /** What `undo` takes as `to`; the first digits are enough. */
  readonly id: string;
  readonly change: Change;
  /** Names of the concepts that it knows. */
  readonly concepts: readonly string[];
  /**
   * What the same concepts are called now, after renamings; those that the current state does not know, as they were
   * last.
   */
  readonly presentNames: readonly string[];
}

/** What there is to say of the states of a library. */
export function stateFacts(manifest: Manifest): (state: LibraryState) => StateFacts {
  const trails = new ConceptTrails(manifest);
  return (state) => ({
    id: stateId(manifest.model.fingerprint, state),
    change: state.change,
    concepts: state.concepts.map(({ name }) => name),
    presentNames: trails.presentNames(state),
  });
}

export interface LibraryHistory {
  /** The current state, then those before it that are kept, nearest first: `undo` goes to the second. */
  readonly states: readonly [current: StateFacts, ...earlier: StateFacts[]];
  /** Those after it, which undos have left, nearest first: `redo` goes to the first. */
  readonly later: readonly StateFacts[];
  /**
   * Those that an undo had left when another change was made, the one that was left last first: `undo` with `to`
   * reaches them.
   */
  readonly aside: readonly StateFacts[];
  /** How many states are kept beside the current one; those that differ in names alone do not count. */
  readonly keep: number;
  /** The run that the next `learn` can go on with. */
  readonly unfinishedRun?: UnfinishedRun;
  readonly bytes: {
    /** Of all that the current state needs. */
    readonly current: number;
    /** Of what is there for the sake of the other states alone. */
    readonly earlier: number;
  };
}

/**
 * The states of a library that are kept, and what they take on the disk.
 *
 * @throws KeepsakeError if there is no library, or its manifest is damaged
 */
export async function libraryHistory(folder: string): Promise<LibraryHistory> {
  const library = await Library.open(folder);
  const { manifest } = library;
  const factsOf = stateFacts(manifest);
  const blobs = new BlobStore(folder);
  const { size: manifestSize } = await stat(manifestPath(folder));
  const alone = manifestOf(manifest, { current: currentState(manifest), earlier: [], later: [], aside: [] });
  const current = Buffer.byteLength(serializeManifest(alone)) + (await blobs.sizeOf(blobsOf(manifest)));
  const all = manifestSize + (await blobs.sizeOf(allStates(manifest).flatMap(blobsOf)));
  const unfinishedRun = await findUnfinishedRun(library);
  return {
    states: [factsOf(manifest), ...manifest.earlier.map(factsOf)],
    later: manifest.later.map(factsOf),
    aside: manifest.aside.map(factsOf),
    keep: manifest.keep,
    unfinishedRun,
    // A manifest of an earlier version may be a little shorter than it will be when it is written again.
    bytes: { current, earlier: Math.max(0, all - current) },
  };
}

export interface KeepRequest {
  /** Folder of the library. */
  readonly library: string;
  /** How many states to keep beside the current one; those that differ in names alone do not count. */
  readonly keep: number;
}

/**
 * Changes how many states a library keeps beside the current one. Those that are too many go at once: first what was
 * set aside, then the oldest. The current state is not touched.
 *
 * @throws KeepsakeError if the number is not a whole one from 0, or there is no library
 */
export async function keepStates({ library: folder, keep }: KeepRequest): Promise<void> {
  checkKeep(keep);
  await changeLibrary(folder, "changing how many states are kept", async (library) => {
    const { manifest } = library;
    await library.replace(manifestOf({ ...manifest, keep }, shortened(timelineOf(manifest), keep)));
  });
}

/** @throws KeepsakeError unless it is a number of states that can be kept */
export function checkKeep(keep: number): void {
  checkWhole("The number of earlier states to keep", keep, LIMITS.keep);
}
