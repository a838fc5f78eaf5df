/**
 * @file What several commands have in common.
 */
import { shellQuote } from "../../errors.ts";

import type { UnfinishedRun } from "../../continual/library/unfinished-run.ts";

/** Where concepts are kept unless --library says otherwise. */
export const DEFAULT_LIBRARY = "keepsake-library";

/** How a command that is shown to be copied says which library it is about. */
export function libraryOption(library: string): string {
  return library === DEFAULT_LIBRARY ? "" : ` --library ${shellQuote(library)}`;
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
