/**
 * @file `keepsake verify`: a thin shell over `Keepsake.verify`.
 */
import { Command } from "commander";
import type { Finding, VerifyReport } from "../../../keepsake/verify.ts";
import { KeepsakeError } from "../../../errors.ts";
import { Output } from "../../output.ts";
import { DEFAULT_LIBRARY, unfinishedRunLines, withKeepsake } from "../shared.ts";

interface VerifyOptions {
  readonly library: string;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake verify
  keepsake verify --library my-library --json

Hashes every file of the current state and of the earlier ones again and compares names, shapes and numbers with the
manifest and the model. One line for each fault; exit code 5 if there is one. Leftovers of killed processes are pointed
out and are no faults: the next command that changes the library clears them away. Files that are not the library's are
named and left alone.`;

export function verifyCommand(): Command {
  return new Command("verify")
    .summary("check every file of the library")
    .description("Check that every file of the library is whole. Nothing is changed.")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(verify);
}

async function verify(options: VerifyOptions): Promise<void> {
  const { library } = options;
  const output = new Output(options);
  const report = await withKeepsake(options, (keepsake) => keepsake.verify());
  const { faults, leftovers, foreign } = report;
  const verdict = faults.length === 0 ? [`${library} is whole: ${report.blobs} files checked.`] : [];
  const notes = [
    ...leftovers.map((leftover) => `leftover: ${line(leftover)}`),
    ...foreign.map(({ file }) => `${line({ file, fault: "this is not the library's, and stays" })}.`),
    ...unfinishedRunLines(report),
    ...(faults.length === 0 && report.model !== "checked" ? [MODEL_NOTES[report.model]] : []),
  ];
  output.listing([...faults.map(line), ...verdict, ...notes].join("\n"), report);
  if (faults.length === 0) return;
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  throw new KeepsakeError(
    "state",
    `${library} is damaged: ${count}; restore it from a backup, or undo to a whole state.`,
  );
}

const MODEL_NOTES: Readonly<Record<Exclude<VerifyReport["model"], "checked">, string>> = {
  unreadable: "The model cannot be read where the library says it is, so shapes were not compared with it.",
  another: "The model is not the one that the library was made on, so shapes were not compared with it.",
};

function line({ file, fault }: Finding): string {
  return `${file}: ${fault}`.replace(/\s*\n\s*/g, " ");
}
