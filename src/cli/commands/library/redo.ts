/**
 * @file `keepsake redo`: a thin shell over `Keepsake.redo`.
 */
import { Command } from "commander";
import { Output } from "../../output.ts";
import { DEFAULT_LIBRARY, libraryOption, withKeepsake } from "../shared.ts";
import { describeState } from "./undo.ts";

interface RedoOptions {
  readonly library: string;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake redo
  keepsake redo --library my-library

The library goes forward to the state that the last undo left, to the byte. A second redo goes forward one change more.
A new change after an undo leaves nothing to redo; "keepsake history" shows what is kept, and "keepsake undo --to"
reaches all of it.`;

export function redoCommand(): Command {
  return new Command("redo")
    .summary("make the change again that undo took back")
    .description("Make the change again that the last undo took back.")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(redoChange);
}

async function redoChange(options: RedoOptions): Promise<void> {
  const { library } = options;
  const result = await withKeepsake(options, (keepsake) => keepsake.redo());
  const text = `Forward at ${describeState(result)} Back again: keepsake undo${libraryOption(library)}`;
  new Output(options).result(text, result);
}
