/**
 * @file How the program ends: exit codes, Ctrl-C, and errors as one line.
 */
import { CommanderError } from "commander";
import { KeepsakeError, type ErrorKind } from "../errors.ts";
import type { Output } from "./output.ts";

/** 128 + SIGINT, as shells have it. */
export const INTERRUPTED = 130;

const EXIT_CODES: Readonly<Record<ErrorKind, number>> = { usage: 2, input: 3, environment: 4, state: 5 };

/**
 * A signal that fires at the first Ctrl-C (or SIGTERM), so that the current step can be finished and saved. The second one
 * ends the process at once, which is safe too: every write is atomic.
 */
export function stopSignal(output: Output): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED);
      output.info("stopping after this step (again: at once)");
      controller.abort(new KeepsakeError("state", "Stopped."));
    });
  }
  return controller.signal;
}

/** Says what went wrong, in one line for everything that the user can do something about, and sets the exit code. */
export function reportFailure(error: unknown, output: Output): void {
  if (error instanceof CommanderError) {
    // Commander has printed the message already; help and version are no failures.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODES.usage;
  } else if (error instanceof KeepsakeError) {
    output.error(error.message);
    process.exitCode = EXIT_CODES[error.kind];
  } else {
    output.error(
      `this is a defect of Keepsake, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    process.exitCode = 1;
  }
}
