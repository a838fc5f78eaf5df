/**
 * @file Captions: sentences that say what a scene shows. Each attribute is named in most captions and left out of some, so that
 * both "a cat" and "a small red cat on the left, on a blue background" mean something.
 */
import type { BackgroundDesign } from "./backgrounds.ts";
import { COLOR_NAMES } from "./color.ts";
import type { Dice } from "./dice.ts";
import { ICON_COLORS_MEASURED } from "./icon-colors.ts";
import { NOUNS, nounNamed, STYLE_NAMES } from "./nouns.ts";
import type { PlaceName } from "./places.ts";
import type { Position, Scene, Size, Subject } from "./scene.ts";
import { GARMENT_NAMES, type Garment } from "./wearing.ts";

/** How likely each thing is named in a caption, where the scene has it. */
export interface CaptionOptions {
  /** That the caption is the noun (and its count) alone. */
  readonly nounOnly?: number;
  readonly style?: number;
  /** The colour of a subject that was recoloured. */
  readonly newColor?: number;
  /** The colour that a thing has anyway. */
  readonly ownColor?: number;
  readonly background?: number;
  readonly size?: number;
  readonly position?: number;
  readonly garment?: number;
}

export const DEFAULT_CAPTIONS: Required<CaptionOptions> = {
  nounOnly: 0.1,
  style: 0.4,
  newColor: 0.97,
  ownColor: 0.3,
  background: 0.88,
  size: 0.85,
  position: 0.88,
  garment: 0.95,
};

/** Everything that can be said is said. */
export const FULL_CAPTIONS: Required<CaptionOptions> = {
  nounOnly: 0,
  style: 1,
  newColor: 1,
  ownColor: 1,
  background: 1,
  size: 1,
  position: 1,
  garment: 1,
};

/** A phrase's weight stands before it; `{}` is filled in. */
const prefixes: Readonly<Record<string, number>> = {
  "{}": 0.36,
  "a photo of {}": 0.2,
  "a picture of {}": 0.12,
  "an image of {}": 0.06,
  "a drawing of {}": 0.06,
  "a sticker of {}": 0.06,
  "a rendering of {}": 0.03,
  "the photo of {}": 0.02,
  "a good photo of {}": 0.03,
  "a bright photo of {}": 0.02,
  "a cropped photo of {}": 0.02,
  "a close-up photo of {}": 0.02,
};
const stylePrefixes: Readonly<Record<string, number>> = {
  "a [style] sticker of {}": 0.4,
  "a [style] picture of {}": 0.2,
  "a [style] drawing of {}": 0.2,
  "{}, [style] style": 0.2,
};
const fillers = ["nice", "cool", "clean", "cute"] as const;
const determiners = { a: 0.9, the: 0.05, one: 0.02, my: 0.03 };
const sizeWords: Readonly<Record<Size, readonly string[]>> = {
  small: ["small", "small", "little", "tiny"],
  medium: [],
  big: ["big", "big", "large", "huge"],
};
const positionPhrases: Readonly<Record<Position, readonly string[]>> = {
  center: ["in the middle", "in the center"],
  left: ["on the left", "on the left side"],
  right: ["on the right", "on the right side"],
  top: ["at the top"],
  bottom: ["at the bottom"],
};
const placePhrases: Readonly<Record<PlaceName, readonly string[]>> = {
  beach: ["on the beach", "on a beach", "at the beach"],
  snow: ["in the snow", "on the snow"],
  night: ["under the night sky", "in the night sky", "at night"],
  grass: ["on the grass", "on green grass", "in a meadow"],
  table: ["on a wooden table", "on a table", "on top of a wooden table"],
  sea: ["in the sea", "on the water", "in the ocean"],
  desert: ["in the desert", "in a desert"],
  city: ["in the city", "in a city", "with a city in the background"],
  forest: ["in the forest", "in a forest"],
  mountains: ["in the mountains", "with mountains in the background", "with a mountain in the background"],
};
const countWords = { 2: "two", 3: "three" } as const;
const prepositions = { on: 0.8, "in front of": 0.12, with: 0.08 };
/** Other words that the code below puts together. */
const joints = [
  "an",
  "some",
  "and",
  "next to",
  "above",
  "below",
  "wearing",
  "plain gradient striped stripes dots polka checks checkered from",
];

