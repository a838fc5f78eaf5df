/**
 * @file `keepsake history`: a thin shell over `libraryHistory` and `keepStates`.
 */
import { Command } from "commander";
import { keepStates, libraryHistory } from "../../continual/library/history.ts";
import { describeChange } from "../../continual/library/state.ts";
import { LIMITS } from "../../continual/limits.ts";
import { wholeNumber } from "../options.ts";
import { formatBytes, formatTable, Output } from "../output.ts";
import { DEFAULT_LIBRARY, shortId } from "./shared.ts";

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

The current state comes first, marked with *, then the earlier ones that are kept, the one that was left last first. Each
line gives the state's id, what made it, and what it knows. There are no dates: the same commands give the same library.`;

export function historyCommand(): Command {
  return new Command("history")
    .summary("list the states that undo can go back to")
    .description("List the states that are kept, newest first, with what made each.")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option(
      "--keep <n>",
      "from now on, keep so many earlier states; older ones are deleted at once",
      wholeNumber(LIMITS.keep),
    )
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(history);
}

async function history(options: HistoryOptions): Promise<void> {
  const { library, keep } = options;
  if (keep !== undefined) await keepStates({ library, keep });
  const { states, bytes, ...rest } = await libraryHistory(library);
  const rows = states.map(({ id, change, concepts }, i) => [
    ...[i === 0 ? "*" : " ", shortId(id), describeChange(change)],
    concepts.map((name) => `<${name}>`).join(" ") || "(nothing)",
  ]);
  const sizes = `The current state takes ${formatBytes(bytes.current)}, the earlier ones ${formatBytes(bytes.earlier)}.`;
  const text = `${formatTable(rows)}\n${sizes} Earlier states kept: at most ${rest.keep}.`;
  const output = new Output(options);
  if (keep === undefined) output.listing(text, { states, bytes, ...rest });
  else output.result(text, { states, bytes, ...rest });
}
