/** @file Using an open file so that it is closed whatever happens. */
import type { FileHandle } from "node:fs/promises";

/**
 * Uses a file, then closes it. If both fail, the error of the use is thrown: that of closing only follows from it.
 *
 * @throws also if only closing fails: some network drives report there what could not be written
 */
export async function closeAfter<T>(handle: FileHandle, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await use(handle);
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
  await handle.close();
  return result;
}
