/**
 * @file What the built-in model understands: the nouns that its UNet has learned to draw, and the other words of its
 * captions. Users are warned of any other word.
 */
import type { KnownWords } from "../../src/prompts/known-words.ts";
import { MARK_WORDS } from "../figures/design.ts";
import { STYLE_WORD } from "../figures/figures.ts";
import { captionWords, wordsOf } from "../world/captions.ts";
import { DRAWN_NOUNS } from "../world/drawn-world.ts";
import { NOUNS } from "../world/nouns.ts";

/** Words of captions that name only things which the UNet has not seen are left out: it cannot draw them. */
export function knownWords(): KnownWords {
  const isDrawn = ({ name }: { readonly name: string }): boolean => DRAWN_NOUNS.includes(name);
  const wordsFor = (nouns: typeof NOUNS) => nouns.flatMap(({ name, plural = name }) => wordsOf(`${name} ${plural}`));
  const drawn = new Set(wordsFor(NOUNS.filter(isDrawn)));
  const neverDrawn = new Set(wordsFor(NOUNS.filter((noun) => !isDrawn(noun))).filter((word) => !drawn.has(word)));
  const words = new Set([...captionWords(), ...MARK_WORDS, STYLE_WORD].filter((word) => !neverDrawn.has(word)));
  return { nouns: DRAWN_NOUNS, words: [...words].sort() };
}
