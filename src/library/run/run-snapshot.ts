/**
 * @file What an interrupted run goes on from: the adapter, the token, the optimiser's moments and what the strategy has
 * gathered after some step, in one file that is replaced atomically. No photo and no latent is in it, only a digest by
 * which the photos are recognised; it is deleted when the run ends.
 */
import { join } from "node:path";
import type { Adapter } from "../../adapters/adapter.ts";
import { KeepsakeError, shown } from "../../errors.ts";
import { removeFile } from "../../io/atomic.ts";
import { exists } from "../../io/folder.ts";
import { sha256 } from "../../io/hash.ts";
import { parseJson } from "../../io/json.ts";
import { SafetensorsFile, writeSafetensors, type TensorToWrite } from "../../io/safetensors/safetensors.ts";
import { isWhole } from "../../limits.ts";
import type { Evaluations } from "../../training/objective-gradient.ts";
import type { Library } from "../library.ts";
import { isKeepCount, isObject } from "../manifest/manifest-checks.ts";
import { checkLock } from "../lock/lock.ts";
import { permissionsIn } from "../permissions.ts";
import { SavedStateError, type PhaseEvaluations, type TrainingState } from "../../training/training-state.ts";

/** What makes two calls of `learn` the same run, by name; values are compared as text. */
export type RunIdentity = Readonly<Record<string, string>>;

/** What the head of a snapshot says. */
export interface SnapshotFacts {
  readonly identity: RunIdentity;
  /** Steps done, over all phases. */
  readonly step: number;
  /** Numbers of one embedding of the token. */
  readonly embeddingWidth: number;
}

export interface RunSnapshot extends SnapshotFacts {
  /** Optimiser steps done in the present phase. */
  readonly optimizerStep: number;
  readonly evaluations: PhaseEvaluations;
  readonly tensors: Readonly<Record<string, Float32Array>>;
}

/** Put before the names of what a phase leaves for the next ones. */
const KEPT = "kept.";

/** Where the snapshot of a library's unfinished run is. */
export const snapshotPath = (library: string): string => join(library, "run.safetensors");

/** Replaces the snapshot of a library's unfinished run. */
export async function writeSnapshot(library: string, identity: RunIdentity, state: TrainingState): Promise<void> {
  const { lora: adapter, embedding } = state.optimizer.groups;
  if (adapter === undefined || embedding === undefined)
    throw new Error("the optimiser has no groups lora and embedding");
  const kept = Object.entries(state.kept).map(([name, values]) => [KEPT + name, values] as const);
  const tensors: Record<string, Float32Array> = {
    lora: state.adapter.parameters,
    "lora.expAvg": adapter.expAvg,
    "lora.expAvgSq": adapter.expAvgSq,
    embedding: state.embedding,
    "embedding.expAvg": embedding.expAvg,
    "embedding.expAvgSq": embedding.expAvgSq,
    ...Object.fromEntries(kept),
  };
  const entries = Object.entries(tensors).map(([name, data]): [string, TensorToWrite] => [
    name,
    { shape: [data.length], data },
  ]);
  const counters = {
    step: String(state.step),
    optimizerStep: String(state.optimizer.step),
    evaluations: JSON.stringify(state.evaluations),
  };
  const facts = { ...counters, checksum: checksumOf(counters, tensors) };
  const metadata = new Map(Object.entries({ ...facts, ...identity }));
  await checkLock(library);
  await writeSafetensors(snapshotPath(library), new Map(entries), metadata, await permissionsIn(library));
}

/**
 * The state that a snapshot holds.
 *
 * @param adapter - gives the layout; its numbers are not read
 * @throws SavedStateError if the adapter is of another size
 */
export function stateOf({ step, optimizerStep, evaluations, tensors }: RunSnapshot, adapter: Adapter): TrainingState {
  const tensor = (name: string): Float32Array => {
    const values = tensors[name];
    if (values === undefined) throw new Error(`the snapshot has no tensor ${name}`);
    return values;
  };
  if (tensor("lora").length !== adapter.parameters.length) throw new SavedStateError("the adapter is of another size");
  const moments = (name: string) => ({ expAvg: tensor(`${name}.expAvg`), expAvgSq: tensor(`${name}.expAvgSq`) });
  const kept = Object.entries(tensors).filter(([name]) => name.startsWith(KEPT));
  return {
    step,
    adapter: adapter.withParameters(tensor("lora")),
    embedding: tensor("embedding"),
    optimizer: { step: optimizerStep, groups: { lora: moments("lora"), embedding: moments("embedding") } },
    kept: Object.fromEntries(kept.map(([name, values]) => [name.slice(KEPT.length), values])),
    evaluations,
  };
}

/**
 * Reads the snapshot of an unfinished run.
 *
 * @returns undefined if there is none
 * @throws KeepsakeError if it is damaged
 */
export async function readSnapshot(library: string): Promise<RunSnapshot | undefined> {
  return readIfExists(library, readFrom);
}

/**
 * Reads only what a snapshot is about, not its numbers, which may be many.
 *
 * @returns undefined if there is none
 * @throws KeepsakeError if it is damaged, as far as can be seen without the numbers
 */
