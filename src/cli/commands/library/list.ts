/**
 * @file `keepsake list`: a thin shell over `Keepsake.list`.
 */
import { Command } from "commander";
import { formatBytes } from "../../../units.ts";
import { formatTable, Output } from "../../output.ts";
import { DEFAULT_LIBRARY, unfinishedRunLines, withKeepsake } from "../shared.ts";

interface ListOptions {
  readonly library: string;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake list
  keepsake list --library my-library --json

The size of a concept is that of its token's embedding. The adapter, and what the learning strategy remembers, are
shared by all concepts and do not grow with their number.`;

export function listCommand(): Command {
  return new Command("list")
    .summary("list the concepts in the library")
    .description("List the concepts in the library, in the order in which they were learned.")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(list);
}

async function list(options: ListOptions): Promise<void> {
  const contents = await withKeepsake(options, (keepsake) => keepsake.list());
  const rows = contents.concepts.map(({ token, classNoun, steps, strategy, taught, bytes }) => [
    ...[
      token,
      classNoun,
      steps === undefined ? "imported" : `${steps} ${steps === 1 ? "step" : "steps"}${taughtText(taught)}`,
      steps === undefined ? "" : (strategy ?? "plain training"),
      formatBytes(bytes),
    ],
  ]);
  const shared = `Shared by all: ${formatBytes(contents.sharedBytes)}`;
  const lines = rows.length === 0 ? [`${options.library} knows nothing yet.`] : [formatTable(rows), shared];
  new Output(options).listing([...lines, ...unfinishedRunLines(contents)].join("\n"), contents);
}

/** How often a concept was taught, if that was more than once. */
function taughtText(taught: number | undefined): string {
  return taught === undefined ? "" : ` (taught ${taught} times)`;
}
