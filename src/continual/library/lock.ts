/**
 * @file One writer at a time: a lock file that names its owner, and that a dead owner does not hold.
 */
import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly command: string;
}

/** Locks that this very process holds: a process with our id in a lock file may also be a dead one from before a restart. */
const held = new Set<string>();

/**
 * Takes the lock of a folder.
 *
 * @param command - what the owner is doing, for the message that another process will see
 * @returns a function that gives the lock back
 * @throws KeepsakeError ("state") naming the process that holds it
 */
export async function lockFolder(folder: string, command: string): Promise<() => Promise<void>> {
  const path = join(folder, "lock");
  const own = join(folder, `lock.${randomUUID()}.tmp`);
  const owner: Owner = { pid: process.pid, host: hostname(), command };
  await writeFile(own, [owner.pid, owner.host, owner.command].join("\n"));
  try {
    // Linking is atomic and fails if the name is taken: the lock never exists half-written.
    while (!(await tryLink(own, path))) {
      const holder = await readOwner(path);
      if (holder !== undefined && (holder.pid === process.pid ? held.has(path) : isAlive(holder))) {
        const who = `process ${holder.pid}${holder.host === hostname() ? "" : ` on ${holder.host}`} (${holder.command})`;
        const advice = `wait until it has finished (if there is no such process, delete ${path})`;
        throw new KeepsakeError("state", `${folder} is in use by ${who}; ${advice}.`);
      }
      // Renamed before it is removed, so that of two processes that find a dead lock only one removes it.
      const stale = join(folder, `lock.${randomUUID()}.tmp`);
      await rename(path, stale).then(() => rm(stale, { force: true }), ignoreMissing);
    }
  } finally {
    await rm(own, { force: true });
  }
  held.add(path);
  return async () => {
    held.delete(path);
    await rm(path, { force: true });
  };
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, "utf8").catch(ignoreMissing);
  const [pid, host, ...command] = (text ?? "").split("\n");
  if (pid === undefined || !/^\d+$/.test(pid) || host === undefined) return undefined;
  return { pid: Number(pid), host, command: command.join(" ") };
}

/** A process of another machine cannot be asked, so its lock counts. */
function isAlive({ pid, host }: Owner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!isCode(error, "ENOENT")) throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
