/**
 * @file What an interrupted run goes on from: the adapter, the token and the optimiser's moments after some step, in one
 * file that is replaced atomically. No photo and no latent is in it, only a digest by which the photos are recognised; it
 * is deleted when the run ends.
 */
import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { SafetensorsFile, writeSafetensors, type TensorToWrite } from "../../io/safetensors.ts";
import type { TrainingState } from "../training.ts";

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

const snapshotPath = (library: string): string => join(library, "run.safetensors");

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
  const metadata = new Map([["step", String(state.optimizer.step)], ...Object.entries(identity)]);
  await writeSafetensors(snapshotPath(library), new Map(entries), metadata);
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
  const file = await SafetensorsFile.open(path);
  const { step: stepText, ...identity } = Object.fromEntries(file.metadata);
  const step = Number(stepText);
  if (!Number.isInteger(step) || step < 0) {
    throw new KeepsakeError(
      "state",
      `${path}: the snapshot does not say its step; learn the concept again with --restart.`,
    );
  }
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
  return { identity, step, tensors };
}

/** Deletes the snapshot: the run has ended or was given up. */
export async function deleteSnapshot(library: string): Promise<void> {
  await rm(snapshotPath(library), { force: true });
}