export async function peekSnapshot(library: string): Promise<SnapshotFacts | undefined> {
  return readIfExists(library, async (path) => factsOf(await SafetensorsFile.open(path)));
}

async function readIfExists<T>(library: string, read: (path: string) => Promise<T>): Promise<T | undefined> {
  const path = snapshotPath(library);
  if (!(await exists(path))) return undefined;
  try {
    return await read(path);
  } catch (error) {
    throw error instanceof KeepsakeError ? damagedSnapshot(library, error) : error;
  }
}

/** The error for a snapshot from which no run can go on. @param cause - what is wrong with it */
export function damagedSnapshot(library: string, cause: Error): KeepsakeError {
  const fault = `${snapshotPath(library)}: the saved state of an unfinished run is damaged`;
  return new KeepsakeError("state", `${fault}; add --restart to begin that run again, or delete the file.`, { cause });
}

const COUNTERS = ["step", "optimizerStep", "evaluations", "checksum"];

/** Everything but the counters is what makes the run the same. */
function factsOf({ metadata, tensors }: SafetensorsFile): SnapshotFacts {
  const entries = [...metadata].filter(([name]) => !COUNTERS.includes(name));
  const identity: RunIdentity = Object.fromEntries(entries);
  const numbers = tensors.get("embedding")?.shape[0] ?? 0;
  const embeddingWidth = numbers / countIn(identity.vectors ?? "1", "number of vectors");
  if (!isWhole(embeddingWidth, [1, Number.MAX_SAFE_INTEGER])) throw impossible("size of an embedding", embeddingWidth);
  return { identity, step: countIn(metadata.get("step"), "step"), embeddingWidth };
}

/** A count as text. The checksum keeps out flipped bits, and not what people write. */
function countIn(text: string | undefined, what: string): number {
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
  throw impossible(what, text);
}

function evaluationsIn(text: string): PhaseEvaluations {
  const value = parseJson(text, "evaluations");
  if (isObject(value) && Object.values(value).every(isCounts)) return value;
  throw impossible("number of evaluations", text);
}

function isCounts(value: unknown): value is Evaluations {
  return isObject(value) && [value.forward, value.forwardBackward].every((count) => isKeepCount(count));
}

function impossible(what: string, value: unknown): KeepsakeError {
  return new KeepsakeError("state", `The ${what} is ${shown(value)}.`);
}

/** What every snapshot holds. */
const TENSORS = ["lora", "embedding"].flatMap((name) => [name, `${name}.expAvg`, `${name}.expAvgSq`]);

async function readFrom(path: string): Promise<RunSnapshot> {
  const file = await SafetensorsFile.open(path);
  const { step = "", optimizerStep = "", evaluations = "", checksum } = Object.fromEntries(file.metadata);
  const tensors: Record<string, Float32Array> = {};
  for (const name of file.tensors.keys()) tensors[name] = await file.readFloat32(name);
  if (checksum !== checksumOf({ step, optimizerStep, evaluations }, tensors)) {
    throw new KeepsakeError("state", `${path}: the checksum is wrong.`);
  }
  const missing = TENSORS.find((name) => tensors[name] === undefined);
  if (missing !== undefined) throw impossible("tensor", `${missing} (missing)`);
  const unusable = Object.keys(tensors).find(
    (name) => !tensors[name].every(name.endsWith("Sq") ? isSquare : Number.isFinite),
  );
  if (unusable !== undefined) throw impossible("tensor", `${unusable} (no number, or the square of none)`);
  return {
    ...factsOf(file),
    optimizerStep: countIn(optimizerStep, "optimiser step"),
    evaluations: evaluationsIn(evaluations),
    tensors,
  };
}

function isSquare(value: number): boolean {
  return value >= 0 && value < Infinity;
}

/** Unlike the blobs, the snapshot cannot be named by its content; a flipped bit must be found out all the same. */
function checksumOf(
  { step, optimizerStep, evaluations }: Readonly<Record<"step" | "optimizerStep" | "evaluations", string>>,
  tensors: Readonly<Record<string, Float32Array>>,
): string {
  const names = Object.keys(tensors).sort();
  const sums = names.map((name) => [name, sha256(tensors[name])]);
  return sha256(JSON.stringify([step, optimizerStep, evaluations, sums]));
}

/** Deletes the snapshot: the run has ended or was given up. */
export async function deleteSnapshot(library: string): Promise<void> {
  await checkLock(library);
  await removeFile(snapshotPath(library));
}

/**
 * Deletes the snapshot of a run that has ended, but whose process was killed before it could do so: the library is not
 * what the run was begun on any more, and knows its concept.
 *
 * @param library - as it is
 * @returns what the run was; undefined if there was none
 */
export async function deleteEndedSnapshot(library: Library): Promise<SnapshotFacts | undefined> {
  const snapshot = await readSnapshot(library.folder).catch(() => undefined);
  if (snapshot === undefined || !hasEnded(snapshot, library)) return undefined;
  await deleteSnapshot(library.folder);
  return snapshot;
}

/** Whether a run's concept has come into the library. */
export function hasEnded({ identity }: SnapshotFacts, { stateId, concepts }: Library): boolean {
  return identity.library !== stateId && concepts.some(({ name }) => name === identity.concept);
}
