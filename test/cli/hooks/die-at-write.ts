/**
 * @file Loaded into a process, kills it (SIGKILL) at its n-th change of a disk; n is in DIE_AT_WRITE. Content that is being
 * written is then half there.
 */
import fs from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

let left = Number(process.env.DIE_AT_WRITE);

function count(): boolean {
  left -= 1;
  return left === 0;
}

function die(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal is delivered at the next switch to the kernel at the latest.
  for (;;);
}

for (const name of ["mkdir", "rmdir", "rm", "rename", "link", "writeFile"] as const) {
  const original = fs[name] as (...args: unknown[]) => Promise<unknown>;
  Reflect.set(fs, name, (...args: unknown[]) => (count() ? die() : original(...args)));
}

const open = fs.open;
fs.open = async (path, flags, mode) => {
  if (flags === "r") return open(path, flags, mode);
  if (count()) die();
  const handle = await open(path, flags, mode);
  const write = handle.writeFile.bind(handle);
  const dying: FileHandle["writeFile"] = async (data, options) => {
    if (!count()) return write(data, options);
    const bytes = Buffer.from(data as Uint8Array);
    await write(bytes.subarray(0, bytes.length >> 1));
    die();
  };
  handle.writeFile = dying;
  return handle;
};
syncBuiltinESMExports();
