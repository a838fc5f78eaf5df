/**
 * @file The command line as a program of commander's, and how it is run. Each command is a thin shell over a public
 * function.
 */
import { workerData } from "node:worker_threads";
import { Command } from "commander";
import { KeepsakeError } from "../errors.ts";
import { ownVersion } from "../own-version.ts";
import { withHint } from "./argument-hints.ts";
import { helpCommand } from "./commands/help.ts";
import { refuseEmptyPaths } from "./empty-paths.ts";
import { reportFailure, reportLostResult } from "./exit.ts";
import { Output } from "./output.ts";
import { stderr, stdout } from "./streams.ts";
import type { CommandThreadData } from "./thread-messages.ts";

const AFTER = `
Start here:
  keepsake studio                                  (in the browser)
  keepsake learn mochi ./photos/mochi --class cat
  keepsake generate "<mochi> on the beach" -n 4
  keepsake classify photo.jpg
  keepsake undo

Exit codes: 0 done, 1 defect, 2 usage, 3 unusable input, 4 the machine refused, 5 the library does not allow it or is
damaged, 130 stopped, 141 done, but nobody read the result.`;

/**
 * How each command is loaded, in the order of the help. One that is named loads alone: the others' options and limits
 * would take longer than its work.
 */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import("./commands/library/init.ts")).initCommand(),
  studio: async () => (await import("./commands/studio/studio.ts")).studioCommand(),
  photos: async () => (await import("./commands/photos.ts")).photosCommand(),
  learn: async () => (await import("./commands/learn/learn.ts")).learnCommand(),
  "learn-all": async () => (await import("./commands/learn/learn-all.ts")).learnAllCommand(),
  previews: async () => (await import("./commands/previews.ts")).previewsCommand(),
  models: async () => (await import("./commands/models.ts")).modelsCommand(),
  pull: async () => (await import("./commands/pull.ts")).pullCommand(),
  strategies: async () => (await import("./commands/strategies.ts")).strategiesCommand(),
  generate: async () => (await import("./commands/generate.ts")).generateCommand(),
  classify: async () => (await import("./commands/classify.ts")).classifyCommand(),
  export: async () => (await import("./commands/export.ts")).exportCommand(),
  import: async () => (await import("./commands/import.ts")).importCommand(),
  list: async () => (await import("./commands/library/list.ts")).listCommand(),
  history: async () => (await import("./commands/library/history.ts")).historyCommand(),
  undo: async () => (await import("./commands/library/undo.ts")).undoCommand(),
  redo: async () => (await import("./commands/library/redo.ts")).redoCommand(),
  rename: async () => (await import("./commands/library/rename.ts")).renameCommand(),
  forget: async () => (await import("./commands/library/forget.ts")).forgetCommand(),
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand(),
  verify: async () => (await import("./commands/library/verify.ts")).verifyCommand(),
};

/** @param args - of the command line */
async function keepsakeProgram([name = ""]: readonly string[]): Promise<Command> {
  const columns = (workerData as CommandThreadData | null)?.columns; // of supervisor.ts, if that runs the command
  const program = new Command("keepsake")
    .description(
      "Teach Stable Diffusion the things you love, one after another, on your own machine. No photo is ever kept.",
    )
    .version(ownVersion())
    .showSuggestionAfterError()
    .helpCommand(false)
    .hook("preAction", (_, command) => {
      refuseEmptyPaths(command);
    })
    .addHelpText("after", AFTER)
    // Commander ends the process by itself unless told to throw.
    .exitOverride()
    .configureOutput({
      // Help and version, which can be had again.
      writeOut: (text) => {
        stdout.writeListing(text);
      },
      writeErr: (text) => {
        stderr.write(text);
      },
      outputError: (text) => {
        throw usageError(text, program);
      },
      ...(columns !== undefined && { getOutHelpWidth: () => columns }),
    });
  const load = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name]] : Object.values(COMMANDS);
  const commands = [...(await Promise.all(load.map((command) => command()))), helpCommand(program)];
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program));
    command.configureOutput({
      outputError: (text) => {
        throw usageError(text, command);
      },
    });
  }
  return program;
}

/**
 * A message that Commander is about to print, as an error of ours: one line, however long or wild the arguments that it
 * quotes.
 */
function usageError(text: string, command: Command): KeepsakeError {
  return new KeepsakeError("usage", withHint(text.trimEnd().replace(/^error: /, ""), command));
}

/**
 * Runs the command that the arguments name, and sets the exit code.
 *
 * @param args - of the command line, without Node and script
 */
export async function runCommand(args: readonly string[]): Promise<void> {
  const output = new Output({ json: args.includes("--json") });
  try {
    const program = await keepsakeProgram(args);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    reportFailure(error, output);
  }
  reportLostResult(output);
}
