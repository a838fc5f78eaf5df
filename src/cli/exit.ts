/**
 * @file How the program ends: exit codes, Ctrl-C, and errors as one line.
 */
import { CommanderError } from "commander";
import { KeepsakeError, type ErrorKind } from "../errors.ts";
import type { Output } from "./output.ts";

/** 128 + SIGINT, as shells have it. */
export const INTERRUPTED = 130;

const EXIT_CODES: Readonly<Record<ErrorKind, number>> = { usage: 2, input: 3, environment: 4, state: 5 };

/** Why a command that was stopped did not finish. */
const STOPPED = new KeepsakeError("state", "Stopped.");

/**
 * A signal that fires at the first Ctrl-C (or SIGTERM), so that the current step can be finished and saved. The second one
 * ends the process at once, which is safe too: every write is atomic.
 */
export function stopSignal(output: Output): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED);
      output.info("stopping after this step (Ctrl-C again: at once)");
      controller.abort(STOPPED);
    });
  }
  return controller.signal;
}

/** Says what went wrong, in one line for everything that the user can do something about, and sets the exit code. */
export function reportFailure(error: unknown, output: Output): void {
  if (error instanceof CommanderError) {
    // Commander has printed the message already; help and version are no failures.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODES.usage;
  } else if (error === STOPPED) {
    output.info("stopped");
    process.exitCode = INTERRUPTED;
  } else if (error instanceof KeepsakeError) {
    output.error(error.message);
    process.exitCode = EXIT_CODES[error.kind];
  } else {
    output.error("this is a defect of Keepsake, please report it:");
    output.details(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  }
}

/** Whoever reads our output may have seen enough (`keepsake ... | head`): that is no failure of ours. */
export function endWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit();
    });
  }
}
