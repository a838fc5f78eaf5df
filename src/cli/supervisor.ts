/**
 * @file The main thread of the command line. It runs the command in a worker thread, so that it can answer signals
 * whatever computes: ONNX Runtime blocks the thread that calls it, for minutes at a time.
 */
import { isatty } from "node:tty";
import { Worker } from "node:worker_threads";
import { disableTelemetry } from "../graph/onnx-runtime.ts";
import { stderr, stdout } from "./streams.ts";
import { STOPPABLE, type CommandThreadData } from "./thread-messages.ts";

/** Signals at which a command finishes its step, and says what can be resumed. */
const STOPPING_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs `module` in a worker thread, to the end of this process. */
export function supervise(module: URL): void {
  ignoreDebuggers();
  disableTelemetry();
  if (!hasCurrentFolder()) {
    void reportMissingFolder();
    return;
  }
  const workerData: CommandThreadData = { columns: isatty(1) ? terminalWidth() : undefined };
  const worker = new Worker(module, {
    ...{ argv: process.argv.slice(2), workerData, stdout: true, stderr: true },
    // V8 asks for twice as much, and ends the process without a word of ours where address space is scarce (ulimit -v).
    resourceLimits: { codeRangeSizeMb: 32 },
  });
  // Warnings of Node and of libraries; the command itself writes through streams.ts.
  worker.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout.write(text);
  });
  worker.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr.write(text);
  });
  worker.on("message", (message) => {
    if (message === STOPPABLE) stopAtSignals(worker);
  });
  let isDefect = false;
  worker.on("error", (error) => {
    isDefect = true;
    void report(error);
  });
  worker.on("exit", (code) => {
    if (!isDefect) process.exitCode = code;
  });
}

/**
 * The first signal stops the command after its step; until then, and from then on, a signal has its usual effect at
 * once.
 */
function stopAtSignals(worker: Worker): void {
  const stop = () => {
    // With the handlers gone the system itself ends the process at the next signal: even when nothing here can run.
    for (const name of STOPPING_SIGNALS) process.off(name, stop);
    worker.postMessage("stop");
    // A progress line may be open on a terminal, which has also shown "^C" by now.
    stderr.write(`${isatty(2) ? "\n" : ""}stopping after this step (Ctrl-C again: at once)\n`);
  };
  for (const name of STOPPING_SIGNALS) process.on(name, stop);
}

/** At this signal Node would open a port through which every program on the machine could run code in this process. */
function ignoreDebuggers(): void {
  process.on("SIGUSR1", () => undefined);
}

/** Whether the folder that the command was called in is still there: every relative path needs it. */
function hasCurrentFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}

async function reportMissingFolder(): Promise<void> {
  const { KeepsakeError } = await import("../errors.ts");
  await report(new KeepsakeError("environment", "The current folder no longer exists; cd to another one."));
}

/** Says what the worker did not catch itself, or why there is none. */
async function report(error: unknown): Promise<void> {
  const [{ reportFailure }, { Output }] = await Promise.all([import("./exit.ts"), import("./output.ts")]);
  reportFailure(error, new Output({ json: false }));
}

function terminalWidth(): number {
  // eslint-disable-next-line no-restricted-properties -- only asked for its size
  return process.stdout.columns;
}
