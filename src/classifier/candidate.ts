/**
 * @file What a picture may show: a prompt for each learned concept, for ordinary things, and for anything else.
 */
import type { Concept } from "../prompts/concept.ts";

/** Something that a picture may show. */
export interface Candidate {
  /** `<mochi>`, or `a cat`. */
  readonly label: string;
  /** Under which the noise is predicted. */
  readonly prompt: string;
  /** Name of the learned concept; absent for an ordinary thing. */
  readonly concept?: string;
}

/** The empty prompt. A candidate that does not fit the picture predicts its noise worse than no words at all. */
export const ANYTHING: Candidate = { label: "anything else", prompt: "" };

/** A learned concept. The sentence is the same for all candidates: they differ in the one word that matters. */
export function conceptCandidate({ name, token }: Concept): Candidate {
  return { label: token, prompt: `a photo of a ${token}`, concept: name };
}

/** An ordinary thing, such as a class noun: `a photo of a cat`. */
export function ordinaryCandidate(noun: string): Candidate {
  const label = `${/^[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
  return { label, prompt: `a photo of ${label}` };
}

/** Each noun once: the tokenizer does not tell capitals from small letters, nor one space from two. */
export function distinctNouns(nouns: readonly string[]): string[] {
  return [...new Set(nouns.map((noun) => noun.trim().toLowerCase().replace(/\s+/g, " ")))];
}
