/**
 * @file The process of a lane. It holds the library open with model and programs, does what the server asks, and ends
 * with the server, however that ends: a training run stops with its snapshot first.
 */
import { KeepsakeError } from "../../errors.ts";
import { disableTelemetry } from "../../graph/onnx-runtime.ts";
import { faultOf } from "../fault.ts";
import { inPageWords } from "../page-words.ts";
import type { FromLane, News, ToLane } from "./protocol.ts";
import { OpenLibrary } from "./open-library.ts";
import { perform } from "./perform.ts";

/**
 * How long a task may take to stop once the server is gone, in milliseconds. Every write is atomic, so a late one is
 * ended.
 */
const LAST_STEP = 10_000;

const STOPPED = new KeepsakeError("state", "Stopped.");

disableTelemetry();
const library = new OpenLibrary();
let current: { readonly id: number; readonly controller: AbortController } | undefined;

// Ctrl-C reaches every process of the terminal: the server decides, and says so here. SIGUSR1 would open a debugger's
// port.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"] as const) process.on(name, () => undefined);

process.on("message", (message) => {
  // Of our own server.
  const order = message as ToLane;
  if (order.kind === "task") void work(order);
  else if (current?.id === order.id) current.controller.abort(STOPPED);
});

process.on("disconnect", () => {
  if (current === undefined) process.exit();
  current.controller.abort(STOPPED);
  setTimeout(() => process.exit(), LAST_STEP);
});

async function work({ id, place, task }: Extract<ToLane, { kind: "task" }>): Promise<void> {
  const controller = new AbortController();
  current = { id, controller };
  const { signal } = controller;
  try {
    const result = await perform(task, {
      place,
      library,
      signal,
      tell: (news) => {
        send({ kind: "news", id, news: worded(news) });
      },
    });
    send({ kind: "done", id, result });
  } catch (error) {
    if (!(error instanceof KeepsakeError)) process.emitWarning(error instanceof Error ? error : String(error));
    send({ kind: "fault", id, fault: faultOf(error), isStopped: error === STOPPED });
  }
  current = undefined;
  if (!process.connected) process.exit();
}

/** Notes are written for the command line. */
function worded(news: News): News {
  if (news.kind !== "progress" || news.progress.notes === undefined) return news;
  return { ...news, progress: { ...news.progress, notes: news.progress.notes.map(inPageWords) } };
}

function send(message: FromLane): void {
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}
