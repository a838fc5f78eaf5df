/**
 * @file The command line of what developers run: recipes, benchmarks and scripts. Each has a help text, and tells in
 * one line what the person can do something about.
 */
import { relative } from "node:path";
import { inspect } from "node:util";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { exitCodeOf } from "../src/cli/exit.ts";
import { realNumber, wholeNumber } from "../src/cli/options.ts";
import { KeepsakeError } from "../src/errors.ts";
import { LIMITS, REAL_LIMITS } from "../src/limits.ts";

/** The value of an option: a whole number of at least 1. */
export function atLeastOne(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("It must be a whole number above 0.");
  return value;
}

/** The value of an option: a number above 0. */
export function aboveZero(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

/** Of how a concept is learned, in the ranges of `keepsake learn`. */
export const parseSteps = wholeNumber(LIMITS.steps);
export const parseRank = wholeNumber(LIMITS.rank);
export const parseLearningRate = realNumber(REAL_LIMITS.learningRate);

/** The value of an option: several whole numbers of at least 1, `1,3,5`. */
export function severalNumbers(text: string): number[] {
  return text.split(",").map(atLeastOne);
}

/** The value of an option that may be given several times, once after another. */
export function repeated(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, text];
}

/**
 * A command that throws a `CommanderError` for a wrong argument.
 *
 * @param call - how it is called; default: with tsx
 */
export function tool(description: string, call = `npx tsx ${relative("", process.argv[1])}`): Command {
  return new Command(call)
    .description(description)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
}

/**
 * Reads the command line. From then on what goes wrong ends the process: told in one line, or, if it is a defect of the
 * program, with the place where it happened.
 */
export function readArguments(command: Command): Command {
  process.on("uncaughtException", fail);
  return command.parse();
}

function fail(error: unknown): never {
  process.stderr.write(told(error));
  process.exit(exitCodeOf(error));
}

function told(error: unknown): string {
  if (error instanceof KeepsakeError) return `error: ${error.message}\n`;
  if (!(error instanceof CommanderError)) return `${inspect(error)}\n`;
  // Help is no failure, and has been written.
  if (error.exitCode === 0) return "";
  return `${error.message.replaceAll("\n", " ").replace(/\.$/, "")}; see --help.\n`;
}
