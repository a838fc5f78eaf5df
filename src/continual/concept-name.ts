/**
 * @file What a concept may be called.
 */
import { KeepsakeError } from "../errors.ts";

const LONGEST = 40;

/** Whether a name can stand in a prompt, between angle brackets, and in a file name. */
export function isConceptName(name: string): boolean {
  return /^[a-z0-9][a-z0-9_-]{0,39}$/.test(name);
}

/** How a concept is called in prompts. */
export function tokenOf(name: string): string {
  return `<${name}>`;
}

/** @throws KeepsakeError ("usage") for a name that a concept cannot have */
export function checkConceptName(name: string): void {
  if (isConceptName(name)) return;
  const rule = `up to ${LONGEST} small letters a-z, digits, - and _, beginning with a letter or digit`;
  const possible = possibleName(name);
  const advice = possible === "" ? "" : `, e.g. ${possible}`;
  throw new KeepsakeError(
    "usage",
    `"${name.slice(0, 60)}" cannot be the name of a concept: it needs ${rule}${advice}.`,
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

/** @throws KeepsakeError ("usage") for a class noun that is not made of words */
export function checkClassNoun(classNoun: string): void {
  if (classNoun.trim() === "") {
    throw new KeepsakeError("usage", "The class noun is empty; say what the thing is, e.g. --class cat.");
  }
  if (!/\p{L}/u.test(classNoun) || /[<>＜＞]/.test(classNoun)) {
    const fault = `"${classNoun.slice(0, 60)}" is no class noun`;
    throw new KeepsakeError("usage", `${fault}; say in ordinary words what the thing is, e.g. --class cat.`);
  }
}
