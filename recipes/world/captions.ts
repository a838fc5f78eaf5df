/**
 * @file Captions: sentences that say what a scene shows. Each attribute is named in most captions and left out of some,
 * so that both "a cat" and "a small red cat on the left, on a blue background" mean something.
 */
import type { Figure, Look, Mark } from "../figures/figures.ts";
import { GARMENT_NAMES, type Garment } from "../figures/garments.ts";
import { isSeveral, MARK_KINDS } from "../figures/marks.ts";
import { nounNamed, NOUNS } from "../figures/nouns.ts";
import type { BackgroundDesign } from "./backgrounds.ts";
import { COLOR_NAMES } from "./color.ts";
import type { Dice } from "./dice.ts";
import {
  DETERMINERS,
  FILLERS,
  JOINTS,
  LARGE_NAMED,
  PLACE_PHRASES,
  POSITION_PHRASES,
  PREFIXES,
  PREPOSITIONS,
  SIZE_WORDS,
} from "./phrases.ts";
import type { Layout, Scene } from "./scene.ts";

/** How likely each thing is named in a caption, where the scene has it. */
export interface CaptionOptions {
  /** That the caption is the noun (and its count) alone. */
  readonly nounOnly?: number;
  readonly color?: number;
  /** The second colour, where there is much of it and the first is named. */
  readonly second?: number;
  /** Each mark. */
  readonly mark?: number;
  readonly garment?: number;
  readonly background?: number;
  readonly size?: number;
  readonly position?: number;
}

export const DEFAULT_CAPTIONS: Required<CaptionOptions> = {
  nounOnly: 0.08,
  color: 0.85,
  second: 0.25,
  mark: 0.8,
  garment: 0.95,
  background: 0.9,
  size: 0.9,
  position: 0.9,
};

/** Everything that can be said is said. */
export const FULL_CAPTIONS: Required<CaptionOptions> = {
  nounOnly: 0,
  color: 1,
  second: 1,
  mark: 1,
  garment: 1,
  background: 1,
  size: 1,
  position: 1,
};

const SILENT: Required<CaptionOptions> = {
  ...{ nounOnly: 0, color: 0, second: 0, mark: 0, garment: 0, background: 0, size: 0, position: 0 },
};

/** Longer captions do not fit the text encoder: they are said again with less. */
const MOST_WORDS = 27;

export function withArticle(phrase: string): string {
  return `${/^[aeiou]/.test(phrase) ? "an" : "a"} ${phrase}`;
}

/** The colours of a figure, as far as the caption says them: "red", "red and white". */
function colorWords({ noun, colors }: Look, options: Required<CaptionOptions>, dice: Dice): string | undefined {
  if (!dice.chance(options.color)) return undefined;
  const saysBoth = nounNamed(noun).showsSecond && dice.chance(options.second);
  return saysBoth ? colors.join(" and ") : colors[0];
}

/** "a red star", "blue dots". */
export function markPhrase({ kind, color }: Mark): string {
  return isSeveral(kind) ? `${color} ${kind}` : withArticle(`${color} ${kind}`);
}

function garmentPhrase({ name, color }: Garment): string {
  if (name === "sunglasses") return name;
  return withArticle(color === undefined ? name : `${color} ${name}`);
}

