/**
 * @file How a command ends: exit codes, the order to stop, errors as one line, and results that could not be written.
 */
import { parentPort } from "node:worker_threads";
import { CommanderError } from "commander";
import { KeepsakeError, outOfMemory, type ErrorKind } from "../errors.ts";
import { describeWriteError } from "../io/atomic.ts";
import type { Output } from "./output.ts";
import { isClosedPipe, stdout } from "./streams.ts";
import { STOPPABLE } from "./thread-messages.ts";

/** 128 + SIGINT, as shells have it. */
export const INTERRUPTED = 130;

/** 128 + SIGPIPE, as shells have it. */
const UNREAD = 141;

const EXIT_CODES: Readonly<Record<ErrorKind, number>> = { usage: 2, input: 3, environment: 4, state: 5 };

/** Why a command that was stopped did not finish. */
const STOPPED = new KeepsakeError("state", "Stopped.");

/** Of this command: what it does before its work (a download, say) and its work stop at the same signal. */
let stopping: AbortController | undefined;

/**
 * A signal that fires at the first Ctrl-C, SIGTERM or SIGHUP, so that the current step can be finished and saved. The
 * supervisor answers the person; a second signal ends the process at once, which is safe too: every write is atomic.
 */
export function stopSignal(): AbortSignal {
  if (stopping !== undefined) return stopping.signal;
  const controller = new AbortController();
  stopping = controller;
  parentPort?.once("message", () => {
    controller.abort(STOPPED);
  });
  // To be ready for an order is no reason to go on living.
  parentPort?.unref();
  parentPort?.postMessage(STOPPABLE);
  return controller.signal;
}

/** @returns 0 where an error only says that help was shown */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
  return error instanceof KeepsakeError ? EXIT_CODES[error.kind] : 1;
}

/** Says what went wrong, in one line for everything that the user can do something about, and sets the exit code. */
export function reportFailure(thrown: unknown, output: Output): void {
  const error = isHeapLimit(thrown) ? thrown : (outOfMemory(thrown) ?? thrown);
  if (error instanceof CommanderError) {
    // Commander has printed the message already; help and version are no failures.
    process.exitCode = exitCodeOf(error);
  } else if (error === STOPPED) {
    output.info("stopped");
    process.exitCode = INTERRUPTED;
  } else if (error instanceof KeepsakeError) {
    output.error(error.message);
    process.exitCode = exitCodeOf(error);
  } else if (isHeapLimit(error)) {
    output.error("JavaScript ran out of memory; NODE_OPTIONS=--max-old-space-size=8000 gives it 8 GB.");
    process.exitCode = EXIT_CODES.environment;
  } else {
    output.error("this is a defect of Keepsake, please report it:");
    output.details(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  }
}

/** Says so if the result did not reach stdout: a command that did its work must not look as if it had told about it. */
export function reportLostResult(output: Output): void {
  const { failure } = stdout;
  if (failure === undefined) return;
  const work = (process.exitCode ?? 0) === 0 ? " The command itself did its work." : "";
  if (isClosedPipe(failure)) {
    output.error(`standard output was closed before the result was written.${work}`);
    process.exitCode ||= UNREAD;
  } else {
    const error = describeWriteError("standard output", failure);
    output.error(`${error instanceof Error ? error.message : String(error)}${work}`);
    process.exitCode ||= EXIT_CODES.environment;
  }
}

/** The heap of a worker thread has a limit of its own, and exceeding it ends the thread alone. */
function isHeapLimit(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
}
