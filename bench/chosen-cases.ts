/**
 * @file Which cases `--case` means.
 */
import { KeepsakeError } from "../src/errors.ts";

/**
 * The case of that name, or all whose names have it in them.
 *
 * @throws KeepsakeError ("usage") that lists the names, if there is none
 */
export function chosenCases<Case extends { readonly name: string }>(cases: readonly Case[], asked: string): Case[] {
  const exact = cases.filter(({ name }) => name === asked);
  const chosen = exact.length > 0 ? exact : cases.filter(({ name }) => name.includes(asked));
  if (chosen.length > 0) return chosen;
  const names = cases.map(({ name }) => name).join(", ");
  throw new KeepsakeError("usage", `No case has "${asked}" in its name; there are ${names}.`);
}
