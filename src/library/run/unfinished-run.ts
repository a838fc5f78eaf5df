/**
 * @file The unfinished run that a library may hold: what it is about, the commands that go on with it or give it up,
 * and who must wait for it.
 */
import { KeepsakeError } from "../../errors.ts";
import { VALIDATION_EVERY } from "../../learning/learn-settings.ts";
import { learnCommandOf } from "./learn-command.ts";
import { recordedSteps } from "./recorded-run.ts";
import { shellPath, shellQuote } from "../../shell.ts";
import type { Library } from "../library.ts";
import { lockState } from "../lock/lock.ts";
import type { Again } from "../manifest/state.ts";
import {
  deleteSnapshot,
  hasEnded,
  peekSnapshot,
  readSnapshot,
  type RunIdentity,
  type RunSnapshot,
  type SnapshotFacts,
} from "./run-snapshot.ts";

/** A run that `learn` can go on with. */
export interface UnfinishedRun {
  readonly concept: string;
  /** Steps that are saved. */
  readonly step: number;
  /** Whether a process is at work in the library, so that it may be this run. */
  readonly inUse: boolean;
  /** Goes on with it; names of photos are not stored, so they are left to be filled in. */
  readonly command: string;
  /** Gives it up. */
  readonly giveUp: string;
}

/** @returns undefined if there is none, or it cannot be read: `verifyLibrary` says so */
export async function findUnfinishedRun(library: Library): Promise<UnfinishedRun | undefined> {
  const snapshot = await peekSnapshot(library.folder).catch(ignoreDamage);
  if (snapshot === undefined || hasEnded(snapshot, library)) return undefined;
  return describeRun(library, snapshot, (await lockState(library.folder)) === "held");
}

/** What an unfinished run is about. */
export interface UnfinishedFacts {
  readonly name: string;
  readonly classNoun: string;
  /** Steps that are saved. */
  readonly step: number;
  readonly steps: number;
  /** What is to become of the concept, if the library knows it. */
  readonly again?: Again;
}

/** For those who show it; undefined as with {@link findUnfinishedRun}. */
export async function unfinishedFacts(library: Library): Promise<UnfinishedFacts | undefined> {
  const snapshot = await peekSnapshot(library.folder).catch(ignoreDamage);
  if (snapshot === undefined || hasEnded(snapshot, library)) return undefined;
  const { identity, step } = snapshot;
  const { concept: name = "?", class: classNoun = "", again } = identity;
  return {
    ...{ name, classNoun, step, steps: recordedSteps(identity) ?? step },
    ...((again === "more" || again === "replaced") && { again }),
  };
}

function describeRun(library: Library, snapshot: SnapshotFacts, inUse: boolean): UnfinishedRun {
  const { folder, manifest } = library;
  const { identity, step } = snapshot;
  const { concept = "?" } = identity;
  const giveUp = `keepsake forget ${shellQuote(concept)} --library ${shellPath(folder)}`;
  return { concept, step, inUse, command: learnCommandOf(snapshot, folder, manifest), giveUp };
}

/**
 * A run goes on from the very state on which it was begun. Were that state replaced, hours of training could not be
 * resumed.
 *
 * @throws KeepsakeError if the library holds an unfinished run, or a damaged one
 */
export async function refuseUnfinishedRun(library: Library): Promise<void> {
  const snapshot = await readSnapshot(library.folder);
  if (snapshot === undefined) return;
  const { giveUp } = describeRun(library, snapshot, false);
  throw unfinished(library, snapshot, { how: "", giveUp: `give it up by "${giveUp}"` });
}

/**
 * Says in a snapshot that the run recomputes blocks in the backward pass. No part of what makes two calls the same run.
 */
const CHECKPOINTING = { memory: "checkpointing" } as const;

/** What a snapshot says of a run beside what makes it the same: how it computes, and how it is looked at on the way. */
export interface RunFacts {
  readonly checkpointing: boolean;
  /** Steps between samples, and whether others are drawn. */
  readonly samples?: { readonly every: number; readonly others?: boolean } | undefined;
  /** Whether photos are held back, and steps between measurements on them. */
  readonly validation?: { readonly every?: number } | undefined;
}

