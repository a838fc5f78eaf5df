/**
 * @file A process that takes the lock of a folder again and again, and says "two" and who when somebody else is inside
 * with it. With "no links" the disk has no hard links.
 */
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KeepsakeError } from "../../../src/errors.ts";

const [folder = "", links = ""] = process.argv.slice(2);
if (links === "no links") {
  fs.link = () => Promise.reject(Object.assign(new Error("refused"), { code: "EPERM", syscall: "link" }));
  syncBuiltinESMExports();
}
const { lockFolder } = await import("../../../src/library/lock/lock.ts");

/** Holds the number of the process that is inside. One that was killed leaves it there. */
const inside = join(folder, "inside");

/** @returns who else is inside, in words for a failed test; undefined if nobody is */
async function occupant(): Promise<string | undefined> {
  const pid = Number(await fs.readFile(inside, "utf8").catch(() => ""));
  if (pid === 0 || pid === process.pid) return undefined;
  try {
    process.kill(pid, 0);
  } catch {
    return undefined;
  }
  if (process.platform !== "linux") return `process ${pid}`;
  // A process that was killed can still be asked until its parent has noticed, and is inside no more.
  const stat = await fs.readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  return state === "" || state === "Z" || state === "X" ? undefined : `process ${pid} in state ${state}`;
}

for (;;) {
  const unlock = await lockFolder(folder, "fighting").catch((error: unknown) => {
    if (!(error instanceof KeepsakeError)) process.stdout.write(`${String(error)}\n`);
  });
  if (unlock === undefined) {
    await sleep(Math.random() * 10);
    continue;
  }
  const other = await occupant();
  if (other !== undefined) process.stdout.write(`two: ${other}\n`);
  await fs.writeFile(inside, String(process.pid));
  await sleep(Math.random() * 20);
  const last = await fs.readFile(inside, "utf8");
  if (last !== String(process.pid)) process.stdout.write(`two: process ${last} came in\n`);
  await fs.rm(inside);
  process.stdout.write("out\n");
  await unlock();
}
