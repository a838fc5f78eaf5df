/**
 * @file The manifest of a library: the small file that says which blobs the current state is made of. It is replaced
 * atomically, so a library is always in the state before a change or in the state after it.
 */
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { readJson } from "../../io/json.ts";
import { isConceptName, tokenOf } from "../concept-name.ts";
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

/** How the last concept was kept from harming the earlier ones. */
export interface StrategyEntry {
  readonly name: string;
  readonly options: Readonly<Record<string, number | string | boolean>>;
  /** Blob of the tensors that the strategy keeps for the next concept; absent if it keeps none. */
  readonly memory?: string;
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
  /** Absent if the last concept was learned without one. */
  readonly strategy?: StrategyEntry;
  readonly concepts: readonly ConceptEntry[];
}

/** Where the manifest of a library is. */
export function manifestPath(folder: string): string {
  return join(folder, "library.json");
}

/**
 * Reads the manifest of a library.
 *
 * @returns undefined if the folder has none
 * @throws KeepsakeError if it is damaged or was written by a later version
 */
export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = manifestPath(folder);
  let json: unknown;
  try {
    json = await readJson(path);
  } catch (error) {
    if (!(error instanceof KeepsakeError)) throw error;
    const { cause } = error;
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code !== undefined) throw error;
    throw damaged(path, "it is not JSON");
  }
  if (!isRecord(json) || json.format !== "keepsake-library") {
    throw new KeepsakeError("state", `${path}: this is not the manifest of a Keepsake library; choose another folder.`);
  }
  const { version } = json;
  if (typeof version === "number" && version > 1) {
    const fault = `version ${version} of the format was written by a later Keepsake`;
    throw new KeepsakeError("state", `${path}: ${fault}; update Keepsake to use this library.`);
  }
  if (version !== 1) throw damaged(path, "the version is missing");
  if (!isManifest(json)) throw damaged(path, "entries are missing or have impossible values");
  const names = json.concepts.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw damaged(path, "two concepts have the same name");
  return json;
}

/** Replaces the manifest: the moment at which a change of the library becomes real. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeFileAtomic(manifestPath(folder), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

function damaged(path: string, fault: string): KeepsakeError {
  return new KeepsakeError("state", `${path}: the manifest is damaged (${fault}); restore the library from a backup.`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isManifest(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, unknown>> & Manifest {
  const { model, adapter, strategy, concepts } = value;
  return (
    hasTypes(model, { folder: "string", fingerprint: "string" }) &&
    Array.isArray(concepts) &&
    concepts.every(isConcept) &&
    (adapter === undefined ? concepts.length === 0 : isAdapter(adapter)) &&
    (strategy === undefined || isStrategy(strategy))
  );
}

function isAdapter(value: unknown): boolean {
  return (
    hasTypes(value, { rank: "number", loraAlpha: "number", targets: "string" }) &&
    isBlobName(value.blob) &&
    isCount(value.rank) &&
    Number(value.loraAlpha) > 0
  );
}

function isStrategy(value: unknown): boolean {
  return (
    hasTypes(value, { name: "string" }) &&
    isRecord(value.options) &&
    Object.values(value.options).every((option) => ["number", "string", "boolean"].includes(typeof option)) &&
    (value.memory === undefined || isBlobName(value.memory))
  );
}

function isConcept(value: unknown): boolean {
  return (
    hasTypes(value, { name: "string", token: "string", classNoun: "string" }) &&
    isConceptName(String(value.name)) &&
    value.token === tokenOf(String(value.name)) &&
    isCount(value.vectors) &&
    isBlobName(value.embedding) &&
    isRecord(value.training)
  );
}

/** Blob names come from a file that people can edit: anything but a hash could lead out of the folder. */
function isBlobName(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function hasTypes(
  value: unknown,
  types: Readonly<Record<string, "string" | "number">>,
): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && Object.entries(types).every(([key, type]) => typeof value[key] === type);
}
