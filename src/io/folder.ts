/**
 * @file Folders that are made for a result, and that are gone again if there is none; and whether there is anything at
 * a path.
 */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { KeepsakeError } from "../errors.ts";
import { describeWriteError } from "./atomic.ts";

/**
 * Makes a folder, and those above it, if need be. (Node's own `recursive: true` never ends below /proc and the like.)
 *
 * @param mode - permissions of the folder itself if it is made, whatever the umask. Default: what the umask leaves
 * @returns a function that removes what was made, as far as it is empty
 * @throws KeepsakeError in one line if that is not possible
 */
export async function makeFolder(folder: string, mode?: number): Promise<() => Promise<void>> {
  const made: string[] = [];
  const undo = async () => {
    for (const path of made.reverse()) await rmdir(path).catch(() => undefined);
  };
  try {
    const missing = await missingFolders(folder);
    for (const path of missing) await mkdir(path).then(() => made.push(path), ignoreExisting);
    const [last] = made.slice(-1);
    // Disks without permissions (exFAT) refuse to set any.
    if (mode !== undefined && last !== undefined && last === missing.at(-1))
      await chmod(last, mode).catch(() => undefined);
  } catch (error) {
    await undo();
    if (isCode(error, "ENOENT")) {
      const fault = "the system does not allow it";
      throw new KeepsakeError("environment", `Cannot make the folder ${folder}: ${fault}; ${advice}.`, {
        cause: error,
      });
    }
    throw describeWriteError(folder, error);
  }
  return undo;
}

/**
 * Finds out whether files can be written in a folder, by writing one: asking for permissions does not tell for every
 * disk.
 *
 * @throws KeepsakeError in one line if they cannot
 */
export async function checkWritable(folder: string): Promise<void> {
  const probe = join(folder, `.keepsake-${randomBytes(8).toString("hex")}.tmp`);
  try {
    await writeFile(probe, "", { flag: "wx" });
    await rm(probe);
  } catch (error) {
    if (isCode(error, "ENOENT")) {
      throw new KeepsakeError("environment", `Cannot write in ${folder}: the system does not allow it; ${advice}.`, {
        cause: error,
      });
    }
    throw describeWriteError(folder, error);
  }
}

/**
 * Makes the folders of files that are to be written, and finds out whether they can be: before hours of work, not
 * after.
 *
 * @returns a function that removes folders that were made and are empty
 * @throws KeepsakeError in one line if a file cannot be written
 */
export async function makeWritable(files: readonly string[]): Promise<() => Promise<void>> {
  const undo: (() => Promise<void>)[] = [];
  const undoAll = async () => {
    for (const step of undo.reverse()) await step();
  };
  for (const file of files) {
    const found = await stat(file).catch((error: unknown) => {
      // The folder may be fine, and a short name for a trial fit: only the file itself tells.
      if (isCode(error, "ENAMETOOLONG")) throw describeWriteError(file, error);
    });
    if (found?.isDirectory()) throw new KeepsakeError("input", `${file} is a folder: give the name of a file.`);
  }
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    try {
      undo.push(await makeFolder(folder));
      await checkWritable(folder);
    } catch (error) {
      await undoAll();
      throw error;
    }
  }
  return undoAll;
}

const advice = "choose another folder";

/** The folders that are to be made, from the outermost to `folder` itself. */
async function missingFolders(folder: string): Promise<string[]> {
  const missing: string[] = [];
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) return missing;
    if (found !== undefined) {
      const fault = "this path, or a part of it, is a file";
      throw new KeepsakeError("environment", `Cannot make the folder ${folder}: ${fault}; ${advice}.`);
    }
    if (path === dirname(path)) return missing;
    missing.unshift(path);
  }
}

/** Another process may have made it just now. */
function ignoreExisting(error: unknown): void {
  if (!isCode(error, "EEXIST")) throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Whether there is anything at a path that can be seen. */
export function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
