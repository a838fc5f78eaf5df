/**
 * @file Which library may have been meant by a folder that is none.
 */
import { readdir, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { KeepsakeError } from "../errors.ts";
import { manifestPath } from "./manifest/manifest.ts";

const MOST_SHOWN = 3;
/** Folders that are looked into; a home folder may hold thousands. */
const MOST_LOOKED_INTO = 200;

/** The error for a folder in which there is no library. It names libraries beside, above and below it. */
export async function noLibrary(folder: string): Promise<KeepsakeError> {
  const found = await librariesNear(folder);
  const advice =
    found.length === 0 ? `"keepsake init" or "keepsake learn" makes one` : `did you mean ${found.join(" or ")}?`;
  return new KeepsakeError("state", `${folder}: no library here yet; ${advice}`.replace(/[^?]$/, "$&."));
}

async function librariesNear(folder: string): Promise<string[]> {
  const here = resolve(folder);
  const above = dirname(here);
  const candidates = [...(await foldersIn(here)), above, ...(await foldersIn(above))].filter((path) => path !== here);
  const found: string[] = [];
  for (const path of candidates) {
    if (found.length < MOST_SHOWN && (await isFile(manifestPath(path)))) found.push(path);
  }
  // As a person would type it.
  return found.map((path) => (folder === here ? path : relative(".", path) || "."));
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  return folders.slice(0, MOST_LOOKED_INTO).map((entry) => join(folder, entry.name));
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
