/**
 * @file What the built-in model understands: its nouns, and the other words of its captions. Users are warned of any
 * other word.
 */
import type { KnownWords } from "../../src/prompts/known-words.ts";
import { NOUN_NAMES } from "../figures/nouns.ts";
import { captionWords } from "../world/captions.ts";

export function knownWords(): KnownWords {
  return { nouns: NOUN_NAMES, words: captionWords() };
}