export function withArticle(phrase: string): string {
  return `${/^(?!unicorn)[aeiou]/.test(phrase) ? "an" : "a"} ${phrase}`;
}

/** The name of a subject's colour, if the caption is to say it. */
function colorWord(subject: Subject, options: Required<CaptionOptions>, dice: Dice): string | undefined {
  if (subject.color !== undefined) return dice.chance(options.newColor) ? subject.color : undefined;
  const own = ICON_COLORS_MEASURED[subject.style][subject.noun]?.name;
  return own !== undefined && dice.chance(options.ownColor) ? own : undefined;
}

function garmentPhrase({ name, color }: Garment, options: Required<CaptionOptions>, dice: Dice): string {
  if (name === "sunglasses") return name;
  return withArticle(color !== undefined && dice.chance(options.newColor) ? `${color} ${name}` : name);
}

/** "a small red cat wearing a crown", "two cats", "some corn". */
function nounPhrase(
  subject: Subject,
  count: 1 | 2 | 3,
  size: Size,
  options: Required<CaptionOptions>,
  dice: Dice,
): string {
  const { name, plural } = nounNamed(subject.noun);
  const words: string[] = [];
  if (options.nounOnly > 0 && dice.chance(0.03)) words.push(dice.pick(fillers));
  if (sizeWords[size].length > 0 && dice.chance(options.size)) words.push(dice.pick(sizeWords[size]));
  const color = colorWord(subject, options, dice);
  if (color !== undefined) words.push(color);
  words.push(count === 1 ? name : (plural ?? name));
  const phrase = words.join(" ");
  let whole: string;
  if (count !== 1) whole = `${countWords[count]} ${phrase}`;
  else if (plural === undefined) whole = dice.chance(0.85) ? `some ${phrase}` : phrase;
  else {
    const determiner = dice.weighted(determiners);
    whole = determiner === "a" ? withArticle(phrase) : `${determiner} ${phrase}`;
  }
  if (subject.wearing !== undefined && dice.chance(options.garment)) {
    whole += ` wearing ${garmentPhrase(subject.wearing, options, dice)}`;
  }
  return whole;
}

/** "a blue and white striped background"; undefined for places, which have phrases of their own. */
function backgroundNoun(background: BackgroundDesign, dice: Dice): string | undefined {
  switch (background.kind) {
    case "place":
      return undefined;
    case "plain":
      return dice.chance(0.85)
        ? withArticle(`${background.color} background`)
        : `a plain ${background.color} background`;
    case "gradient": {
      const { color, second } = background;
      return dice.chance(0.7)
        ? withArticle(`${color} and ${second} gradient background`)
        : `a gradient background from ${color} to ${second}`;
    }
    case "dots":
      return withArticle(
        `${background.color} background with ${background.second} ${dice.pick(["dots", "polka dots"])}`,
      );
    case "stripes":
    case "checks": {
      const { color, second, kind } = background;
      const colors = dice.chance(0.5) ? `${color} and ${second}` : `${second} and ${color}`;
      const adjective = kind === "stripes" ? "striped" : "checkered";
      return dice.chance(0.6)
        ? withArticle(`${colors} ${adjective} background`)
        : `a background with ${colors} ${kind}`;
    }
  }
}

/** Where a background sets a picture: "on the beach", "on a blue background". Always the same words. */
export function settingOf(background: BackgroundDesign): string {
  switch (background.kind) {
    case "place":
      return placePhrases[background.place][0];
    case "plain":
      return `on ${withArticle(`${background.color} background`)}`;
    case "dots":
      return `on ${withArticle(`${background.color} background with ${background.second} dots`)}`;
    case "gradient":
    case "stripes":
    case "checks": {
      const adjective = { gradient: "gradient", stripes: "striped", checks: "checkered" }[background.kind];
      return `on ${withArticle(`${background.color} and ${background.second} ${adjective} background`)}`;
    }
  }
}

