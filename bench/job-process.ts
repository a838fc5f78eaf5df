/**
 * @file A job in a process of its own, whose memory is watched: the process gets the job as JSON, and answers with one
 * message.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { MemoryWatch, type MemoryPeaks } from "./memory-watch.ts";

/**
 * @param file - the process's, beside this one
 * @param read - its message as what it is
 * @throws Error if the process ends without an answer
 */
export function runJob<Result>(
  file: string,
  job: unknown,
  read: (message: unknown) => Result,
): Promise<{ readonly result: Result; readonly peaks: MemoryPeaks }> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(job)]);
    const watch = new MemoryWatch(child.pid ?? 0);
    child.on("message", (message) => {
      resolve({ result: read(message), peaks: watch.stop() });
      child.disconnect();
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      watch.stop();
      // Without effect after a result.
      reject(new Error(`the process ended with ${signal ?? `exit code ${code ?? 0}`}`));
    });
  });
}
