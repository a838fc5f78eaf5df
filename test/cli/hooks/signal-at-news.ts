/**
 * @file Loaded into a process, sends it signals: SIGNAL_AT holds [words, signal] pairs as JSON; each is sent when the
 * words appear on stderr.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

/** The answer to a signal comes from the main thread, all other news from the thread that runs the command. */
const ANSWER = "stopping after this step";

const all = JSON.parse(process.env.SIGNAL_AT ?? "[]") as [string, NodeJS.Signals][];
const pending = all.filter(([words]) => ANSWER.startsWith(words) === isMainThread);
const write = fs.writeSync as (fd: number, data: string | Uint8Array) => number;

fs.writeSync = ((fd: number, data: string | Uint8Array) => {
  const result = write(fd, data);
  const [next] = pending;
  if (fd === 2 && next !== undefined && Buffer.from(data as Uint8Array).includes(next[0])) {
    pending.shift();
    process.kill(process.pid, next[1]);
    // The few steps of a test would be over before the main thread has answered.
    if (!isMainThread) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  }
  return result;
}) as typeof fs.writeSync;
syncBuiltinESMExports();
