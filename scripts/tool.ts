/**
 * @file The command line of what developers run: recipes, benchmarks and scripts. It has a help text, and whatever the
 * person can do something about is told in one line.
 */
import { relative } from "node:path";
import { Command, CommanderError } from "commander";
import { realNumber, wholeNumber } from "../src/cli/options.ts";
import { KeepsakeError } from "../src/errors.ts";

/** The value of an option: a whole number of at least 1. */
export const atLeastOne = wholeNumber([1, Number.MAX_SAFE_INTEGER]);

/** The value of an option: a whole number of at least 0. */
export const atLeastZero = wholeNumber([0, Number.MAX_SAFE_INTEGER]);

/** The value of an option: a number above 0. */
export const aboveZero = realNumber([Number.MIN_VALUE, Infinity]);

/** The value of an option: several whole numbers of at least 1, `1,3,5`. */
export function severalNumbers(text: string): number[] {
  return text.split(",").map(atLeastOne);
}

/** The value of an option that is given several times: one after another. */
export function repeated(text: string, earlier: readonly string[]): string[] {
  return [...earlier, text];
}

/** A command that is called as it is typed, and throws a `CommanderError` for what it was not meant to be given. */
export function tool(description: string): Command {
  return new Command(`npx tsx ${relative("", process.argv[1])}`)
    .description(description)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
}

/**
 * Reads the command line. From then on what goes wrong ends the process, and is told in one line unless it is a defect
 * of the program.
 */
export function readArguments(command: Command): Command {
  process.on("uncaughtException", fail);
  return command.parse();
}

/** Exit codes as those of `keepsake`: 2 for a wrong command line, 1 for everything else. */
function fail(error: Error): never {
  if (error instanceof CommanderError) {
    const fault = error.message.replaceAll("\n", " ").replace(/\.$/, "");
    // Help is no failure.
    if (error.exitCode !== 0) process.stderr.write(`${fault}; --help tells what there is.\n`);
    process.exit(error.exitCode === 0 ? 0 : 2);
  }
  process.stderr.write(error instanceof KeepsakeError ? `error: ${error.message}\n` : `${error.stack}\n`);
  process.exit(1);
}
