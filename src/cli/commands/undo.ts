/**
 * @file `keepsake undo`: a thin shell over `undo`.
 */
import { Command } from "commander";
import { describeChange } from "../../continual/library/state.ts";
import { undo } from "../../continual/library/undo.ts";
import { Output } from "../output.ts";
import { DEFAULT_LIBRARY, shortId } from "./shared.ts";

interface UndoOptions {
  readonly library: string;
  readonly to?: string;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake undo
  keepsake undo --to 3f2a9c81

The library returns to the state that it was in, to the byte. An undo is a change like any other, so a second undo brings
back what the first took away. To go further back, name a state of "keepsake history" with --to; repeating such a command
changes nothing.`;

export function undoCommand(): Command {
  return new Command("undo")
    .summary("take back the last change of the library")
    .description("Take back the last change of the library, or return to any earlier state that is kept.")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option("--to <state>", "state to return to: the first digits of an id in keepsake history")
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(undoChange);
}

async function undoChange(options: UndoOptions): Promise<void> {
  const { library, to } = options;
  const result = await undo({ library, ...(to !== undefined && { to }) });
  const { state, change, concepts, changed } = result;
  const known = concepts.map((name) => `<${name}>`).join(", ") || "nothing";
  const where = `${shortId(state)} (${describeChange(change)}). It knows ${known}.`;
  const text = changed ? `Back at ${where} Another undo takes this back.` : `The library is at ${where}`;
  new Output(options).result(text, result);
}