/** @returns what is written into the head of a snapshot */
export function withFacts(identity: RunIdentity, { checkpointing, samples, validation }: RunFacts): RunIdentity {
  return {
    ...identity,
    ...(checkpointing && CHECKPOINTING),
    ...(samples !== undefined && { sampleEvery: String(samples.every) }),
    ...(samples?.others === true && { sampleOthers: "true" }),
    ...(validation !== undefined && { validationEvery: String(validation.every ?? VALIDATION_EVERY) }),
  };
}

/** What an unfinished run was begun with, and is resumed with where a request leaves it open. */
export interface RecordedRun {
  /** Optimiser steps. */
  readonly steps: number;
  /** Whether the UNet's blocks are recomputed in the backward pass, which rounds differently. */
  readonly checkpointing: boolean;
}

/** What an unfinished run of a concept was begun with; undefined if there is none. */
export async function recordedRun(library: Library, concept: string): Promise<RecordedRun | undefined> {
  const snapshot = await peekSnapshot(library.folder).catch(ignoreDamage);
  return snapshot && recordedIn(snapshot, concept);
}

/** What a snapshot's run was begun with; undefined if it is of another concept. */
export function recordedIn(snapshot: SnapshotFacts, concept: string): RecordedRun | undefined {
  if (snapshot.identity.concept !== concept) return undefined;
  const steps = recordedSteps(snapshot.identity);
  return steps === undefined ? undefined : { steps, checkpointing: snapshot.identity.memory === CHECKPOINTING.memory };
}

/**
 * Whether a run that had ended, when its process was killed, is the one that is asked for again: then it is done. A new
 * concept would be refused as known; one that is taught again would be taught twice.
 */
export function isDone(ended: SnapshotFacts | undefined, identity: RunIdentity): boolean {
  if (ended === undefined || identity.again === undefined) return false;
  return Object.keys(identity).every((key) => key === "library" || ended.identity[key] === identity[key]);
}

/**
 * The snapshot to go on from.
 *
 * @param restart - give up an unfinished run
 * @throws KeepsakeError if there is an unfinished run of another kind
 */
export async function snapshotToContinue(
  library: Library,
  identity: RunIdentity,
  restart: boolean,
): Promise<RunSnapshot | undefined> {
  const { folder } = library;
  if (restart) {
    await deleteSnapshot(folder);
    return undefined;
  }
  const snapshot = await readSnapshot(folder);
  if (snapshot === undefined) return undefined;
  const differing = Object.keys(identity).filter((key) => snapshot.identity[key] !== identity[key]);
  if (differing.length === 0) return snapshot;
  const isOther = differing.includes("concept");
  const how = isOther ? "" : `, begun with other ${differing.map(inWords).join(" and ")}`;
  throw unfinished(library, snapshot, { how, giveUp: "add --restart to give it up" });
}

function unfinished(
  library: Library,
  snapshot: SnapshotFacts,
  { how, giveUp }: { readonly how: string; readonly giveUp: string },
): KeepsakeError {
  const { concept, step, command } = describeRun(library, snapshot, false);
  const fault = `${library.folder} holds an unfinished run of "${concept}" (step ${step})${how}`;
  return new KeepsakeError("state", `${fault}: go on with it by "${command}", or ${giveUp}.`);
}

/** What may differ, in words of the command line. */
function inWords(key: string): string {
  const words: Readonly<Record<string, string>> = {
    class: "--class",
    again: "--more or --replace",
    vectors: "--vectors",
    adapter: "--adapter, --rank, --alpha or --targets",
    strategy: "--strategy or its options",
    training: "training options",
    library: "contents of the library",
  };
  return words[key] ?? key;
}

function ignoreDamage(error: unknown): undefined {
  if (!(error instanceof KeepsakeError)) throw error;
}
