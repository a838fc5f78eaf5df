/**
 * @file A lane as the server sees it: a child process that does one task after another. It is started with the first
 * task, and anew after it has died. When the server dies, the lane ends by itself (`lane-main.ts`).
 */
import { fork, type ChildProcess } from "node:child_process";
import { setPriority } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { LaneFault } from "../fault.ts";
import type { FromLane, News, Place, ResultOf, Task, ToLane } from "./protocol.ts";

/** Work that was asked for. */
export interface Running<Result> {
  readonly result: Promise<Result>;
  /** Stops it after its present step; one that waits never begins. */
  stop(): void;
}

/** Who is told of a task. */
export interface Watcher {
  readonly onStart?: () => void;
  readonly onNews?: (news: News) => void;
}

interface Waiting {
  readonly id: number;
  readonly place: Place;
  readonly task: Task;
  readonly watcher: Watcher;
  readonly resolve: (result: unknown) => void;
  readonly reject: (fault: LaneFault) => void;
}

const STOPPED = new LaneFault({ kind: "state", message: "Stopped." }, "stopped");

/** As `nice` has it: a third of the share that others get, and all of what they leave. */
const LANE_PRIORITY = 5;

/** Next to this file, as source or as it was built. */
const MODULE = fileURLToPath(new URL(`lane-main${extname(import.meta.url)}`, import.meta.url));

export class Lane {
  readonly #waiting: Waiting[] = [];
  #current: Waiting | undefined;
  #child: ChildProcess | undefined;
  #lastId = 0;
  #isClosed = false;

  /** Process id of the lane, if it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether it has anything to do. */
  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** Has a task done, after those that were asked for before. */
  run<T extends Task>(place: Place, task: T, watcher: Watcher = {}): Running<ResultOf<T>> {
    this.#lastId += 1;
    const id = this.#lastId;
    const result = new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ id, place, task, watcher, resolve, reject });
    });
    this.#next();
    // The lane's answer to a task is of the task's kind (lane-main.ts).
    return {
      result: result as Promise<ResultOf<T>>,
      stop: () => {
        this.#stop(id);
      },
    };
  }

  /** Stops what runs and waits, and ends the process when its step is done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(STOPPED);
    if (this.#current !== undefined) this.#stop(this.#current.id);
    const child = this.#child;
    if (child === undefined) return;
    await new Promise<void>((resolve) => {
      child.once("exit", () => {
        resolve();
      });
      // It finishes its step and saves what it has.
      if (child.connected) child.disconnect();
    });
  }

  #stop(id: number): void {
    const index = this.#waiting.findIndex((waiting) => waiting.id === id);
    if (index >= 0) for (const { reject } of this.#waiting.splice(index, 1)) reject(STOPPED);
    else if (this.#current?.id === id) this.#send({ kind: "stop", id });
  }

  #next(): void {
    if (this.#current !== undefined || this.#isClosed) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#current = next;
    next.watcher.onStart?.();
    this.#child ??= this.#start();
    const { id, place, task } = next;
    this.#send({ kind: "task", id, place, task });
  }

  #send(message: ToLane): void {
    // What goes wrong here is a lane that has died, and "exit" says so.
    this.#child?.send(message, () => undefined);
  }

  #start(): ChildProcess {
    const child = fork(MODULE, [], { serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] });
    child.on("message", (message) => {
      // Of our own process.
      this.#take(message as FromLane);
    });
    child.on("error", () => undefined);
    yieldToOthers(child.pid);
    child.once("exit", (code, signal) => {
      if (this.#child === child) this.#child = undefined;
      const current = this.#current;
      this.#current = undefined;
      const how = signal ?? `exit code ${code ?? "unknown"}`;
      const message = `The process that did this has ended (${how}). What it had saved is still there; try again.`;
      current?.reject(new LaneFault({ kind: "environment", message }, this.#isClosed ? "stopped" : "died"));
      this.#next();
    });
    return child;
  }

  #take(message: FromLane): void {
    const current = this.#current;
    if (current?.id !== message.id) return;
    if (message.kind === "news") {
      current.watcher.onNews?.(message.news);
      return;
    }
    this.#current = undefined;
    if (message.kind === "done") current.resolve(message.result);
    else current.reject(new LaneFault(message.fault, message.isStopped ? "stopped" : "failed"));
    this.#next();
  }
}

/** Server and browser go first: a lane that computes for hours must not make the page wait. */
function yieldToOthers(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, LANE_PRIORITY);
  } catch {
    // Where the system does not let it, all have the same share.
  }
}
