/**
 * @file Where the sheet of previews of a library lies. It is a picture for people and no part of the library: commands
 * that read the library never read it.
 */
import { lstat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { removeFile } from "../io/atomic.ts";
import { carriesMark } from "../io/images/image.ts";

/** Beside the library's folder, unless another file is named: `keepsake-library.previews.png`. */
export function previewSheetOf(library: string): string {
  return join(library, "..", `${basename(resolve(library))}.previews.png`);
}

/**
 * Deletes the sheet beside a library. Only a file that Keepsake drew is one: whatever else has its name is somebody's.
 *
 * @returns the path of what was left; undefined if nothing is there any more
 * @throws KeepsakeError if the sheet cannot be deleted
 */
export async function deletePreviewSheet(library: string): Promise<string | undefined> {
  const file = previewSheetOf(library);
  const status = await lstat(file).catch(() => undefined);
  if (status === undefined) return undefined;
  const isSheet = status.isFile() && (await carriesMark(file).catch(() => false));
  if (!isSheet) return file;
  await removeFile(file);
  return undefined;
}
