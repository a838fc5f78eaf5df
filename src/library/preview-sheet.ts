/**
 * @file Where the sheet of previews of a library lies. It is a picture for people and no part of the library: commands that read the library never read it.
 */
import { basename, join, resolve } from "node:path";

/** Beside the library's folder, unless another file is named: `keepsake-library.previews.png`. */
export function previewSheetOf(library: string): string {
  return join(library, "..", `${basename(resolve(library))}.previews.png`);
}
