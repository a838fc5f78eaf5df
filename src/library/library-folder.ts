/**
 * @file The folder of a library: made and locked for a change, and never one that is in use for something else.
 */
import { chmod, readdir } from "node:fs/promises";
import type { Dirent } from "node:fs";
import { join } from "node:path";
import { KeepsakeError } from "../errors.ts";
import { describeWriteError, removeFile } from "../io/atomic.ts";
import { describeReadError } from "../io/read-file.ts";
import { makeFolder } from "../io/folder.ts";
import { BlobStore } from "./blobs.ts";
import { lockFolder, type LockOptions } from "./lock/lock.ts";
import { readOwner } from "./lock/lock-owner.ts";
import { readManifest } from "./manifest/manifest.ts";
import { isForeign, isLeftover } from "./names.ts";
import { PRIVATE_FOLDER } from "./permissions.ts";
import { readSnapshot } from "./run/run-snapshot.ts";

/**
 * Makes the folder if need be, takes its lock, and clears what a killed process may have left half-written.
 *
 * @returns a function that gives the lock back, and removes the folder again if it was made and is empty; it never
 *   fails
 * @throws KeepsakeError if the folder holds something else or cannot be written, or another process is at work in it
 */
export async function lockLibrary(
  folder: string,
  command: string,
  options: LockOptions = {},
): Promise<() => Promise<void>> {
  const isNew = await isToBeLibrary(folder);
  const removeIfEmpty = await makeFolder(folder, PRIVATE_FOLDER);
  let unlock = async () => {};
  const giveBack = async () => {
    await unlock();
    await removeIfEmpty();
  };
  try {
    unlock = await lockFolder(folder, command, options);
    // Disks without permissions (exFAT) refuse to set any, and the folder may be somebody else's.
    if (isNew) await chmod(folder, PRIVATE_FOLDER).catch(() => undefined);
    for (const entry of await entriesOf(folder)) {
      if (entry.isFile() && isLeftover(entry.name)) await removeFile(join(folder, entry.name));
    }
    return giveBack;
  } catch (error) {
    await giveBack();
    throw describeWriteError(folder, error);
  }
}

/**
 * Looks at a folder before anything in it is touched.
 *
 * @returns whether there is no library yet
 * @throws KeepsakeError if there is something else, or a library that cannot be changed
 */
async function isToBeLibrary(folder: string): Promise<boolean> {
  await new BlobStore(folder).check();
  if ((await readManifest(folder)) !== undefined) return false;
  for (const entry of await entriesOf(folder)) {
    if (await isOurs(folder, entry)) continue;
    const fault = `${folder} holds no library, but other files (${JSON.stringify(entry.name)})`;
    throw new KeepsakeError("state", `${fault}; choose a new or an empty folder.`);
  }
  return true;
}

/** Whether something in a folder without a manifest was left there by a first run that was stopped. */
async function isOurs(folder: string, entry: Dirent): Promise<boolean> {
  const { name } = entry;
  if (name === "lock") return (await readOwner(join(folder, name))) !== undefined;
  if (name === "blobs") return isOfKilledRun(folder);
  if (name === "run.safetensors") {
    return readSnapshot(folder).then(
      (snapshot) => snapshot !== undefined,
      () => false,
    );
  }
  return !isForeign(name) || (entry.isFile() && isLeftover(name));
}

/** Blobs without a manifest and without the lock of a killed process may be all that is left of somebody's library. */
async function isOfKilledRun(folder: string): Promise<boolean> {
  const { unneeded, foreign } = await new BlobStore(folder).others(new Set());
  if (foreign.length > 0) return false;
  return unneeded.length === 0 || (await readOwner(join(folder, "lock"))) !== undefined;
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    const isMissing =
      error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
    if (isMissing) return [];
    throw describeReadError(folder, error);
  });
}
