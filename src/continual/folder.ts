/**
 * @file Folders that are made for a result, and that are gone again if there is none.
 */
import { mkdir, rmdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { KeepsakeError } from "../errors.ts";
import { describeWriteError } from "../io/atomic.ts";

/**
 * Makes a folder, and those above it, if need be.
 *
 * @returns a function that removes what was made, as far as it is empty
 * @throws KeepsakeError in one line if that is not possible
 */
export async function makeFolder(folder: string): Promise<() => Promise<void>> {
  const path = resolve(folder);
  const first = await makeMissing(path).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && (error.code === "EEXIST" || error.code === "ENOTDIR")) {
      const fault = "this path, or a part of it, is a file; choose another folder";
      throw new KeepsakeError("environment", `Cannot make the folder ${folder}: ${fault}.`, { cause: error });
    }
    throw describeWriteError(folder, error);
  });
  return async () => {
    if (first === undefined) return;
    for (let made = path; ; made = dirname(made)) {
      const isRemoved = await rmdir(made).then(
        () => true,
        () => false,
      );
      if (!isRemoved || made === resolve(first)) return;
    }
  };
}

/**
 * What `mkdir` with `recursive` does, but it comes to an end where the system says "not found" for a folder whose parent exists, as in /proc: there
 * Node's own never does.
 *
 * @returns the topmost folder that was made
 */
async function makeMissing(path: string): Promise<string | undefined> {
  const isCode = (error: unknown, code: string) => error instanceof Error && "code" in error && error.code === code;
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    if (isCode(error, "EEXIST") && (await stat(path)).isDirectory()) return undefined;
    if (!isCode(error, "ENOENT") || dirname(path) === path) throw error;
  }
  const first = await makeMissing(dirname(path));
  await mkdir(path);
  return first ?? path;
}
