/**
 * @file The manifest of a library: the small file that says which blobs the current state is made of. It is replaced
 * atomically, so a library is always in the state before a change or in the state after it.
 */
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { readJson } from "../../io/json.ts";
import type { TrainingSettings } from "../training.ts";

/** A concept that the library knows. Names and numbers only: nothing here comes from a photo. */
export interface ConceptEntry {
  readonly name: string;
  /** As written in prompts: `<name>`. */
  readonly token: string;
  readonly classNoun: string;
  /** Embeddings that the token stands for. */
  readonly vectors: number;
  /** Blob of the token's embedding, `[vectors, width]`. */
  readonly embedding: string;
  readonly training: TrainingSettings;
}

/** The one adapter that lives through all concepts. */
export interface AdapterEntry {
  /** Blob of its parameters. */
  readonly blob: string;
  readonly rank: number;
  readonly loraAlpha: number;
  /** As `parseLoraTargets` reads it. */
  readonly targets: string;
}

export interface Manifest {
  readonly format: "keepsake-library";
  readonly version: 1;
  readonly model: {
    /** Folder of the checkpoint. */
    readonly folder: string;
    /** Identifies its configs and weights: an adapter fits no other model. */
    readonly fingerprint: string;
  };
  /** Absent until the first concept has been learned. */
  readonly adapter?: AdapterEntry;
  readonly concepts: readonly ConceptEntry[];
}

const FILE = "library.json";

/**
 * Reads the manifest of a library.
 *
 * @returns undefined if the folder has none
 * @throws KeepsakeError if it is damaged or was written by a later version
 */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, FILE);
  let json: unknown;
  try {
    json = await readJson(path);
  } catch (error) {
    if (error instanceof KeepsakeError && isMissing(error.cause)) return undefined;
    throw error;
  }
  if (!isRecord(json) || json.format !== "keepsake-library") throw damaged(path, "it is not a Keepsake library");
  if (json.version !== 1) {
    throw new KeepsakeError(
      "state",
      `${path}: version ${String(json.version)} was written by a later Keepsake; update it.`,
    );
  }
  if (!isManifest(json)) throw damaged(path, "entries are missing or of the wrong type");
  return json;
}

/** Replaces the manifest: the moment at which a change of the library becomes real. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeFileAtomic(join(folder, FILE), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

function damaged(path: string, fault: string): KeepsakeError {
  return new KeepsakeError("state", `${path}: ${fault}.`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isManifest(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, unknown>> & Manifest {
  const { model, adapter, concepts } = value;
  return (
    hasTypes(model, { folder: "string", fingerprint: "string" }) &&
    (adapter === undefined ||
      (hasTypes(adapter, { blob: "string", rank: "number", loraAlpha: "number", targets: "string" }) &&
        isBlobName(adapter.blob))) &&
    Array.isArray(concepts) &&
    concepts.every(
      (concept: unknown) =>
        hasTypes(concept, { name: "string", token: "string", classNoun: "string", vectors: "number" }) &&
        isBlobName(concept.embedding) &&
        isRecord(concept.training),
    )
  );
}

/** Blob names come from a file that people can edit: anything but a hash could lead out of the folder. */
function isBlobName(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function hasTypes(
  value: unknown,
  types: Readonly<Record<string, "string" | "number">>,
): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && Object.entries(types).every(([key, type]) => typeof value[key] === type);
}
