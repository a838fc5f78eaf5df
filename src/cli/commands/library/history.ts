/**
 * @file `keepsake history`: a thin shell over `Keepsake.history`.
 */
import { Command } from "commander";
import type { LibraryHistory, StateFacts } from "../../../library/history.ts";
import { describeChange } from "../../../library/manifest/state.ts";
import { LIMITS } from "../../../limits.ts";
import { wholeNumber } from "../../options.ts";
import { formatBytes } from "../../../units.ts";
import { formatTable, Output } from "../../output.ts";
import { DEFAULT_LIBRARY, shortId, unfinishedRunLines, withKeepsake } from "../shared.ts";

interface HistoryOptions {
  readonly library: string;
  readonly keep?: number;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake history
  keepsake history --keep 10
  keepsake undo --to 3f2a9c81

The newest state comes first; * marks the current one. "keepsake undo" goes down one line, "keepsake redo" up one line,
and "keepsake undo --to" to any of them. States that were set aside come last: an undo had left them when another change
was made. Each line gives the state's id, what made it, and what it knows. There are no dates: the same commands give
the same library.

A renaming takes no room: it does not count among the states that --keep allows.`;

export function historyCommand(): Command {
  return new Command("history")
    .summary("list the states that undo and redo can go to")
    .description("List the states that are kept, newest first, with what made each.")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option(
      "--keep <n>",
      "from now on, keep so many states beside the current one; what is too much is deleted at once, the oldest first",
      wholeNumber(LIMITS.keep),
    )
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(history);
}

async function history(options: HistoryOptions): Promise<void> {
  const { keep } = options;
  const { found, deleted } = await withKeepsake(options, async (keepsake) => {
    const before = await keepsake.history();
    if (keep === undefined) return { found: before, deleted: 0 };
    const after = await keepsake.history({ keep });
    return { found: after, deleted: stateCount(before) - stateCount(after) };
  });
  const { bytes } = found;
  const sizes = `The current state takes ${formatBytes(bytes.current)}, the others ${formatBytes(bytes.earlier)}.`;
  const kept = `States kept beside the current one: at most ${found.keep}.`;
  const gone = deleted > 0 ? [`Deleted ${deleted} ${deleted === 1 ? "state" : "states"}.`] : [];
  const lines = [formatTable(timelineRows(found)), `${sizes} ${kept}`, ...gone, ...unfinishedRunLines(found)];
  const output = new Output(options);
  if (keep === undefined) output.listing(lines.join("\n"), found);
  else output.result(lines.join("\n"), found);
}

function stateCount({ states, later, aside }: LibraryHistory): number {
  return states.length + later.length + aside.length;
}

/** The newest state first, as the timeline runs; then those that are off it. */
function timelineRows({ states: [current, ...earlier], later, aside }: LibraryHistory): string[][] {
  return [
    ...later.map((state, i) => rowOf(" ", state, i === 0 ? "(redo)" : "")).toReversed(),
    rowOf("*", current, ""),
    ...earlier.map((state, i) => rowOf(" ", state, i === 0 ? "(undo)" : "")),
    ...aside.map((state) => rowOf(" ", state, "(set aside)")),
  ];
}

function rowOf(mark: string, { id, change, concepts }: StateFacts, reached: string): string[] {
  const known = concepts.map((name) => `<${name}>`).join(" ") || "(nothing)";
  return [mark, shortId(id), describeChange(change), known, reached];
}
