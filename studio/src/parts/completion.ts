/** @file Concepts in a prompt while it is typed. */

/**
 * What was typed of a token before the caret, without its bracket: "mo" of "a photo of <mo"; absent if no token begins
 * there.
 */
export function startedToken(prompt: string, caret: number): string | undefined {
  return /<([a-z0-9_-]*)$/.exec(prompt.slice(0, caret))?.[1];
}

/** The prompt with a token at the caret, in place of the one that was begun there, and where the caret is then. */
export function completed(
  prompt: string,
  caret: number,
  token: string,
): { readonly value: string; readonly caret: number } {
  const before = prompt.slice(0, caret).replace(/<[a-z0-9_-]*$/, "");
  const after = prompt.slice(caret);
  const space = before === "" || /\s$/.test(before) ? "" : " ";
  const start = `${before}${space}${token}`;
  return { value: `${start}${after}`, caret: start.length };
}
