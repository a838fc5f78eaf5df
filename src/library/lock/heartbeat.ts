/**
 * @file A sign of life for those who cannot ask the system: in another container, or on another machine that shares the
 * disk. The owner of a lock sets its time again and again; a lock whose time stands still has a dead owner. No two
 * clocks are compared: who wants to know watches for a while.
 */
import { rm, stat, utimes, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { readOwner, type Owner } from "./lock-owner.ts";

/** From one sign to the next, in milliseconds. */
const INTERVAL = 3000;

/** How long a lock must stand still until its owner counts as dead, in milliseconds. Seven signs must fail to come. */
export const PATIENCE = 7 * INTERVAL;

/** From one look to the next, in milliseconds. */
const LOOK = 100;

/** A training step may keep the main thread busy for minutes, so the signs come from a thread of their own. */
const BEAT = `
  const { openSync, readSync, futimesSync, closeSync } = require("node:fs");
  const { workerData: { path, id, interval } } = require("node:worker_threads");
  function beat() {
    try {
      const file = openSync(path, "r+");
      try {
        const start = Buffer.alloc(id.length);
        readSync(file, start, 0, id.length, 0);
        if (start.toString() === id) futimesSync(file, new Date(), new Date());
      } finally {
        closeSync(file);
      }
    } catch {}
  }
  beat();
  setInterval(beat, interval);
`;

/**
 * Whether the disk of a folder keeps the time that a file is set to. @param trial - name of a file that does not exist
 */
export async function canBeat(trial: string): Promise<boolean> {
  try {
    await writeFile(trial, "", { flag: "wx" });
    const time = Date.UTC(2000, 0, 1);
    await utimes(trial, new Date(time), new Date(time));
    return Math.abs((await stat(trial)).mtimeMs - time) < INTERVAL;
  } catch {
    return false;
  } finally {
    await rm(trial, { force: true }).catch(() => undefined);
  }
}

/** Begins to give signs of life. @returns a function that ends them */
export function startHeartbeat(path: string, { id }: Owner): () => Promise<void> {
  const worker = new Worker(BEAT, { eval: true, execArgv: [], workerData: { path, id, interval: INTERVAL } });
  // Without signs another container may take the lock over; this process then finds out before it writes (checkLock).
  worker.on("error", () => undefined);
  worker.unref();
  return async () => {
    await worker.terminate();
  };
}

/**
 * Watches a lock until its owner gives a sign of life, or for so long that it must be dead.
 *
 * @param patience - in milliseconds
 * @returns `gone` if it is not that owner's any more
 * @throws the signal's reason when aborted
 */
export async function watch(
  path: string,
  owner: Owner,
  patience: number,
  signal?: AbortSignal,
): Promise<"alive" | "dead" | "gone"> {
  const start = performance.now();
  const first = await lastSign(path, owner);
  for (let last = first; last !== undefined; last = await lastSign(path, owner)) {
    if (last !== first) return "alive";
    if (performance.now() - start > patience) return "dead";
    await sleep(LOOK);
    signal?.throwIfAborted();
  }
  return "gone";
}

async function lastSign(path: string, { id }: Owner): Promise<number | undefined> {
  // Opening the file has network drives ask again; the time alone might come from a cache.
  if ((await readOwner(path))?.id !== id) return undefined;
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}
