/**
 * @file What several commands have in common.
 */
import { shellPath } from "../../shell.ts";

import type { UnfinishedRun } from "../../library/unfinished-run.ts";

import type { Command } from "commander";
import { builtInNouns } from "../../library/model-profile.ts";
import { Library } from "../../library/library.ts";

/** Where concepts are kept unless --library says otherwise. */
export const DEFAULT_LIBRARY = "keepsake-library";

/** The library to draw with: the one that was asked for, or the default one if it is there. */
export async function existingLibrary(folder: string, command: Command): Promise<string | undefined> {
  if (command.getOptionValueSource("library") !== "default") return folder;
  return (await Library.openIfExists(folder)) === undefined ? undefined : folder;
}

/** For the help of commands that ask the built-in model for something. */
export function aboutBuiltInModel(): string {
  return paragraph(`The built-in model knows few words, and these things: ${builtInNouns().join(", ")}.`);
}

/** A long line as a paragraph of a help text. */
function paragraph(text: string, width = 120): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return `\n${lines.join("\n")}`;
}

/** How a command that is shown to be copied says which library it is about. */
export function libraryOption(library: string): string {
  return library === DEFAULT_LIBRARY ? "" : ` --library ${shellPath(library)}`;
}

/** An unfinished run, and the commands that go on with it or give it up. Each stands in a line of its own, to be copied. */
export function unfinishedRunLines({ unfinishedRun: run }: { readonly unfinishedRun?: UnfinishedRun }): string[] {
  if (run === undefined) return [];
  const { concept, step, command, giveUp } = run;
  if (run.inUse) return [`Another process is at work here; step ${step} of learning <${concept}> is saved.`];
  const facts = `There is an unfinished run of <${concept}> (step ${step} is saved). Go on with it, or give it up:`;
  return [facts, `  ${command}`, `  ${giveUp}`];
}

/** As much of a state's id as is shown. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
