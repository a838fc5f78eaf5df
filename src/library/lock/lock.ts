/**
 * @file One writer at a time: a lock file that names its owner, and that a dead owner does not hold.
 */
import { randomBytes } from "node:crypto";
import { link, open, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KeepsakeError } from "../../errors.ts";
import { closeAfter } from "../../io/file-handle.ts";
import { exists } from "../../io/folder.ts";
import { canBeat, PATIENCE, startHeartbeat, watch } from "./heartbeat.ts";
import { askOwner, formatOwner, isCode, NOBODY, ownOrigin, readOwner, type Owner } from "./lock-owner.ts";
import { permissionsIn } from "../permissions.ts";

export interface LockOptions {
  /** When it fires while another owner is watched, everything ends with its reason. */
  readonly signal?: AbortSignal;
  /** How long an owner that cannot be asked is watched, in milliseconds. Default: about 20 s. */
  readonly patience?: number;
}

/** What this thread holds: folders by the id of the owner that it is there. */
const held = new Map<string, string>();

/** How long a lock without content may be one that is being written, in milliseconds. */
const WRITING = 300;

/** Takes that are lost to others before it is given up, and locks on the removal of locks. */
const MAX_TRIES = 100;
const MAX_DEPTH = 6;

/**
 * Takes the lock of a folder.
 *
 * @param command - what the owner is doing, for the message that another process will see
 * @returns a function that gives the lock back. It never fails: a lock that cannot be removed is that of a dead process
 *   soon
 * @throws KeepsakeError ("state") naming the process that holds it; an error of the operating system
 */
export async function lockFolder(
  folder: string,
  command: string,
  options: LockOptions = {},
): Promise<() => Promise<void>> {
  const id = randomBytes(8).toString("hex");
  const beats = await canBeat(temporary(folder, id));
  const owner: Owner = { id, pid: process.pid, host: hostname(), command, origin: { ...(await ownOrigin()), beats } };
  held.set(id, resolve(folder));
  const path = join(folder, "lock");
  let endSigns = async () => {};
  const giveBack = async () => {
    try {
      await endSigns();
      if ((await readOwner(path))?.id === id) await rm(path, { force: true });
    } catch {
      // The disk may have turned read-only; why it is given back is what matters.
    } finally {
      held.delete(id);
    }
  };
  try {
    await take(folder, "lock", owner, options);
    if (beats) endSigns = startHeartbeat(path, owner);
  } catch (error) {
    await giveBack();
    throw error;
  }
  return giveBack;
}

/**
 * Finds out whether this process still has a folder that it locked. Asked before each write: a process that was stopped
 * for long in another container may be taken for dead.
 *
 * @throws KeepsakeError if somebody else has taken the lock, or deleted it or the whole folder
 */
export async function checkLock(folder: string): Promise<void> {
  const path = resolve(folder);
  for (const [id, locked] of held) {
    if (locked !== path) continue;
    const owner = await readOwner(join(folder, "lock"));
    if (owner?.id === id) continue;
    throw new KeepsakeError("state", await howItWasLost(folder, owner));
  }
}

/** @param owner - who has the lock now */
async function howItWasLost(folder: string, owner: Owner | undefined): Promise<string> {
  if (!(await exists(folder))) {
    return `${folder} is gone: it was deleted or moved meanwhile, or its disk was; put it back and repeat the command.`;
  }
  const fault =
    owner === undefined
      ? "its lock was deleted while this process was at work in it"
      : "this process stood still for so long that it lost the library's lock";
  return `${folder}: ${fault}; repeat the command to go on.`;
}

/** Files that a killed process may have left beside a lock. Only who holds the lock may remove them. */
export function isLockLeftover(name: string): boolean {
  return /^lock(\.[0-9a-f]{16})+\.tmp$/.test(name);
}

/**
 * Asks who is at work in a folder.
 *
 * @returns `dead` if the lock was left behind by a process that is no more; `held` also if its owner cannot be asked
 * @throws KeepsakeError if something else has the name of the lock
 */
export async function lockState(folder: string): Promise<"free" | "held" | "dead"> {
  const owner = await readOwner(join(folder, "lock"));
  if (owner === undefined) return "free";
  if (held.has(owner.id)) return "held";
  return owner.id === NOBODY || (await askOwner(owner)) === "dead" ? "dead" : "held";
}

/**
 * Takes the lock called `name`. A dead owner's is replaced, by the one process that holds the lock on that replacement.
 */
