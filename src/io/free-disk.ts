/**
 * @file How much room a disk has.
 */
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Bytes that can be written to the disk of a path, which need not exist; undefined where the system does not say. */
export async function freeDisk(path: string): Promise<number | undefined> {
  let folder = resolve(path);
  for (;;) {
    const found = await statfs(folder).catch(() => undefined);
    if (found !== undefined) return found.bavail * found.bsize;
    const above = dirname(folder);
    if (above === folder) return undefined;
    folder = above;
  }
}
