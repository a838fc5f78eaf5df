/** @file SHA-256 of bytes and of files of any size, as 64 lower-case hexadecimal digits. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { describeReadError, statFile } from "./read-file.ts";

/** SHA-256 of bytes, or of a text in UTF-8. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
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
