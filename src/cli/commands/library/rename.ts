/**
 * @file `keepsake rename`: a thin shell over `Keepsake.rename`.
 */
import { Command } from "commander";
import { Output } from "../../output.ts";
import { DEFAULT_LIBRARY, libraryOption, withKeepsake } from "../shared.ts";

interface RenameOptions {
  readonly library: string;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake rename mug blue-mug
  keepsake undo

Only the name changes: adapter and token keep every number. Earlier states that are kept still have the old name. Files
that were exported are named as they were.`;

export function renameCommand(): Command {
  return new Command("rename")
    .summary("rename a concept")
    .description("Rename a concept; what was learned stays as it is.")
    .argument("<name>", "what it is called, with or without angle brackets")
    .argument("<new>", "what it is to be called")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(rename);
}

async function rename(name: string, to: string, options: RenameOptions): Promise<void> {
  const result = await withKeepsake(options, (keepsake) => keepsake.rename({ name, to }));
  const back = `Take it back: keepsake undo${libraryOption(options.library)}`;
  new Output(options).result(`<${result.from}> is now ${result.token}. ${back}`, result);
}
