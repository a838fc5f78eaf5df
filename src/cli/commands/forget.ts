/**
 * @file `keepsake forget`: a thin shell over `forgetConcept`.
 */
import { Command } from "commander";
import { forgetConcept, type ForgetResult } from "../../continual/library/forget.ts";
import { Output } from "../output.ts";
import { DEFAULT_LIBRARY } from "./shared.ts";

interface ForgetOptions {
  readonly library: string;
  readonly purge: boolean;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake forget mug
  keepsake forget mug --purge
  keepsake undo

Its token and name leave the current state. Earlier states that are kept still hold it, so that it can be undone; --purge
deletes them, and the name with them, for good. The name of an unfinished run gives that run up.

What goes is the token. The adapter is shared by all concepts: it was trained on this one and keeps traces of it, from which
pictures of its kind may still take something. They are gone when the last concept is forgotten, for then the adapter goes too,
or when you return to a state from before it was learned ("keepsake undo --to"). The photos were never kept.

The sheet of previews beside the library may show it, and is deleted; pictures and sheets that you had written elsewhere are
yours to delete.`;

export function forgetCommand(): Command {
  return new Command("forget")
    .summary("remove a thing from the library")
    .description("Remove a thing from the library: its token goes.")
    .argument("<name>", "what it is called, without angle brackets")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option("--purge", "also delete every earlier state that holds it; cannot be undone", false)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(forget);
}

async function forget(name: string, options: ForgetOptions): Promise<void> {
  const result = await forgetConcept({ library: options.library, name, purge: options.purge });
  new Output(options).result([whatWent(result), whatIsLeft(result)].join("\n").trimEnd(), result);
}

function whatWent({ name, forgot, heldBy, purged }: ForgetResult): string {
  switch (forgot) {
    case "run":
      return `Gave up the unfinished run of <${name}>.`;
    case "earlier":
      return `The current state did not know <${name}>; ${states(purged)} deleted.`;
    case "concept":
      if (purged > 0) return `Forgot <${name}>; ${states(purged)} deleted.`;
      if (heldBy === 0) return `Forgot <${name}>; no earlier state holds it.`;
      return `Forgot <${name}>. ${held(heldBy)} it and can bring it back (undo); --purge deletes such states.`;
  }
}

function whatIsLeft({ name, forgot, remains }: ForgetResult): string {
  if (forgot === "run") return "";
  switch (remains) {
    case "nothing":
      return "The adapter holds nothing of it.";
    case "adapter":
      return "The adapter, which all concepts share, was trained on it and keeps traces of it.";
    case "unknown":
      return `The adapter keeps traces of it if <${name}> was learned before the current state.`;
  }
}

function states(count: number): string {
  return count === 1 ? "1 earlier state" : `${count} earlier states`;
}

function held(count: number): string {
  return count === 1 ? "1 earlier state still holds" : `${count} earlier states still hold`;
}
