/**
 * @file `keepsake undo`: a thin shell over `Keepsake.undo`.
 */
import { Command } from "commander";
import { describeChange } from "../../../library/manifest/state.ts";
import type { UndoResult } from "../../../library/undo.ts";
import { Output } from "../../output.ts";
import { DEFAULT_LIBRARY, libraryOption, shortId, withKeepsake } from "../shared.ts";

interface UndoOptions {
  readonly library: string;
  readonly to?: string;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake undo
  keepsake undo --to 3f2a9c81
  keepsake redo

The library returns to the state that it was in before the last change, to the byte. A second undo goes back one change
more; "keepsake redo" comes forward again. To go further at once, name a state of "keepsake history" with --to;
repeating such a command changes nothing.

Undo and redo lose nothing. A new change after an undo begins another end of the line: the states that redo would have
reached are then set aside, and --to reaches them as long as the library keeps so many states ("keepsake history
--keep").`;

export function undoCommand(): Command {
  return new Command("undo")
    .summary("take back the last change of the library")
    .description("Take back the last change of the library, or go to any other state that is kept.")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option("--to <state>", "state to go to: the first digits of an id in keepsake history")
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(undoChange);
}

async function undoChange(options: UndoOptions): Promise<void> {
  const { library, to } = options;
  const result = await withKeepsake(options, (keepsake) => keepsake.undo(to === undefined ? {} : { to }));
  const where = libraryOption(library);
  const next = to === undefined ? ` Forward again: keepsake redo${where}` : ` All states: keepsake history${where}`;
  const text = result.changed
    ? `${to === undefined ? "Back" : "Now"} at ${describeState(result)}${next}`
    : `The library is at ${describeState(result)}`;
  new Output(options).result(text, result);
}

/** A state, what made it, and what is known in it. */
export function describeState({ state, change, concepts }: UndoResult): string {
  const known = concepts.map((name) => `<${name}>`).join(", ") || "nothing";
  return `${shortId(state)} (${describeChange(change)}). It knows ${known}.`;
}
