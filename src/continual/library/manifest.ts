/**
 * @file The manifest of a library: the small file that says which blobs the current state and the kept earlier ones are made
 * of. It is replaced atomically, so a library is always in the state before a change or in the state after it.
 */
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { readJson } from "../../io/json.ts";
import { isContent, isKeepCount, isModel, isObject, isState, type JsonObject } from "./manifest-checks.ts";
import { emptyState, originOf, stateId, type LibraryState, type Origin } from "./state.ts";

/** How many earlier states are kept unless the library says otherwise. */
export const DEFAULT_KEEP = 3;

/** Since version 2 earlier states are kept, whose blobs an older Keepsake would delete. */
const VERSION = 2;

/** The current state stands in it as it is, beside what belongs to the library as a whole. */
export interface Manifest extends LibraryState {
  readonly format: "keepsake-library";
  readonly version: typeof VERSION;
  readonly model: {
    /** Folder of the checkpoint. */
    readonly folder: string;
    /** Identifies its configs and weights: an adapter fits no other model. */
    readonly fingerprint: string;
  };
  /** How many earlier states are kept. */
  readonly keep: number;
  /** Earlier states, the one that was left last first. No two states of a library are the same. */
  readonly earlier: readonly LibraryState[];
}

/** Where the manifest of a library is. */
export function manifestPath(folder: string): string {
  return join(folder, "library.json");
}

/** The manifest of a library without a concept. */
export function emptyManifest(model: Manifest["model"], keep: number): Manifest {
  return { format: "keepsake-library", version: VERSION, model, keep, ...emptyState({ kind: "begun" }), earlier: [] };
}

/** The manifest after a change: the current state becomes the first of the earlier ones, and the last ones go if they are too many. */
export function successor(manifest: Manifest, next: LibraryState): Manifest {
  const { format, version, model, keep } = manifest;
  const { fingerprint } = model;
  const id = stateId(fingerprint, next);
  const left = [currentState(manifest), ...manifest.earlier].filter((state) => stateId(fingerprint, state) !== id);
  return { format, version, model, keep, ...next, earlier: left.slice(0, keep) };
}

/** The current state of a manifest alone. */
export function currentState({ change, adapter, strategy, concepts }: LibraryState): LibraryState {
  return { change, ...(adapter && { adapter }), ...(strategy && { strategy }), concepts };
}

/**
 * The state on which the last concept of the current state was learned.
 *
 * @returns undefined if it is not kept, or the current state was not made by learning
 */
export function stateBeforeLearning(manifest: Manifest): LibraryState | undefined {
  if (originOf(manifest.change).kind !== "learned") return undefined;
  const before = JSON.stringify(manifest.concepts.slice(0, -1));
  // Several states may have the same concepts; the one that was left last comes first.
  return manifest.earlier.find(({ concepts }) => JSON.stringify(concepts) === before);
}

/** The manifest as it stands in its file. The same manifest gives the same bytes. */
export function serializeManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Replaces the manifest: the moment at which a change of the library becomes real. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeFileAtomic(manifestPath(folder), serializeManifest(manifest));
}

/**
 * Reads the manifest of a library, of this version or an earlier one.
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
    throw damaged(path, error.message.replace(path, "it").replace(/\.$/, ""));
  }
  if (!isObject(json) || json.format !== "keepsake-library") {
    throw new KeepsakeError("state", `${path}: this is not the manifest of a Keepsake library; choose another folder.`);
  }
  const { version } = json;
  if (typeof version === "number" && version > VERSION) {
    const fault = `version ${version} of the format was written by a later Keepsake`;
    throw new KeepsakeError("state", `${path}: ${fault}; update Keepsake to use this library.`);
  }
  if (version !== 1 && version !== VERSION) throw damaged(path, "the version is missing");
  const manifest = version === 1 ? fromVersion1(json) : fromVersion2(json);
  if (manifest === undefined) throw damaged(path, "entries are missing or have impossible values");
  for (const { concepts } of [manifest, ...manifest.earlier]) {
    const names = concepts.map(({ name }) => name);
    if (new Set(names).size !== names.length) throw damaged(path, "two concepts have the same name");
  }
  return manifest;
}

function fromVersion2({ model, keep, earlier, ...state }: JsonObject): Manifest | undefined {
  if (!isModel(model) || !isKeepCount(keep) || !isState(state)) return undefined;
  if (!Array.isArray(earlier) || !earlier.every(isState)) return undefined;
  return { ...emptyManifest(model, keep), ...currentState(state), earlier };
}

/** Version 1 kept no earlier states, and there was nothing but learning. */
function fromVersion1({ model, ...content }: JsonObject): Manifest | undefined {
  if (!isModel(model) || !isContent(content)) return undefined;
  const last = content.concepts.at(-1);
  const change: Origin = last === undefined ? { kind: "begun" } : { kind: "learned", concept: last.name };
  return { ...emptyManifest(model, DEFAULT_KEEP), ...currentState({ ...content, change }) };
}

function damaged(path: string, fault: string): KeepsakeError {
  return new KeepsakeError("state", `${path}: the manifest is damaged (${fault}); restore the library from a backup.`);
}
