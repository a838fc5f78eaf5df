/**
 * @file The page cache, warmed: times are then those of a start whose weights have been read before, whatever was read
 * last.
 */
import { createReadStream } from "node:fs";
import { finished } from "node:stream/promises";

export async function readOnce(files: readonly string[]): Promise<void> {
  for (const file of files) await finished(createReadStream(file, { highWaterMark: 1 << 24 }).resume());
}
