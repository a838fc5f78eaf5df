/**
 * @file Going back to an earlier state of a library, bit for bit, and forward again. No state is lost on the way: undo
 * and redo change which one is the current.
 */
import { KeepsakeError } from "../errors.ts";
import { BlobStore } from "./blobs.ts";
import { changeLibrary } from "./change.ts";
import type { Library } from "./library.ts";
import { manifestOf, timelineOf } from "./manifest/manifest.ts";
import { blobsOf, stateId, type Change, type LibraryState } from "./manifest/state.ts";
import { at, statesOf, type Timeline } from "./manifest/timeline.ts";
import { refuseUnfinishedRun } from "./run/unfinished-run.ts";

export interface UndoRequest {
  /** Folder of the library. */
  readonly library: string;
  /** Id of the state to go to, or its first digits (at least 4). Default: the state before the current one. */
  readonly to?: string;
}

export interface RedoRequest {
  /** Folder of the library. */
  readonly library: string;
}

export interface UndoResult {
  /** False if the library was in the state that was asked for. */
  readonly changed: boolean;
  /** Id of the state that the library is in now. */
  readonly state: string;
  /** What made that state. */
  readonly change: Change;
  /** The concepts that the library knows now. */
  readonly concepts: readonly string[];
}

/**
 * Takes back the last change: adapter, strategy's memory and tokens are what they were before it, to the byte. A second
 * undo goes one change further back, {@link redo} comes forward again. With `to`, any state that is kept can be
 * reached; a repeated call then changes nothing.
 *
 * @throws KeepsakeError if there is no such state, a part of it is missing or damaged, or a run is unfinished
 */
export async function undo({ library: folder, to }: UndoRequest): Promise<UndoResult> {
  return changeLibrary(folder, "undoing a change", (library) => {
    const timeline = timelineOf(library.manifest);
    return goTo(library, timeline, to === undefined ? before(library, timeline) : findState(library, timeline, to));
  });
}

/**
 * Makes the change again that the last {@link undo} has taken back: the library is in the state after it, to the byte.
 *
 * @throws KeepsakeError if nothing is undone, a part of the state is missing or damaged, or a run is unfinished
 */
export async function redo({ library: folder }: RedoRequest): Promise<UndoResult> {
  return changeLibrary(folder, "redoing a change", (library) => {
    const timeline = timelineOf(library.manifest);
    const [next] = timeline.later;
    if (next !== undefined) return goTo(library, timeline, next);
    const advice = '"keepsake history" lists the states that are kept';
    throw new KeepsakeError("state", `${folder} has nothing to redo: no change is undone; ${advice}.`);
  });
}

async function goTo(library: Library, timeline: Timeline, target: LibraryState): Promise<UndoResult> {
  const { folder, manifest } = library;
  const state = stateId(manifest.model.fingerprint, target);
  const moved = at(timeline, target);
  const changed = moved !== timeline;
  if (changed) {
    await refuseUnfinishedRun(library);
    // Better to find out now than to leave a state that is whole for one that is not.
    const blobs = new BlobStore(folder);
    for (const name of blobsOf(target)) await blobs.open(name);
    await library.replace(manifestOf(manifest, moved));
  }
  return { changed, state, change: target.change, concepts: target.concepts.map(({ name }) => name) };
}

function before({ folder, manifest }: Library, { earlier, later }: Timeline): LibraryState {
  const [last] = earlier;
  if (last !== undefined) return last;
  const keep = manifest.keep === 0 ? ' (more are kept with "keepsake history --keep")' : "";
  const forward = later.length === 0 ? "" : '; "keepsake redo" goes forward';
  throw new KeepsakeError("state", `${folder} keeps no earlier state to go back to${keep}${forward}.`);
}

/** The state whose id begins so. @throws KeepsakeError if there is none, or more than one */
export function findState(
  { folder, manifest }: Pick<Library, "folder" | "manifest">,
  timeline: Timeline,
  id: string,
): LibraryState {
  if (!/^[0-9a-f]{4,64}$/.test(id)) {
    throw new KeepsakeError("usage", `"${id}" is no state: give at least 4 digits of an id from "keepsake history".`);
  }
  const idOf = (state: LibraryState) => stateId(manifest.model.fingerprint, state);
  const found = statesOf(timeline).filter((state) => idOf(state).startsWith(id));
  // The same state may stand on the line several times: the nearest one is as good as the others.
  const [state] = found;
  if (state !== undefined && new Set(found.map(idOf)).size === 1) return state;
  if (state !== undefined) throw new KeepsakeError("usage", `"${id}" begins several states; give more digits.`);
  throw new KeepsakeError("state", `${folder} keeps no state ${id}; "keepsake history" lists those that are kept.`);
}
