/**
 * @file Prompts under which the model shall not change: those of earlier concepts, in templates and in varied contexts,
 * and generic ones that say what the model knew before anyone taught it anything.
 */
import { fillTemplate, PROMPT_TEMPLATES } from "../../prompts/prompt-templates.ts";
import { secondMoment } from "../../numeric/directions.ts";
import type { Concept } from "../../prompts/concept.ts";
import type { ConceptContext } from "../../training/strategy.ts";

/** Sentences that no training prompt looks like; a concept will be drawn in such ones. */
const CONTEXTS: readonly string[] = [
  "{}",
  "{} on the beach",
  "{} in the snow",
  "a painting of {} in a garden",
  "{} next to a tree, at night",
  "a small {} on a wooden table",
  "two pictures of {} in the city",
  "{} wearing a red hat",
  "a drawing of {} under the blue sky",
  "{} in front of a house, in the style of van Gogh",
];

/** "" is what classifier-free guidance leads away from: it is part of every picture. */
const CAPTIONS: readonly string[] = [
  "",
  "a photo",
  "a photo of a person",
  "a photo of a dog",
  "a photo of a cat",
  "a photo of a car on the street",
  "a red apple on a table",
  "a house in the mountains",
  "a bowl of fruit",
  "a blue bird on a tree",
  "a portrait of a woman, oil painting",
  "a child with a yellow ball on the grass",
  "the sea at sunset",
  "a city at night, a photograph",
];

/** How many prompts of one concept there are. */
export const MOST_CONTEXTS = PROMPT_TEMPLATES.length + CONTEXTS.length;

/**
 * @param tokens - of earlier concepts
 * @param contexts - prompts for each: the training templates first, then the varied ones
 */
export function conceptPrompts(tokens: readonly string[], contexts: number): string[] {
  const sentences = [...PROMPT_TEMPLATES, ...CONTEXTS].slice(0, contexts);
  return tokens.flatMap((token) => sentences.map((sentence) => fillTemplate(sentence, token)));
}

/** Class nouns in the training templates, and common captions. */
export function genericPrompts(nouns: readonly string[]): string[] {
  const phrases = [...new Set(nouns)].flatMap((noun) => PROMPT_TEMPLATES.map((text) => fillTemplate(text, noun)));
  return [...CAPTIONS, ...phrases];
}

/**
 * The sum of the second moments of the embeddings of generic prompts and of each earlier concept's, `[width, width]`:
 * each is protected as much however many there are.
 */
export async function protectedMoment(
  { earlier, classNoun, encodePrompts }: Pick<ConceptContext, "earlier" | "classNoun" | "encodePrompts">,
  width: number,
  { contexts = MOST_CONTEXTS, generic = true }: { readonly contexts?: number; readonly generic?: boolean } = {},
): Promise<Float64Array> {
  const nouns = [...earlier.map((concept) => concept.classNoun), classNoun];
  const groups = [
    ...(generic ? [genericPrompts(nouns)] : []),
    ...earlier.map(({ token }) => conceptPrompts([token], contexts)),
  ];
  const moment = new Float64Array(width * width);
  for (const prompts of groups) {
    secondMoment(await encodePrompts(prompts), width).forEach((value, i) => (moment[i] += value));
  }
  return moment;
}

/**
 * What is drawn to be replayed, in groups: each earlier concept, the new one's class noun, those of earlier concepts,
 * and what the model knew before. Half of it stands in the sentences of the training, half in others.
 *
 * @param count - of each group
 */
export function replayedPrompts(
  earlier: readonly Omit<Concept, "name">[],
  classNoun: string,
  count: number,
): string[][] {
  const numbers = Array.from({ length: count }, (_, i) => i);
  /** @param subjects - after an article, and as the subject of a sentence */
  const sentences = (subjects: readonly { readonly noun: string; readonly phrase: string }[]) =>
    numbers.map((i) => {
      const { noun, phrase } = subjects[i % subjects.length];
      const k = Math.floor(i / 2);
      return i % 2 === 0
        ? fillTemplate(PROMPT_TEMPLATES[k % PROMPT_TEMPLATES.length], noun)
        : fillTemplate(CONTEXTS[k % CONTEXTS.length], phrase);
    });
  const named = (noun: string) => ({ noun, phrase: `a ${noun}` });
  const nouns = [...new Set(earlier.map((concept) => concept.classNoun))].filter((noun) => noun !== classNoun);
  return [
    ...earlier.map(({ token }) => sentences([{ noun: token, phrase: token }])),
    sentences([named(classNoun)]),
    ...(nouns.length > 0 ? [sentences(nouns.map(named))] : []),
    numbers.map((i) => CAPTIONS[i % CAPTIONS.length]),
  ];
}
