/**
 * @file How a library that exists is changed, whatever the change: one writer at a time, on a folder that has been
 * cleared of what a killed process may have left.
 */
import { Library } from "./library.ts";
import { lockLibrary } from "./library-folder.ts";
import type { LockOptions } from "./lock/lock.ts";
import { deleteEndedSnapshot } from "./run/run-snapshot.ts";

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
