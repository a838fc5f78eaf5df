/** @file SHA-256 of arrays and of files of any size, as 64 lower-case hexadecimal digits. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { bytePieces, type ByteRange } from "./byte-pieces.ts";
import { describeReadError, statFile } from "./read-file.ts";

/** SHA-256 of the bytes of an array, or of a text in UTF-8. */
export function sha256(data: ByteRange | string): string {
  return sha256Pieces(typeof data === "string" ? [data] : bytePieces(data));
}

/** SHA-256 of what the pieces are together. */
export function sha256Pieces(pieces: Iterable<Uint8Array | string>): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}

/**
 * SHA-256 of a file, read in pieces.
 * @throws KeepsakeError in one line that names the file if it cannot be read.
 */
export async function sha256File(path: string): Promise<string> {
  await statFile(path);
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  } catch (error) {
    throw describeReadError(path, error);
  }
  return hash.digest("hex");
}
