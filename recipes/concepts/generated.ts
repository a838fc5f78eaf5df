/**
 * @file Concepts without end, for long streams: figures of the world with fixed proportions, colours and one or two
 * marks that have names. Their combinations of noun, colours and marks are kept for this: no picture of a training
 * shows one.
 */
import { drawFigure, isKeptForConcepts, markColors, type Figure, type Look } from "../figures/figures.ts";
import { MARK_KINDS } from "../figures/marks.ts";
import { nounNamed, NOUN_NAMES } from "../figures/nouns.ts";
import { contrasting } from "../figures/tones.ts";
import { captionWords, markPhrase, withArticle } from "../world/captions.ts";
import { COLOR_NAMES, PALETTE } from "../world/color.ts";
import { Dice } from "../world/dice.ts";
import { CONCEPTS, type Concept } from "./concepts.ts";

export interface GeneratedConcept extends Concept {
  readonly figure: Figure;
}

const SYLLABLES = Array.from("bdfgklmnprstvz").flatMap((consonant) =>
  Array.from("aeiou", (vowel) => `${consonant}${vowel}`),
);
const NAMES = SYLLABLES.length ** 2;
/** Has no factor in common with the number of names, so that no two concepts of a seed share one. */
const STRIDE = 1009;
const taken = new Set([...captionWords(), ...CONCEPTS.map(({ name }) => name)]);

function nameOf(seed: number, index: number): string {
  const number = (new Dice(seed, "concept names").integer(NAMES) + STRIDE * index) % NAMES;
  const name = SYLLABLES[Math.floor(number / SYLLABLES.length)] + SYLLABLES[number % SYLLABLES.length];
  return taken.has(name) ? `${name}ra` : name;
}

/** Every noun comes once before one comes again, and then in another colour. */
function lookOf(seed: number, index: number): Look {
  const round = Math.floor(index / NOUN_NAMES.length);
  const order = new Dice(seed, "concept nouns", round).sampleOf(NOUN_NAMES, NOUN_NAMES.length);
  const noun = order[index % NOUN_NAMES.length];
  const { fixedSecond, slots } = nounNamed(noun);
  const possible = fixedSecond === undefined ? COLOR_NAMES : contrasting([fixedSecond]);
  const mains = new Dice(seed, "concept colors", noun).sampleOf(possible, possible.length);
  const main = mains[round % mains.length];
  const dice = new Dice(seed, "concept look", index);
  for (;;) {
    const colors = [main, fixedSecond ?? dice.pick(contrasting([main]))] as const;
    const kinds = dice.sampleOf(MARK_KINDS, slots === 2 && dice.chance(0.6) ? 2 : 1);
    const marks = kinds.map((kind) => ({ kind, color: dice.pick(markColors(noun, colors)) }));
    const look = { noun, colors, marks, wearing: undefined };
    if (isKeptForConcepts(look)) return look;
  }
}

/**
 * Concept number `index` of a stream: the same for the same seed, however many are asked for. At most 4900 have
 * different names.
 */
export function generatedConcept(seed: number, index: number): GeneratedConcept {
  const look = lookOf(seed, index);
  const figure = { ...look, variation: new Dice(seed, "concept variation", index).integer(2 ** 24) };
  const { noun, colors, marks } = look;
  const named = nounNamed(noun).showsSecond ? colors : colors.slice(0, 1);
  return {
    name: nameOf(seed, index),
    classNoun: noun,
    description: `${withArticle(`${named.join(" and ")} ${noun}`)} with ${marks.map(markPhrase).join(" and ")}`,
    colors: [PALETTE[colors[0]]],
    scales: [0.74, 0.98],
    draw: (pose) => drawFigure(figure, pose),
    figure,
  };
}