async function take(folder: string, name: string, owner: Owner, options: LockOptions, depth = 0): Promise<void> {
  const path = join(folder, name);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (await tryToTake(folder, path, owner)) return;
    const holder = await readOwner(path);
    if (holder?.id === owner.id) return; // network drives may report a failure of what was done
    const state = holder === undefined ? "gone" : await stateOf(path, holder, options);
    if (holder !== undefined && state === "alive") throw inUse(folder, path, holder, owner);
    if (holder !== undefined && state === "dead" && depth < MAX_DEPTH) {
      // Two processes may find the same dead lock. Were it simply replaced, the slower one would replace the faster
      // one's new lock. Its id is unique, so the right to replace it can be locked in turn. After a power cut even the
      // lock on a replacement may be of nobody, so each has the name of what it is to replace.
      const right = `${name.replace(/\.tmp$/, "")}.${holder.id}.tmp`;
      await take(folder, right, owner, options, depth + 1);
      try {
        if ((await readOwner(path))?.id === holder.id && (await replace(folder, path, owner))) return;
      } finally {
        await rm(join(folder, right), { force: true }).catch(() => undefined);
      }
    }
    await sleep(tries);
  }
  throw new KeepsakeError("state", `${folder} is in use by many processes at once; try again, or delete ${path}.`);
}

async function stateOf(path: string, holder: Owner, options: LockOptions): Promise<"alive" | "dead" | "gone"> {
  const { signal, patience = PATIENCE } = options;
  if (held.has(holder.id)) return "alive";
  if (holder.id === NOBODY) return watch(path, holder, WRITING, signal);
  const answer = await askOwner(holder);
  if (answer !== "unknown") return answer;
  return holder.origin?.beats === true ? watch(path, holder, patience, signal) : "alive";
}

/** @returns whether the lock was free and is ours now */
async function tryToTake(folder: string, path: string, owner: Owner): Promise<boolean> {
  return withOwnFile(folder, owner, async (own) => {
    try {
      // Linking is atomic and fails if the name is taken: a lock never exists half-written.
      await link(own, path);
      return true;
    } catch (error) {
      // ENOENT: who holds the lock has cleared our file away with those of dead processes.
      if (isCode(error, "EEXIST", "ENOENT")) return false;
      // exFAT, cloud drives and others have no links. Which error says so depends on the disk.
      return createLock(folder, path, owner);
    }
  });
}

/** As {@link tryToTake} where there are no links: the lock exists for a moment before it says whose it is. */
async function createLock(folder: string, path: string, owner: Owner): Promise<boolean> {
  const { mode } = await permissionsIn(folder);
  const handle = await open(path, "wx", mode).catch((error: unknown) => {
    if (!isCode(error, "EEXIST")) throw error;
  });
  if (handle === undefined) return false;
  try {
    await closeAfter(handle, () => handle.writeFile(formatOwner(owner)));
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
  // Had this taken very long, another process would have taken it for a lock that a power cut has emptied.
  return (await readOwner(path))?.id === owner.id;
}

/** Puts our lock in the place of a dead one, so that there is no moment without a lock. */
async function replace(folder: string, path: string, owner: Owner): Promise<boolean> {
  return withOwnFile(folder, owner, async (own) => {
    try {
      await rename(own, path);
      return true;
    } catch (error) {
      if (isCode(error, "ENOENT")) return false;
      throw error;
    }
  });
}

/** Writes what is to become a lock; its file is gone afterwards. */
async function withOwnFile<T>(folder: string, owner: Owner, use: (own: string) => Promise<T>): Promise<T> {
  const own = temporary(folder, owner.id);
  try {
    await writeFile(own, formatOwner(owner), await permissionsIn(folder));
    return await use(own);
  } finally {
    await rm(own, { force: true }).catch(() => undefined);
  }
}

function temporary(folder: string, id: string): string {
  return join(folder, `.keepsake-${id}.tmp`);
}

function inUse(folder: string, path: string, { pid, host, command, origin }: Owner, own: Owner): KeepsakeError {
  const isBeside = origin !== undefined && origin.namespaces !== own.origin?.namespaces;
  const where = host !== own.host ? ` on ${host}` : isBeside ? " in another container" : "";
  const advice = `wait until it has finished (if that process is no Keepsake any more, delete ${path})`;
  return new KeepsakeError("state", `${folder} is in use by process ${pid}${where} (${command}); ${advice}.`);
}
