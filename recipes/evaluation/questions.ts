/**
 * @file What the built-in model is asked: captions of held-out combinations, and prompts of which one word is changed.
 */
import { COLOR_NAMES } from "../world/color.ts";
import { withArticle } from "../world/captions.ts";
import { DRAWN_NOUNS, DRAWN_WORLD } from "../world/drawn-world.ts";
import { captionedScene, FULL_CAPTIONS, type CaptionedScene } from "../world/world.ts";

/** Captions that differ from one another, of combinations of noun, background and colour that training never showed. */
export function heldOutScenes(seed: number, count: number): CaptionedScene[] {
  const scenes = new Map<string, CaptionedScene>();
  for (let index = 0; scenes.size < count; index++) {
    const scene = captionedScene(seed, index, {
      ...DRAWN_WORLD,
      split: "held out",
      captions: { ...FULL_CAPTIONS, style: 0.5 },
    });
    if (!scenes.has(scene.caption)) scenes.set(scene.caption, scene);
  }
  return [...scenes.values()];
}

/** Things that come in any colour. */
const PAINTED_NOUNS = ["car", "mug", "balloon", "cat", "teapot", "shirt", "bus", "butterfly"] as const;
/** Twenty of all kinds, evenly spread over the list of nouns. */
export const TWENTY_NOUNS: readonly string[] = Array.from(
  { length: 20 },
  (_, i) => DRAWN_NOUNS[Math.floor((i * DRAWN_NOUNS.length) / 20)],
);

/** Prompts that differ in one word, and must lead to pictures that differ in it. */
export interface AttributeQuestion {
  readonly attribute: "noun" | "background" | "color";
  readonly prompts: readonly string[];
}

export function attributeQuestions(): AttributeQuestion[] {
  const backgrounds = TWENTY_NOUNS.slice(0, 8).map((noun) => ({
    attribute: "background" as const,
    prompts: COLOR_NAMES.map((color) => `${withArticle(noun)} on ${withArticle(`${color} background`)}`),
  }));
  const nouns = (["white", "blue"] as const).map((color) => ({
    attribute: "noun" as const,
    prompts: TWENTY_NOUNS.map((noun) => `${withArticle(noun)} on a ${color} background`),
  }));
  const colors = PAINTED_NOUNS.map((noun) => ({
    attribute: "color" as const,
    prompts: ["red", "yellow", "green", "blue", "purple", "black"].map(
      (color) => `a ${color} ${noun} on a white background`,
    ),
  }));
  return [...backgrounds, ...nouns, ...colors];
}
