/**
 * @file How a library that exists is changed, whatever the change: one writer at a time, on a folder that has been cleared of
 * what a killed process may have left, and never under an unfinished run.
 */
import { KeepsakeError } from "../../errors.ts";
import { Library } from "./library.ts";
import { lockLibrary } from "./library-folder.ts";
import type { LockOptions } from "./lock.ts";
import { deleteEndedSnapshot, readSnapshot } from "./run-snapshot.ts";

/**
 * Takes the lock of a library, has it changed, and gives the lock back.
 *
 * @param what - the change in words, for a process that finds the library in use
 * @throws KeepsakeError if there is no library, or another process is at work in it
 */
export async function changeLibrary<T>(
  folder: string,
  what: string,
  change: (library: Library) => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  // Before the lock, which would make the folder.
  await Library.open(folder);
  const unlock = await lockLibrary(folder, what, options);
  try {
    const library = await Library.open(folder);
    await library.prune();
    await deleteEndedSnapshot(library);
    return await change(library);
  } finally {
    await unlock();
  }
}

/**
 * A run goes on from the very state on which it was begun. Were that state replaced, hours of training could not be gone on with.
 *
 * @throws KeepsakeError if the library holds an unfinished run, or a damaged one
 */
export async function refuseUnfinishedRun(library: Library): Promise<void> {
  const snapshot = await readSnapshot(library.folder);
  if (snapshot === undefined) return;
  const { concept = "?" } = snapshot.identity;
  const run = `${library.folder} holds an unfinished run of "${concept}" (step ${snapshot.step})`;
  const advice = `repeat its command to finish it, or give it up with "keepsake forget ${concept}"`;
  throw new KeepsakeError("state", `${run}: ${advice}.`);
}
