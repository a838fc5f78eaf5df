/**
 * @file What a model is asked: captions of held-out combinations, and prompts of which one word is changed. Only words
 * that it knows are asked for.
 */
import type { KnownWords } from "../../src/prompts/known-words.ts";
import { NOUN_NAMES } from "../figures/nouns.ts";
import { withArticle, wordsOf } from "../world/captions.ts";
import { COLOR_NAMES } from "../world/color.ts";
import { captionedScene, FULL_CAPTIONS, type CaptionedScene, type SampleOptions } from "../world/world.ts";

/** Whether every one of the models knows a caption's words and the nouns of its scene. */
export type IsAsked = (question: CaptionedScene) => boolean;

export function knownToAll(known: readonly KnownWords[]): IsAsked {
  const lists = known.map(({ nouns, words }) => ({ nouns: new Set(nouns), words: new Set(words) }));
  return ({ scene, caption }) =>
    lists.every(
      ({ nouns, words }) =>
        scene.subjects.every(({ figure }) => nouns.has(figure.noun)) &&
        wordsOf(caption).every((word) => words.has(word)),
    );
}

/** The nouns that every one of the models knows. */
export function nounsKnownToAll(known: readonly KnownWords[]): string[] {
  return NOUN_NAMES.filter((noun) => known.every(({ nouns }) => nouns.includes(noun)));
}

/** Captions that differ from one another, of combinations of noun, background and colour that training never showed. */
export function heldOutScenes(
  seed: number,
  count: number,
  isAsked: IsAsked,
  options: SampleOptions = {},
): CaptionedScene[] {
  const scenes = new Map<string, CaptionedScene>();
  for (let index = 0; scenes.size < count; index++) {
    const captions = { ...FULL_CAPTIONS, second: 0.2 };
    const scene = captionedScene(seed, index, { captions, ...options, split: "held out" });
    if (!scenes.has(scene.caption) && isAsked(scene)) scenes.set(scene.caption, scene);
    if (index > 1000 * count) throw new RangeError("the models have too few words in common");
  }
  return [...scenes.values()];
}

/** Things that come in any colour. */
const PAINTED_NOUNS: readonly string[] = ["car", "mug", "cat", "teapot", "house", "truck", "backpack", "butterfly"];

/** Of all kinds, evenly spread over the list of nouns. */
export function spread(nouns: readonly string[], count: number): string[] {
  const most = Math.min(count, nouns.length);
  return Array.from({ length: most }, (_, i) => nouns[Math.floor((i * nouns.length) / most)]);
}

/** Prompts that differ in one word, and must lead to pictures that differ in it. */
export interface AttributeQuestion {
  readonly attribute: "noun" | "background" | "color";
  readonly prompts: readonly string[];
}

export function attributeQuestions(nouns: readonly string[]): AttributeQuestion[] {
  const backgrounds = spread(nouns, 8).map((noun) => ({
    attribute: "background" as const,
    prompts: COLOR_NAMES.map((color) => `${withArticle(noun)} on ${withArticle(`${color} background`)}`),
  }));
  const things = (["white", "blue"] as const).map((color) => ({
    attribute: "noun" as const,
    prompts: spread(nouns, 20).map((noun) => `${withArticle(noun)} on a ${color} background`),
  }));
  const colors = PAINTED_NOUNS.filter((noun) => nouns.includes(noun)).map((noun) => ({
    attribute: "color" as const,
    prompts: ["red", "yellow", "green", "blue", "purple", "black"].map(
      (color) => `a ${color} ${noun} on a white background`,
    ),
  }));
  return [...backgrounds, ...things, ...colors];
}
