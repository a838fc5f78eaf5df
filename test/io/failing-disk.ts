/**
 * @file Calls of the file system that fail as on some disks: Node's own functions are replaced until the test is done.
 */
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { onTestFinished } from "vitest";

type Call = "link" | "open" | "readFile" | "rename" | "rm" | "writeFile";

/** Has calls fail with an error code; `open` only for writing. */
export function failCalls(code: string, ...calls: Call[]): void {
  for (const call of calls) {
    const original = fs[call] as (...args: unknown[]) => Promise<unknown>;
    const failing = (...args: unknown[]) => {
      if (call === "open" && (args[1] === undefined || args[1] === "r")) return original(...args);
      return Promise.reject(Object.assign(new Error(`${code}: refused, ${call}`), { code, syscall: call }));
    };
    Reflect.set(fs, call, failing);
    onTestFinished(() => {
      Reflect.set(fs, call, original);
      syncBuiltinESMExports();
    });
  }
  syncBuiltinESMExports();
}
