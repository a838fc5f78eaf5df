/**
 * @file Where the bytes of a picture come from: a file, or memory, as an upload or another program brings them.
 */
import { KeepsakeError } from "../../errors.ts";
import { readBeginning, readWholeFile } from "../read-file.ts";

/** A picture's file that lies in memory. */
export interface ImageInMemory {
  /** For messages, such as `IMG_1.jpg`. */
  readonly name: string;
  /** What the file would hold: JPEG, PNG, HEIC, ... */
  readonly bytes: Uint8Array;
}

/** A path, or a file in memory. */
export type ImageSource = string | ImageInMemory;

/** How messages call a picture. */
export function nameOf(source: ImageSource): string {
  return typeof source === "string" ? source : source.name;
}

/**
 * All bytes of a picture.
 *
 * @param maxSize - in bytes
 * @throws KeepsakeError in one line that names the file, also if it is larger than `maxSize`
 */
export async function readSource(source: ImageSource, maxSize: number): Promise<Uint8Array> {
  if (typeof source === "string") return readWholeFile(source, maxSize);
  const { name, bytes } = source;
  if (bytes.byteLength <= maxSize) return bytes;
  const [megabytes, limit] = [bytes.byteLength, maxSize].map((size) => Math.ceil(size / 1e6));
  throw new KeepsakeError("input", `${name} has ${megabytes} MB; the limit is ${limit} MB.`);
}

/** The first bytes of a picture. @throws KeepsakeError in one line that names the file if it cannot be read */
export async function beginningOf(source: ImageSource, size: number): Promise<Uint8Array> {
  return typeof source === "string" ? readBeginning(source, size) : source.bytes.subarray(0, size);
}