/** "a small red cat with a blue star wearing a crown", "two cats". */
function nounPhrase(figure: Figure, layout: Layout, options: Required<CaptionOptions>, dice: Dice): string {
  const { name, plural } = nounNamed(figure.noun);
  const words: string[] = [];
  if (options.nounOnly > 0 && dice.chance(0.03)) words.push(dice.pick(FILLERS));
  if (layout.kind === "single") {
    const worth = layout.size === "large" ? LARGE_NAMED : 1;
    if (dice.chance(worth * options.size)) words.push(dice.pick(SIZE_WORDS[layout.size]));
  }
  const color = colorWords(figure, options, dice);
  if (color !== undefined) words.push(color);
  words.push(layout.kind === "two" ? plural : name);
  const phrase = words.join(" ");
  let whole = `two ${phrase}`;
  if (layout.kind !== "two") {
    const determiner = dice.weighted(DETERMINERS);
    whole = determiner === "a" ? withArticle(phrase) : `${determiner} ${phrase}`;
  }
  const marks = figure.marks.filter(() => dice.chance(options.mark)).map(markPhrase);
  if (marks.length > 0) whole += ` with ${marks.join(" and ")}`;
  if (figure.wearing !== undefined && dice.chance(options.garment))
    whole += ` wearing ${garmentPhrase(figure.wearing)}`;
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
      return PLACE_PHRASES[background.place][0];
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

/** What the picture shows, without its background: "a red cat next to a mug". */
function subjectsPhrase({ layout, subjects }: Scene, options: Required<CaptionOptions>, dice: Dice): string {
  const phrase = (i: number) => nounPhrase(subjects[i].figure, layout, options, dice);
  return layout.kind === "pair" ? `${phrase(0)} ${dice.chance(0.65) ? "next to" : "and"} ${phrase(1)}` : phrase(0);
}

/** The subjects, where they are, and what is behind them. */
function wholePhrase(scene: Scene, options: Required<CaptionOptions>, dice: Dice): string {
  const { background, layout } = scene;
  const subjects = subjectsPhrase(scene, options, dice);
  // The middle is where things are expected: it is seldom worth a word.
  const aside = layout.kind === "single" && layout.size === "small";
  const worth = aside ? (layout.position === "center" ? 0.15 * options.position : options.position) : 0;
  const position = aside && dice.chance(worth) ? dice.pick(POSITION_PHRASES[layout.position]) : undefined;
  const placed = position === undefined ? subjects : `${subjects} ${position}`;
  if (!dice.chance(options.background)) return placed;
  if (background.kind === "place") {
    const where = dice.pick(PLACE_PHRASES[background.place]);
    if (position === undefined) return `${subjects} ${where}`;
    return dice.chance(0.6) ? `${subjects} ${where}, ${position}` : `${placed}, ${where}`;
  }
  const behind = backgroundNoun(background, dice) ?? "";
  // "with a background with dots" would be hard to read.
  const simple = !behind.includes(" with ") && !subjects.includes(" with ");
  if (simple && dice.chance(0.04)) return `${behind} with ${placed}`;
  const where = `${dice.weighted(simple ? PREPOSITIONS : { ...PREPOSITIONS, with: 0 })} ${behind}`;
  if (position === undefined) return `${subjects} ${where}`;
  return dice.chance(0.5) ? `${subjects} ${where}, ${position}` : `${placed}, ${where}`;
}

/** A caption of the scene: lower case, with commas, no full stop. */
export function captionOf(scene: Scene, dice: Dice, options: Required<CaptionOptions>): string {
  const frame = dice.weighted(PREFIXES);
  const said = dice.chance(options.nounOnly) ? SILENT : options;
  const shorter = [said, { ...said, second: 0, mark: 0.5 * said.mark }, { ...said, second: 0, mark: 0 }];
  for (const these of shorter) {
    const caption = frame.replace("{}", wholePhrase(scene, these, dice));
    if (wordsOf(caption).length <= MOST_WORDS) return caption;
  }
  return wholePhrase(scene, SILENT, dice);
}

/** Every word that a caption can hold, sorted. */
export function captionWords(): string[] {
  const phrases = [
    ...NOUNS.flatMap(({ name, plural }) => [name, plural]),
    ...COLOR_NAMES,
    ...MARK_KINDS,
    ...GARMENT_NAMES,
    ...Object.keys(PREFIXES),
    ...FILLERS,
    ...Object.keys(DETERMINERS),
    ...Object.values(SIZE_WORDS).flat(),
    ...Object.values(POSITION_PHRASES).flat(),
    ...Object.values(PLACE_PHRASES).flat(),
    ...Object.keys(PREPOSITIONS),
    ...JOINTS,
    "background",
  ];
  return [...new Set(phrases.flatMap((phrase) => wordsOf(phrase)))].sort();
}

/** The words of a caption, without commas. */
export function wordsOf(caption: string): string[] {
  return caption.match(/[a-z-]+/g) ?? [];
}
