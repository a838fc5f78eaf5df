/**
 * @file One pull of a model at a time: the second one waits, and then finds what the first has downloaded. The lock
 * lies in the cache's `.locks`, under a name of Keepsake's own: huggingface_hub's locks (`flock`) are not to be had in
 * Node. What a Python tool downloads at the same time is safe all the same, see blob.ts.
 */
import { KeepsakeError } from "../errors.ts";
import { describeWriteError } from "../io/atomic.ts";
import { makeFolder } from "../io/folder.ts";
import { lockFolder, lockState } from "../library/lock/lock.ts";
import type { HubSettings } from "./settings.ts";

/** Between two looks at a lock that somebody else has, in milliseconds. */
const PAUSE = 500;

/**
 * Waits for the lock.
 *
 * @param onWait - hears once who is waited for
 * @returns a function that gives it back
 */
export async function lockModel(
  folder: string,
  model: string,
  { signal, wait }: HubSettings,
  onWait: (reason: string) => void,
): Promise<() => Promise<void>> {
  await makeFolder(folder);
  for (let isTold = false; ;) {
    try {
      return await lockFolder(folder, `pulling ${model}`, { signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof KeepsakeError) || error.kind !== "state") throw describeWriteError(folder, error);
      // It may have been given back since; what is no lock at all is thrown.
      const isFree = (await lockState(folder)) === "free";
      if (!isTold && !isFree) {
        isTold = true;
        onWait(error.message);
      }
      await wait(PAUSE, signal).catch(() => undefined);
      signal?.throwIfAborted();
    }
  }
}
