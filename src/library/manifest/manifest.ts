/**
 * @file The manifest of a library: the small file that says which blobs the current state and the other ones that are
 * kept are made of. It is replaced atomically, so a library is always in the state before a change or in the state
 * after it.
 */
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { MAX_JSON_SIZE, readJson } from "../../io/json.ts";
import { isObject, MAX_ENTRIES, type JsonObject } from "./manifest-checks.ts";
import { fromVersion1, fromVersion2, fromVersion3 } from "./manifest-versions.ts";
import { permissionsIn } from "../permissions.ts";
import {
  emptyState,
  timesTaught,
  type Again,
  type ConceptEntry,
  type LibraryModel,
  type LibraryState,
} from "./state.ts";
import { shortened, statesOf, withNewState, withoutRepeats, type OtherStates, type Timeline } from "./timeline.ts";

/** How many states are kept beside the current one unless the library says otherwise. */
export const DEFAULT_KEEP = 3;

/** Since version 2 earlier states are kept, since version 3 later ones, whose blobs an older Keepsake would delete. */
const VERSION = 3;

/** The current state stands in it as it is, beside what belongs to the library as a whole. */
export interface Manifest extends LibraryState, OtherStates {
  readonly format: "keepsake-library";
  readonly version: typeof VERSION;
  readonly model: LibraryModel;
  /** How many states are kept beside the current one; those that differ in names alone do not count. */
  readonly keep: number;
}

/** Where the manifest of a library is. */
export function manifestPath(folder: string): string {
  return join(folder, "library.json");
}

/** The manifest of a library without a concept. */
export function emptyManifest(model: LibraryModel, keep: number): Manifest {
  const current = emptyState({ kind: "begun" });
  return manifestOf({ model, keep }, { current, earlier: [], later: [], aside: [] });
}

/** The manifest of a library with these states. */
export function manifestOf({ model, keep }: Pick<Manifest, "model" | "keep">, timeline: Timeline): Manifest {
  const { current, earlier, later, aside } = timeline;
  return { format: "keepsake-library", version: VERSION, model, keep, ...current, earlier, later, aside };
}

/** The states of a manifest in time. */
export function timelineOf(manifest: Manifest): Timeline {
  const { earlier, later, aside } = manifest;
  return { current: currentState(manifest), earlier, later, aside };
}

/** Every state that a manifest holds, the current one first. */
export function allStates(manifest: Manifest): LibraryState[] {
  return statesOf(timelineOf(manifest));
}

/** The manifest after a change that made a new state; states go if they are too many. */
export function successor(manifest: Manifest, next: LibraryState): Manifest {
  const { model, keep } = manifest;
  const timeline = withoutRepeats(withNewState(timelineOf(manifest), next), model.fingerprint);
  return manifestOf(manifest, shortened(timeline, keep));
}

/** The current state of a manifest alone. */
export function currentState({ change, adapter, strategy, concepts }: LibraryState): LibraryState {
  return { change, adapter, strategy, concepts };
}

/** The last training run of a library. */
export interface LastLearning {
  /** The concept that was taught, as it is now. */
  readonly concept: ConceptEntry;
  /** What became of it, if the library knew it before. */
  readonly again?: Again | undefined;
  /** On which it was taught. */
  readonly before: LibraryState;
}

/**
 * The training run that made the current state.
 *
 * @returns undefined if the state before it is not kept, or the current state was not made by learning
 */
export function lastLearning(manifest: Manifest): LastLearning | undefined {
  const { change, concepts, earlier, later, aside } = manifest;
  if (change.kind !== "learned") return undefined;
  const { concept: name, again } = change;
  const concept = concepts.find((each) => each.name === name);
  if (concept === undefined) return undefined;
  const othersOf = (state: LibraryState) => JSON.stringify(state.concepts.filter((each) => each.name !== name));
  const others = othersOf(manifest);
  // Several states may have the same concepts; the nearest one comes first.
  const before = [...earlier, ...later, ...aside].find((state) => {
    const was = state.concepts.find((each) => each.name === name);
    return othersOf(state) === others && isBefore(was, concept, again);
  });
  return before && { concept, again, before };
}

/** Whether a concept may have become what it is now by one training run. @param was - undefined: it was not known */
function isBefore(was: ConceptEntry | undefined, is: ConceptEntry, again: Again | undefined): boolean {
  if (again === undefined || was === undefined) return again === undefined && was === undefined;
  return again === "more" ? timesTaught(was) === timesTaught(is) - 1 : was.embedding !== is.embedding;
}

/** The manifest as it stands in its file. The same manifest gives the same bytes. */
export function serializeManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/**
 * Replaces the manifest: the moment at which a change of the library becomes real.
 *
 * @throws KeepsakeError as {@link checkManifest}, before anything is written
 */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  checkManifest(folder, manifest);
  await writeFileAtomic(manifestPath(folder), serializeManifest(manifest), await permissionsIn(folder));
}

/**
 * A manifest that could not be read again would be the end of its library.
 *
 * @throws KeepsakeError if {@link readManifest} would not take it: it has grown too large, or a value in it is
 *   impossible
 */
export function checkManifest(folder: string, manifest: Manifest): void {
  const text = serializeManifest(manifest);
  const { earlier, later, aside } = manifest;
  const isLong = [earlier, later, aside].some((states) => states.length > MAX_ENTRIES);
  if (isLong || Buffer.byteLength(text) > MAX_JSON_SIZE) {
    const fault = `${manifestPath(folder)}: with this change the file would be too large to be read again`;
    const advice = 'keep fewer states with "keepsake history --keep"';
    throw new KeepsakeError("state", `${fault}, so nothing has been changed; ${advice}.`);
  }
  const json: unknown = JSON.parse(text);
  const read = isObject(json) ? parseManifest(json) : { fault: "it is no object" };
  if (!("fault" in read)) return;
  const fault = `${manifestPath(folder)}: with this change the file could not be read again (${read.fault})`;
  throw new KeepsakeError("usage", `${fault}, so nothing has been changed; choose other settings.`);
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
  const manifest = parseManifest(json);
  if ("fault" in manifest) throw damaged(path, manifest.fault);
  return manifest;
}

/** What a manifest of any version says, or what is wrong with it. */
function parseManifest(json: JsonObject): Manifest | { readonly fault: string } {
  const { version } = json;
  const read = version === 1 ? fromVersion1 : version === 2 ? fromVersion2 : fromVersion3;
  if (version !== 1 && version !== 2 && version !== VERSION) return { fault: "the version is missing" };
  const content = read(json);
  if (content === undefined) return { fault: "entries are missing or have impossible values" };
  const manifest = manifestOf({ model: content.model, keep: content.keep ?? DEFAULT_KEEP }, content.timeline);
  for (const { concepts } of allStates(manifest)) {
    const names = concepts.map(({ name }) => name);
    if (new Set(names).size !== names.length) return { fault: "two concepts have the same name" };
  }
  return manifest;
}

/**
 * Uses values of a manifest where only the model or a strategy can tell whether they are possible.
 *
 * @throws KeepsakeError ("state") that names the manifest, in place of one ("usage") that would blame the command
 */
export function withValuesOf<T>(folder: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof KeepsakeError && error.kind === "usage")) throw error;
    throw damaged(manifestPath(folder), error.message.replace(/\.$/, ""));
  }
}

function damaged(path: string, fault: string): KeepsakeError {
  return new KeepsakeError("state", `${path}: the manifest is damaged (${fault}); restore the library from a backup.`);
}
