/**
 * @file Going back to an earlier state of a library, bit for bit. An undo is a change like any other: the state that it
 * leaves is kept, and the next undo brings it back.
 */
import { KeepsakeError } from "../../errors.ts";
import { BlobStore } from "./blobs.ts";
import { changeLibrary, refuseUnfinishedRun } from "./change.ts";
import type { Library } from "./library.ts";
import { successor } from "./manifest.ts";
import { blobsOf, originOf, stateId, type Change, type LibraryState } from "./state.ts";

export interface UndoRequest {
  /** Folder of the library. */
  readonly library: string;
  /** Id of the state to go back to, or its first digits (at least 4). Default: the state that was left last. */
  readonly to?: string;
}

export interface UndoResult {
  /** False if the library was in the state that was asked for. */
  readonly changed: boolean;
  /** Id of the state that the library is in now. */
  readonly state: string;
  /** What first made that state. */
  readonly change: Change;
  /** The concepts that the library knows now. */
  readonly concepts: readonly string[];
}

/**
 * Goes back to an earlier state that is kept: adapter, strategy's memory and tokens are what they were, to the byte. Without
 * `to`, two undos in a row end where they began; with it, any kept state can be reached, and a repeated call changes nothing.
 *
 * @throws KeepsakeError if there is no such state, a part of it is missing or damaged, or a run is unfinished
 */
export async function undo({ library: folder, to }: UndoRequest): Promise<UndoResult> {
  return changeLibrary(folder, "undoing a change", async (library) => {
    const target = to === undefined ? lastLeft(library) : findState(library, to);
    const { fingerprint } = library.manifest.model;
    const changed = stateId(fingerprint, target) !== library.stateId;
    if (changed) {
      await refuseUnfinishedRun(library);
      // Better to find out now than to leave a state that is whole for one that is not.
      const blobs = new BlobStore(folder);
      for (const name of blobsOf(target)) await blobs.open(name);
      const change: Change = { kind: "undo", to: originOf(target.change) };
      await library.replace(successor(library.manifest, { ...target, change }));
    }
    return {
      changed,
      state: stateId(fingerprint, target),
      change: originOf(target.change),
      concepts: target.concepts.map(({ name }) => name),
    };
  });
}

function lastLeft({ folder, manifest }: Library): LibraryState {
  const [last] = manifest.earlier;
  if (last !== undefined) return last;
  const why = manifest.keep === 0 ? ' (more are kept with "keepsake history --keep")' : "";
  throw new KeepsakeError("state", `${folder} keeps no earlier state to go back to${why}.`);
}

function findState({ folder, manifest }: Library, id: string): LibraryState {
  if (!/^[0-9a-f]{4,64}$/.test(id)) {
    throw new KeepsakeError("usage", `"${id}" is no state: give at least 4 digits of an id from "keepsake history".`);
  }
  const states = [manifest, ...manifest.earlier];
  const found = states.filter((state) => stateId(manifest.model.fingerprint, state).startsWith(id));
  const [state] = found;
  if (state !== undefined && found.length === 1) return state;
  if (state !== undefined) throw new KeepsakeError("usage", `"${id}" begins several states; give more digits.`);
  throw new KeepsakeError("state", `${folder} keeps no state ${id}; "keepsake history" lists those that are kept.`);
}
