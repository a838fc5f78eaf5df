/**
 * @file What a concept may be called.
 */
import { KeepsakeError } from "../errors.ts";

/** Whether a name can stand in a prompt, between angle brackets, and in a file name. */
export function isConceptName(name: string): boolean {
  return /^[a-z0-9][a-z0-9_-]{0,39}$/.test(name);
}

/** How a concept is called in prompts. */
export function tokenOf(name: string): string {
  return `<${name}>`;
}

/** Every token in a prompt that looks like a concept's. */
export function tokensIn(prompt: string): string[] {
  return prompt.toLowerCase().match(/<[a-z0-9][a-z0-9_-]{0,39}>/g) ?? [];
}

/**
 * The name of a concept, however it was written: plain, or with angle brackets as in prompts.
 *
 * @throws KeepsakeError ("usage") for a name that a concept cannot have
 */
export function conceptName(asked: string): string {
  const [, name = asked] = /^\s*<(.*)>\s*$/.exec(asked) ?? [];
  if (isConceptName(name)) return name;
  const rule = "up to 40 small letters a-z, digits, - and _, beginning with a letter or digit";
  throw new KeepsakeError("usage", `"${shown(asked)}" cannot be the name of a concept: it needs ${rule}.`);
}

/** A few characters in one line, whatever was given. */
function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, "\ufffd");
  return line.length > 60 ? `${line.slice(0, 60)}...` : line;
}
