/**
 * @file What an interrupted run goes on from: the adapter, the token and the optimiser's moments after some step, in one
 * file that is replaced atomically. No photo and no latent is in it, only a digest by which the photos are recognised; it
 * is deleted when the run ends.
 */
import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { sha256 } from "../../io/hash.ts";
import { SafetensorsFile, writeSafetensors, type TensorToWrite } from "../../io/safetensors.ts";
import type { TrainingState } from "../training.ts";
import type { Library } from "./library.ts";

/** What makes two calls of `learn` the same run, by name; values are compared as text. */
export type RunIdentity = Readonly<Record<string, string>>;

export interface RunSnapshot {
  readonly identity: RunIdentity;
  readonly step: number;
  readonly tensors: Readonly<Record<TensorName, Float32Array>>;
}

const TENSORS = [
  "lora",
  "lora.expAvg",
  "lora.expAvgSq",
  "embedding",
  "embedding.expAvg",
  "embedding.expAvgSq",
] as const;
type TensorName = (typeof TENSORS)[number];

/** Where the snapshot of a library's unfinished run is. */
export const snapshotPath = (library: string): string => join(library, "run.safetensors");

/** Replaces the snapshot of a library's unfinished run. */
export async function writeSnapshot(library: string, identity: RunIdentity, state: TrainingState): Promise<void> {
  const { lora, embedding } = state.optimizer.groups;
  if (lora === undefined || embedding === undefined) throw new Error("the optimiser has no groups lora and embedding");
  const tensors: Record<TensorName, Float32Array> = {
    lora: state.lora.parameters,
    "lora.expAvg": lora.expAvg,
    "lora.expAvgSq": lora.expAvgSq,
    embedding: state.embedding,
    "embedding.expAvg": embedding.expAvg,
    "embedding.expAvgSq": embedding.expAvgSq,
  };
  const entries = Object.entries(tensors).map(([name, data]): [string, TensorToWrite] => [
    name,
    { shape: [data.length], data },
  ]);
  const { step } = state.optimizer;
  const facts = { step: String(step), checksum: checksumOf(step, tensors) };
  await writeSafetensors(snapshotPath(library), new Map(entries), new Map(Object.entries({ ...facts, ...identity })));
}

/**
 * Reads the snapshot of an unfinished run.
 *
 * @returns undefined if there is none
 * @throws KeepsakeError if it is damaged
 */
export async function readSnapshot(library: string): Promise<RunSnapshot | undefined> {
  const path = snapshotPath(library);
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (!exists) return undefined;
  try {
    return await readFrom(path);
  } catch (error) {
    if (!(error instanceof KeepsakeError)) throw error;
    const fault = `${path}: the saved state of an unfinished run is damaged`;
    throw new KeepsakeError("state", `${fault}; add --restart to begin that run again, or delete the file.`, {
      cause: error,
    });
  }
}

async function readFrom(path: string): Promise<RunSnapshot> {
  const file = await SafetensorsFile.open(path);
  const { step: stepText, checksum, ...identity } = Object.fromEntries(file.metadata);
  const step = Number(stepText);
  const [lora, loraAvg, loraAvgSq, embedding, embeddingAvg, embeddingAvgSq] = await Promise.all(
    TENSORS.map((name) => file.readFloat32(name)),
  );
  const tensors = {
    lora,
    "lora.expAvg": loraAvg,
    "lora.expAvgSq": loraAvgSq,
    embedding,
    "embedding.expAvg": embeddingAvg,
    "embedding.expAvgSq": embeddingAvgSq,
  };
  if (checksum !== checksumOf(step, tensors)) throw new KeepsakeError("state", `${path}: the checksum is wrong.`);
  return { identity, step, tensors };
}

/** Unlike the blobs, the snapshot cannot be named by its content; a flipped bit must be found out all the same. */
function checksumOf(step: number, tensors: Readonly<Record<TensorName, Float32Array>>): string {
  return sha256(JSON.stringify([step, ...TENSORS.map((name) => sha256(asBytes(tensors[name])))]));
}

function asBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Deletes the snapshot: the run has ended or was given up. */
export async function deleteSnapshot(library: string): Promise<void> {
  await rm(snapshotPath(library), { force: true });
}

/**
 * Deletes the snapshot of a run that has ended, but whose process was killed before it could do so: the library is not what
 * the run was begun on any more, and knows its concept.
 *
 * @param library - as it is
 */
export async function deleteEndedSnapshot(library: Library): Promise<void> {
  const snapshot = await readSnapshot(library.folder).catch(() => undefined);
  if (snapshot !== undefined && hasEnded(snapshot, library)) await deleteSnapshot(library.folder);
}

/** Whether a run's concept has come into the library. */
export function hasEnded({ identity }: RunSnapshot, { stateId, concepts }: Library): boolean {
  return identity.library !== stateId && concepts.some(({ name }) => name === identity.concept);
}

/**
 * The snapshot to go on from.
 *
 * @param restart - give up an unfinished run
 * @throws KeepsakeError if there is an unfinished run of another kind
 */
export async function snapshotToContinue(
  library: string,
  identity: RunIdentity,
  restart: boolean,
): Promise<RunSnapshot | undefined> {
  if (restart) {
    await deleteSnapshot(library);
    return undefined;
  }
  const snapshot = await readSnapshot(library);
  if (snapshot === undefined) return undefined;
  const differing = Object.keys(identity).filter((key) => snapshot.identity[key] !== identity[key]);
  if (differing.length === 0) return snapshot;
  const { concept = "?" } = snapshot.identity;
  const other = differing.includes("concept") ? "" : `, begun with other ${differing.map(inWords).join(" and ")}`;
  throw new KeepsakeError(
    "state",
    `${library} holds an unfinished run of "${concept}" (step ${snapshot.step})${other}: ` +
      "repeat its command to go on with it, or add --restart to give it up.",
  );
}

/** What may differ, in words of the command line. */
function inWords(key: string): string {
  const words: Readonly<Record<string, string>> = {
    class: "--class",
    vectors: "--vectors",
    adapter: "--rank, --alpha or --targets",
    training: "training options",
    library: "contents of the library",
  };
  return words[key] ?? key;
}
