/**
 * @file What the files of drawn pictures are called.
 */
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { isPngFile } from "./picture-file.ts";

/**
 * Names for `count` pictures: `output` itself if it is a .png and there is one picture, else files in the folder
 * `output`. A name tells prompt, seed and number, and not every setting: pictures in a folder are best written `beside`
 * others.
 *
 * @throws KeepsakeError for several pictures in one file, or a file that is no PNG
 */
export function pictureFiles(output: string, prompt: string, seed: number | bigint, count: number): string[] {
  if (isPngFile(output)) {
    if (count === 1) return [output];
    throw new KeepsakeError("usage", `${count} pictures do not fit the one file ${output}; give a folder.`);
  }
  const words =
    prompt
      .normalize("NFC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const stem = beginning(words.join("-"), 60) || "picture";
  return Array.from({ length: count }, (_, index) => join(output, `${stem}-${seed}-${index}.png`));
}

/** As many whole characters as fit `most` bytes: file names have a limit in bytes. */
function beginning(text: string, most: number): string {
  let result = "";
  for (const character of text) {
    if (Buffer.byteLength(result + character) > most) break;
    result += character;
  }
  return result;
}