/** What the picture shows, without its background: "a red cat above two dogs". */
function subjectsPhrase(scene: Scene, options: Required<CaptionOptions>, dice: Dice): string {
  const { layout, subjects } = scene;
  const size = layout.kind === "single" ? layout.size : "medium";
  const count = layout.kind === "group" ? layout.count : 1;
  const phrase = (i: number) => nounPhrase(subjects[i], count, size, options, dice);
  if (layout.kind !== "pair") return phrase(0);
  if (layout.relation === "above") {
    return dice.chance(0.6) ? `${phrase(0)} above ${phrase(1)}` : `${phrase(1)} below ${phrase(0)}`;
  }
  return `${phrase(0)} ${dice.chance(0.65) ? "next to" : "and"} ${phrase(1)}`;
}

/** The subjects, where they are, and what is behind them. */
function wholePhrase(scene: Scene, options: Required<CaptionOptions>, dice: Dice): string {
  const { background, layout } = scene;
  const subjects = subjectsPhrase(scene, options, dice);
  // The middle is where things are expected: it is seldom worth a word.
  const aside = layout.kind === "single" && layout.size !== "big";
  const worth = aside ? (layout.position === "center" ? 0.15 * options.position : options.position) : 0;
  const position = aside && dice.chance(worth) ? dice.pick(positionPhrases[layout.position]) : undefined;
  const placed = position === undefined ? subjects : `${subjects} ${position}`;
  if (!dice.chance(options.background)) return placed;
  if (background.kind === "place") {
    const where = dice.pick(placePhrases[background.place]);
    if (position === undefined) return `${subjects} ${where}`;
    return dice.chance(0.6) ? `${subjects} ${where}, ${position}` : `${placed}, ${where}`;
  }
  const behind = backgroundNoun(background, dice) ?? "";
  // "with a background with dots" would be hard to read.
  const simple = !behind.includes(" with ");
  if (simple && dice.chance(0.08)) return `${behind} with ${placed}`;
  const where = `${dice.weighted(simple ? prepositions : { ...prepositions, with: 0 })} ${behind}`;
  if (position === undefined) return `${subjects} ${where}`;
  return dice.chance(0.5) ? `${subjects} ${where}, ${position}` : `${placed}, ${where}`;
}

/** A caption of the scene: lower case, with commas, no full stop. */
export function captionOf(scene: Scene, dice: Dice, options: Required<CaptionOptions>): string {
  const nounOnly = dice.chance(options.nounOnly);
  const silent = { ...options, style: 0, newColor: 0, ownColor: 0, background: 0, size: 0, position: 0, garment: 0 };
  const phrase = wholePhrase(scene, nounOnly ? silent : options, dice);
  const named = dice.chance(nounOnly ? 0 : options.style);
  const frame = dice.weighted(named ? stylePrefixes : prefixes);
  return frame.replace("[style]", scene.subjects[0].style).replace("{}", phrase);
}

/** Every word that a caption can hold, sorted. */
export function captionWords(): string[] {
  const phrases = [
    ...NOUNS.flatMap(({ name, plural }) => [name, plural ?? ""]),
    ...COLOR_NAMES,
    ...GARMENT_NAMES,
    ...STYLE_NAMES,
    ...Object.keys(prefixes),
    ...Object.keys(stylePrefixes).map((frame) => frame.replace("[style]", "")),
    ...fillers,
    ...Object.keys(determiners),
    ...Object.values(sizeWords).flat(),
    ...Object.values(positionPhrases).flat(),
    ...Object.values(placePhrases).flat(),
    ...Object.values(countWords),
    ...Object.keys(prepositions),
    ...joints,
    "background",
  ];
  return [...new Set(phrases.flatMap((phrase) => wordsOf(phrase)))].sort();
}

/** The words of a caption, without commas. */
export function wordsOf(caption: string): string[] {
  return caption.match(/[a-z-]+/g) ?? [];
}
