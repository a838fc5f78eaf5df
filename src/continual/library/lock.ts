/**
 * @file One writer at a time: a lock file that names its owner, and that a dead owner does not hold.
 */
import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";

interface Owner {
  /** 16 hexadecimal digits, never used twice. */
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  readonly command: string;
}

/** What this very process holds: a process with our number in a lock file may also be a dead one from before a restart. */
const held = new Set<string>();

/**
 * Takes the lock of a folder.
 *
 * @param command - what the owner is doing, for the message that another process will see
 * @returns a function that gives the lock back
 * @throws KeepsakeError ("state") naming the process that holds it
 */
export async function lockFolder(folder: string, command: string): Promise<() => Promise<void>> {
  const owner: Owner = { id: randomBytes(8).toString("hex"), pid: process.pid, host: hostname(), command };
  held.add(owner.id);
  const giveBack = async () => {
    if ((await readOwner(join(folder, "lock")))?.id === owner.id) await rm(join(folder, "lock"), { force: true });
    held.delete(owner.id);
  };
  try {
    await take(folder, "lock", owner);
  } catch (error) {
    await giveBack();
    throw error;
  }
  return giveBack;
}

/** Files that a killed process may have left beside a lock. Only who holds the lock may remove them. */
export function isLockLeftover(name: string): boolean {
  return /^lock\..+\.tmp$/.test(name);
}

/**
 * Asks who is at work in a folder.
 *
 * @returns `dead` if the lock was left behind by a process that is no more
 */
export async function lockState(folder: string): Promise<"free" | "held" | "dead"> {
  const owner = await readOwner(join(folder, "lock"));
  if (owner === undefined) return "free";
  return isAlive(owner) ? "held" : "dead";
}

/** Takes the lock called `name`. A dead owner's is removed first, by the one process that holds the lock on that removal. */
async function take(folder: string, name: string, owner: Owner): Promise<void> {
  const path = join(folder, name);
  while (!(await tryToTake(folder, path, owner))) {
    const holder = await readOwner(path);
    if (holder === undefined) continue; // given back just now
    if (isAlive(holder)) throw inUse(folder, path, holder);
    // Two processes may find the same dead lock. Were it simply removed, the slower one would remove the faster one's new
    // lock. Its number is unique, so the right to remove it can be locked in turn.
    // After a power cut even the lock on a removal may be of nobody, so each has the name of what it is to remove in its own.
    const removal = `${name.replace(/\.tmp$/, "")}.${holder.id}.tmp`;
    await take(folder, removal, owner);
    try {
      if ((await readOwner(path))?.id === holder.id) await rm(path, { force: true });
    } finally {
      await rm(join(folder, removal), { force: true });
    }
  }
}

/** Linking is atomic and fails if the name is taken: a lock never exists half-written. */
async function tryToTake(folder: string, path: string, { id, pid, host, command }: Owner): Promise<boolean> {
  const own = join(folder, `.keepsake-${id}.tmp`);
  await writeFile(own, [id, pid, host, command].join("\n"));
  try {
    await link(own, path);
    return true;
  } catch (error) {
    // ENOENT: who holds the lock has cleared our file away with those of dead processes.
    if (isCode(error, "EEXIST") || isCode(error, "ENOENT")) return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** @returns undefined if there is no such lock; a lock that cannot be understood (after a power cut: empty) has a dead owner */
async function readOwner(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, "utf8").catch(ignoreMissing);
  if (text === undefined) return undefined;
  const [id = "", pid = "", host = "", ...command] = text.split("\n");
  if (/^[0-9a-f]{16}$/.test(id) && /^[1-9]\d*$/.test(pid)) {
    return { id, pid: Number(pid), host, command: command.join(" ") };
  }
  return { id: "0".repeat(16), pid: process.pid, host: hostname(), command: "" };
}

/** A process of another machine cannot be asked, so its lock counts. */
function isAlive({ id, pid, host }: Owner): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return held.has(id);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, "EPERM");
  }
}

function inUse(folder: string, path: string, { pid, host, command }: Owner): KeepsakeError {
  const where = host === hostname() ? "" : ` on ${host}`;
  const advice = `wait until it has finished (if that process is no Keepsake any more, delete ${path})`;
  return new KeepsakeError("state", `${folder} is in use by process ${pid}${where} (${command}); ${advice}.`);
}

function ignoreMissing(error: unknown): undefined {
  if (!isCode(error, "ENOENT")) throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
