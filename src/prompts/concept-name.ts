/**
 * @file What a concept may be called.
 */
import { KeepsakeError, shortened } from "../errors.ts";

const LONGEST = 40;

/** Whether a name can stand in a prompt, between angle brackets, and in a file name. */
export function isConceptName(name: string): boolean {
  return /^[a-z0-9][a-z0-9_-]{0,39}$/.test(name);
}

/** How a concept is called in prompts. */
export function tokenOf(name: string): string {
  return `<${name}>`;
}

/**
 * The name of a concept, however it was written: plain, or with angle brackets as in prompts.
 *
 * @throws KeepsakeError ("usage") for a name that a concept cannot have
 */
export function conceptName(asked: string): string {
  const [, name = asked] = /^\s*<(.*)>\s*$/.exec(asked) ?? [];
  if (isConceptName(name)) return name;
  const rule = `up to ${LONGEST} small letters a-z, digits, - and _, beginning with a letter or digit`;
  const possible = possibleName(name);
  const advice = possible === "" ? "" : `, e.g. ${possible}`;
  throw new KeepsakeError(
    "usage",
    `"${shortened(asked, 60)}" cannot be the name of a concept: it needs ${rule}${advice}.`,
  );
}

/** A name like this one that a concept can have; empty if there is none. */
function possibleName(name: string): string {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  // Letters of other alphabets cannot be left out without making it another name.
  if (/(?![a-z])\p{L}/u.test(plain)) return "";
  const words = plain.match(/[a-z0-9_]+/g) ?? [];
  return words.join("-").replace(/^_+/, "").slice(0, LONGEST);
}

/** Longer ones are no nouns; a prompt has 77 tokens. */
const LONGEST_NOUN = 200;

/** @throws KeepsakeError ("usage") for a class noun that is not made of words */
export function checkClassNoun(classNoun: string): void {
  const example = "say in a few words what the thing is, e.g. --class cat";
  if (classNoun.trim() === "") throw new KeepsakeError("usage", `The class noun is empty; ${example}.`);
  if (/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(classNoun)) {
    throw new KeepsakeError("usage", `The class noun holds line breaks or control characters; ${example}.`);
  }
  if (classNoun.length > LONGEST_NOUN) {
    const fault = `The class noun has ${classNoun.length} characters, at most ${LONGEST_NOUN} are possible`;
    throw new KeepsakeError("usage", `${fault}; ${example}.`);
  }
  if (!/\p{L}/u.test(classNoun) || /[<>＜＞]/.test(classNoun)) {
    throw new KeepsakeError("usage", `"${shortened(classNoun, 60)}" is no class noun; ${example}.`);
  }
}
