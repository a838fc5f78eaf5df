/**
 * @file A process that takes the lock of a folder again and again, and says "two" when somebody else is inside with it.
 * With "no links" the disk has no hard links.
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

async function isOccupied(): Promise<boolean> {
  const pid = Number(await fs.readFile(inside, "utf8").catch(() => ""));
  if (pid === 0 || pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

for (;;) {
  const unlock = await lockFolder(folder, "fighting").catch((error: unknown) => {
    if (!(error instanceof KeepsakeError)) process.stdout.write(`${String(error)}\n`);
  });
  if (unlock === undefined) {
    await sleep(Math.random() * 10);
    continue;
  }
  if (await isOccupied()) process.stdout.write("two\n");
  await fs.writeFile(inside, String(process.pid));
  await sleep(Math.random() * 20);
  if ((await fs.readFile(inside, "utf8")) !== String(process.pid)) process.stdout.write("two\n");
  await fs.rm(inside);
  process.stdout.write("out\n");
  await unlock();
}
