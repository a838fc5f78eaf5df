/**
 * @file Where a picture that was drawn goes: what its file may be called, and what becomes of a file of that name.
 */
import { readFile, stat } from "node:fs/promises";
import { extname, sep } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { writeFileAtomic, writeNewFile } from "../atomic.ts";
import { carriesMark } from "./image.ts";
import { imageExtensions, otherImageExtensions } from "./image-format.ts";

/** Endings that nobody gives to a folder; what is written is none of it. */
const OTHER_FILES = ".pdf .eps .ai .ico .tga .jfi .exr .hdr .mp4 .mov .webm .apng .txt .json .zip .safetensors".split(
  " ",
);

/**
 * Whether a path that may be a folder or a picture names a picture. @throws KeepsakeError ("usage") if it names another
 * file
 */
export function isPngFile(path: string): boolean {
  if (path.endsWith("/") || path.endsWith(sep)) return false;
  const extension = extname(path).toLowerCase();
  if (extension === ".png") return true;
  const isOther =
    imageExtensions.has(extension) || otherImageExtensions.has(extension) || OTHER_FILES.includes(extension);
  if (isOther) throw notPng(path, "pictures are written as PNG");
  return false;
}

/**
 * @param what - "a picture", for the message. @throws KeepsakeError ("usage") for a name that says another format, or
 * none
 */
export function checkPngFile(path: string, what: string): void {
  if (extname(path).toLowerCase() !== ".png" || path.endsWith("/") || path.endsWith(sep)) {
    throw notPng(path, `${what} is written as PNG`);
  }
}

function notPng(path: string, rule: string): KeepsakeError {
  const stem = path.replace(/[/\\]+$/, "").slice(0, -extname(path).length || undefined);
  return new KeepsakeError("usage", `${path}: ${rule}; give a name that ends in .png, e.g. ${stem}.png.`);
}

/**
 * Makes sure that a picture takes the place of nothing but a picture that Keepsake drew: to be asked before it is
 * drawn.
 *
 * @throws KeepsakeError ("input") if the file, or what it links to, holds something else
 */
export async function checkReplaceable(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size === 0) return;
  if (await carriesMark(file)) return;
  const fault = `${file} holds something that Keepsake did not draw, and is not replaced`;
  throw new KeepsakeError("input", `${fault}; give another name, or move it away.`);
}

/** What is in the way of a file: the same content, something else, or nothing. */
export type Existing = "same" | "other" | "nothing";

/** Writes a file in place of what may be there. @returns what was there */
export async function replaceFile(file: string, data: Uint8Array): Promise<Existing> {
  const existing = await existingAt(file, data);
  if (existing !== "same") await writeFileAtomic(file, data);
  return existing;
}

/**
 * Writes a file beside those that are there: `x.png`, or `x-2.png`, `x-3.png` and so on where something else has the
 * name. The same content always gets the same name, as long as nobody takes files away.
 * @returns its name
 * @throws KeepsakeError in one line if it cannot be written
 */
export async function writeBeside(file: string, data: Uint8Array): Promise<string> {
  const extension = extname(file);
  const stem = file.slice(0, -extension.length || undefined);
  for (let number = 1; ; number++) {
    const name = number === 1 ? file : `${stem}-${number}${extension}`;
    if ((await writeNewFile(name, data)) || (await existingAt(name, data)) === "same") return name;
  }
}

async function existingAt(file: string, data: Uint8Array): Promise<Existing> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return "nothing";
  if (!found.isFile() || found.size !== data.length) return "other";
  const content = await readFile(file).catch(() => undefined);
  return content?.equals(data) === true ? "same" : "other";
}
