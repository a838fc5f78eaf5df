/**
 * @file Loaded into a process, stands before each change that it makes to a disk, and once more where content is half
 * written. With DIE_AT_WRITE=n it kills the process (SIGKILL) at the n-th. With COPY_AT_WRITES,
 * `{ "from": folder, "to": folder }`, it copies `from`, if that is there, to a folder 1, 2, ... in `to`: what a kill
 * would have left each time.
 */
import { cpSync, existsSync, mkdirSync } from "node:fs";
import fs from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const deadly = Number(process.env.DIE_AT_WRITE);
const copies = JSON.parse(process.env.COPY_AT_WRITES ?? "null") as { from: string; to: string } | null;
let writes = 0;

function stand(): void {
  writes += 1;
  if (writes === deadly) die();
  if (copies === null) return;
  const copy = `${copies.to}/${writes}`;
  if (existsSync(copies.from)) cpSync(copies.from, copy, { recursive: true, preserveTimestamps: true });
  else mkdirSync(copy, { recursive: true });
}

function die(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal is delivered at the next switch to the kernel at the latest.
  for (;;);
}

for (const name of ["mkdir", "rmdir", "rm", "rename", "link", "writeFile"] as const) {
  const original = fs[name] as (...args: unknown[]) => Promise<unknown>;
  Reflect.set(fs, name, (...args: unknown[]) => {
    stand();
    return original(...args);
  });
}

const open = fs.open;
fs.open = async (path, flags, mode) => {
  if (flags === "r") return open(path, flags, mode);
  stand();
  const handle = await open(path, flags, mode);
  const write = handle.writeFile.bind(handle);
  const inHalves: FileHandle["writeFile"] = async (data, options) => {
    const bytes = Buffer.from(data as Uint8Array);
    const half = bytes.length >> 1;
    await write(bytes.subarray(0, half), options);
    stand();
    await write(bytes.subarray(half), options);
  };
  handle.writeFile = inHalves;
  return handle;
};
syncBuiltinESMExports();
