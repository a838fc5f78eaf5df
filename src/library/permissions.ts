/**
 * @file Who may read a library: its owner alone, unless the owner opens the folder to others. What is written in it
 * follows.
 */
import { stat } from "node:fs/promises";
import type { WriteOptions } from "../io/atomic.ts";

/** Of the folder of a new library, whatever the umask. */
export const PRIVATE_FOLDER = 0o700;

/** What a file in a library's folder is written with: those who may look into the folder may read it. */
export async function permissionsIn(folder: string): Promise<Required<WriteOptions>> {
  return { mode: 0o600 | ((await modeOf(folder)) & 0o066) };
}

/** As {@link permissionsIn}, of a folder in it. */
export async function folderPermissionsIn(folder: string): Promise<number> {
  return PRIVATE_FOLDER | ((await modeOf(folder)) & 0o077);
}

async function modeOf(folder: string): Promise<number> {
  return stat(folder).then(
    ({ mode }) => mode,
    () => PRIVATE_FOLDER,
  );
}
