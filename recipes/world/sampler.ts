/** @file Draws scenes at random: what is in them, where, in which colours, in front of what. */
import {
  backgroundColors,
  backgroundKey,
  randomBackground,
  type Background,
  type BackgroundKind,
} from "./backgrounds.ts";
import { ICON_TARGETS, labDistance, labFromLch, labFromRgb, PALETTE, type ColorName, ICON_COLORS } from "./color.ts";
import type { Dice } from "./dice.ts";
import { ICON_COLORS_MEASURED } from "./icon-colors.ts";
import { NOUNS, nounNamed, STYLE_NAMES, type StyleName } from "./nouns.ts";
import {
  isHeldOut,
  isHeldOutCombination,
  type Layout,
  type Position,
  type Scene,
  type Size,
  type Subject,
} from "./scene.ts";
import {
  canWear,
  comesInColors,
  GARMENT_COLORS,
  GARMENT_NAMES,
  mainColorOf,
  overhang,
  type Garment,
} from "./wearing.ts";

/** What the pictures of a training or an evaluation are like. Every number is a probability or a weight. */
export interface WorldOptions {
  /** "train" never shows a held-out combination, "held out" always does. Default: "train". */
  readonly split?: "train" | "held out" | "all";
  /** Default: all nouns. */
  readonly nouns?: readonly string[];
  /** Default: all styles. */
  readonly styles?: readonly StyleName[];
  readonly backgrounds?: Readonly<Partial<Record<BackgroundKind, number>>>;
  readonly layouts?: Readonly<Partial<Record<Layout["kind"], number>>>;
  readonly sizes?: Readonly<Partial<Record<Size, number>>>;
  /** That a single subject is not in the center. */
  readonly offCenter?: number;
  /** That a subject is turned into another colour, where its icon allows it. */
  readonly recolored?: number;
  /** That an animal or robot wears something. */
  readonly wearing?: number;
  /** The largest turn, in degrees. */
  readonly maxRotation?: number;
}

export const DEFAULT_OPTIONS = {
  split: "train",
  nouns: NOUNS.map((noun) => noun.name),
  styles: STYLE_NAMES,
  backgrounds: { plain: 0.6, gradient: 0.08, stripes: 0.05, dots: 0.05, checks: 0.04, place: 0.18 },
  layouts: { single: 0.83, group: 0.1, pair: 0.07 },
  sizes: { small: 0.17, medium: 0.55, big: 0.28 },
  offCenter: 0.3,
  recolored: 0.3,
  wearing: 0.3,
  maxRotation: 8,
} as const satisfies Required<WorldOptions>;

/** What is settled before the dice are thrown. */
export interface FixedAttributes {
  readonly noun?: string;
  readonly style?: StyleName;
  readonly color?: ColorName | "own";
  readonly background?: Background;
  readonly layout?: Layout;
  readonly wearing?: Garment | "nothing";
}

/** The colours that an icon can be turned into: all that differ clearly from its own. */
export function possibleColors(noun: string, style: StyleName): readonly ColorName[] {
  const measured = ICON_COLORS_MEASURED[style][noun];
  if (measured === undefined) return [];
  return ICON_COLORS.filter(
    (name) => name !== measured.name && labDistance(measured.main, labFromLch(ICON_TARGETS[name])) > 0.15,
  );
}

/** Whether a subject can be seen in front of a background: its main colour, if it has one, is not the background's. */
export function standsOut(
  noun: string,
  style: StyleName,
  color: ColorName | undefined,
  background: Background,
): boolean {
  const measured = ICON_COLORS_MEASURED[style][noun];
  if (measured === undefined || (color === undefined && measured.share < 0.6)) return true;
  const main = color === undefined ? measured.main : labFromLch(ICON_TARGETS[color]);
  return backgroundColors(background).every((behind) => labDistance(main, labFromRgb(behind)) > 0.14);
}

/** Whether a garment can be seen on its wearer: a yellow bow tie is lost on a yellow chick. */
export function showsOn(garment: Garment, noun: string, style: StyleName, color: ColorName | undefined): boolean {
  const measured = ICON_COLORS_MEASURED[style][noun];
  const wearer = color === undefined ? measured?.main : labFromLch(ICON_TARGETS[color]);
  return wearer === undefined || labDistance(wearer, labFromRgb(PALETTE[mainColorOf(garment)])) > 0.15;
}

/** Whether a scene of that noun may be shown under the options. */
export function isAllowed(noun: string, color: ColorName | undefined, background: Background, split: string): boolean {
  return split === "all" || isHeldOutCombination(noun, backgroundKey(background), color) === (split === "held out");
}

const scaleRanges: Readonly<Record<Size, readonly [number, number]>> = {
  small: [0.28, 0.37],
  medium: [0.54, 0.66],
  big: [0.8, 0.93],
};

/** The middle of a thing of that scale: as far to the side as it can be, or around the middle. */
function singlePlace(position: Position, scale: number, background: Background, dice: Dice): { x: number; y: number } {
  const near = scale / 2 + dice.between(0.01, 0.05);
  const slack = Math.max(0.01, 0.07 * (1 - scale));
  const middle = () => 0.5 + dice.between(-slack, slack);
  // In a place, things stand on the ground rather than in the air.
  const ground =
    background.kind === "place" ? Math.min(0.66, 0.96 - scale / 2) + dice.between(-slack, slack) : middle();
  switch (position) {
    case "center":
      return { x: middle(), y: Math.max(0.5, ground) };
    case "left":
      return { x: near, y: ground };
    case "right":
      return { x: 1 - near, y: ground };
    case "top":
      return { x: middle(), y: near };
    case "bottom":
      return { x: middle(), y: 1 - near };
  }
}

type Spot = Pick<Subject, "x" | "y" | "scale">;

function groupSpots(count: 2 | 3, background: Background, dice: Dice): Spot[] {
  const jitter = () => dice.between(-0.02, 0.02);
  const lower = background.kind === "place" ? 0.12 : 0;
  if (count === 2) {
    const scale = dice.between(0.4, 0.46);
    const tilt = lower > 0 ? 0 : dice.pick([-0.14, 0, 0, 0.14]);
    return [-1, 1].map((side) => ({ x: 0.5 + 0.24 * side + jitter(), y: 0.5 + lower + tilt * side + jitter(), scale }));
  }
  if (dice.chance(0.5)) {
    const scale = dice.between(0.28, 0.32);
    return [-1, 0, 1].map((side) => ({ x: 0.5 + 0.33 * side + jitter(), y: 0.5 + lower + jitter(), scale }));
  }
  const scale = dice.between(0.36, 0.42);
  const corners = [
    [0.5, 0.27],
    [0.26, 0.71],
    [0.74, 0.71],
  ];
  return corners.map(([x, y]) => ({ x: x + jitter(), y: y + 0.25 * lower + jitter(), scale }));
}

function pairSpots(relation: "next to" | "above", background: Background, dice: Dice): Spot[] {
  const jitter = () => dice.between(-0.02, 0.02);
  const scale = dice.between(0.4, 0.46);
  if (relation === "above") return [0.26, 0.74].map((y) => ({ x: 0.5 + jitter(), y: y + jitter(), scale }));
  const lower = background.kind === "place" ? 0.13 : 0;
  const spots = [-1, 1].map((side) => ({ x: 0.5 + 0.24 * side + jitter(), y: 0.5 + lower + jitter(), scale }));
  return dice.chance(0.5) ? spots : spots.reverse();
}

/** Makes room for a hat that rises above the icon, or a scarf that hangs below it. */
function withRoomFor(spot: Spot, garment: Garment | undefined, noun: string, style: StyleName): Spot {
  if (garment === undefined) return spot;
  const { above, below } = overhang(garment.name, noun, style);
  const scale = spot.scale / (1 + above + below);
  return { x: spot.x, y: spot.y + ((above - below) / 2) * scale, scale };
}

/** On small subjects a garment could not be told. */
function mayWear(noun: string, layout: Layout): boolean {
  return layout.kind === "single" && layout.size !== "small" && canWear(noun);
}

function randomGarment(dice: Dice): Garment {
  const name = dice.pick(GARMENT_NAMES);
  return { name, color: comesInColors(name) ? dice.pick(GARMENT_COLORS) : undefined };
}

function randomLayout(options: Required<WorldOptions>, background: Background, dice: Dice): Layout {
  const kind = dice.weighted(options.layouts);
  const inPlace = background.kind === "place";
  if (kind === "group") return { kind, count: dice.chance(0.5) ? 2 : 3 };
  if (kind === "pair") return { kind, relation: inPlace || dice.chance(0.5) ? "next to" : "above" };
  const size = dice.weighted(options.sizes);
  const aside = size !== "big" && dice.chance(options.offCenter);
  const sides: readonly Position[] = inPlace ? ["left", "right", "bottom"] : ["left", "right", "top", "bottom"];
  return { kind, size, position: aside ? dice.pick(sides) : "center" };
}

/** Which nouns are in the picture; those that cannot be counted are never two. */
function randomNouns(layout: Layout, fixed: FixedAttributes, options: Required<WorldOptions>, dice: Dice): string[] {
  const first = fixed.noun ?? dice.pick(options.nouns);
  if (layout.kind === "single") return [first];
  if (layout.kind === "pair") {
    let second = dice.pick(options.nouns);
    while (second === first) second = dice.pick(options.nouns);
    return [first, second];
  }
  return Array.from({ length: layout.count }, () => first);
}

/** One throw of the dice; undefined if the result breaks a rule (invisible, uncountable, of the other split). */
function tryScene(dice: Dice, options: Required<WorldOptions>, fixed: FixedAttributes): Scene | undefined {
  const background = fixed.background ?? randomBackground(dice.weighted(options.backgrounds), dice);
  const layout = fixed.layout ?? randomLayout(options, background, dice);
  const style = fixed.style ?? dice.pick(options.styles);
  const nouns = randomNouns(layout, fixed, options, dice);
  if (layout.kind === "group" && nounNamed(nouns[0]).plural === undefined) return undefined;

  const randomColor = (noun: string): ColorName | undefined => {
    const colors = possibleColors(noun, style);
    return colors.length > 0 && dice.chance(options.recolored) ? dice.pick(colors) : undefined;
  };
  const firstColor =
    fixed.color === undefined ? randomColor(nouns[0]) : fixed.color === "own" ? undefined : fixed.color;
  const spots =
    layout.kind === "group"
      ? groupSpots(layout.count, background, dice)
      : layout.kind === "pair"
        ? pairSpots(layout.relation, background, dice)
        : singleSpot(layout, background, dice);
  const subjects = nouns.map((noun, i): Subject => {
    const color = layout.kind === "pair" && i === 1 ? randomColor(noun) : firstColor;
    const wearing =
      fixed.wearing ?? (mayWear(noun, layout) && dice.chance(options.wearing) ? randomGarment(dice) : "nothing");
    const garment = wearing === "nothing" ? undefined : wearing;
    return {
      noun,
      style,
      color,
      wearing: garment,
      ...withRoomFor(spots[i], garment, noun, style),
      rotation: dice.between(-options.maxRotation, options.maxRotation),
      mirror: dice.chance(0.5),
    };
  });
  for (const { noun, color, wearing } of subjects) {
    if (!standsOut(noun, style, color, background)) return undefined;
    if (wearing !== undefined && !showsOn(wearing, noun, style, color)) return undefined;
  }
  const scene = { background, layout, subjects };
  return options.split === "all" || isHeldOut(scene) === (options.split === "held out") ? scene : undefined;
}

function singleSpot(layout: Layout & { kind: "single" }, background: Background, dice: Dice): Spot[] {
  const scale = dice.between(...scaleRanges[layout.size]);
  return [{ ...singlePlace(layout.position, scale, background, dice), scale }];
}

const maxThrows = 2000;

/**
 * A scene that follows the options and has the fixed attributes.
 * @throws RangeError if there seems to be none, such as a held-out split without a held-out combination.
 */
export function sampleScene(dice: Dice, options: Required<WorldOptions>, fixed: FixedAttributes = {}): Scene {
  for (let i = 0; i < maxThrows; i += 1) {
    const scene = tryScene(dice, options, fixed);
    if (scene !== undefined) return scene;
  }
  throw new RangeError(`No scene follows these options: ${JSON.stringify({ fixed, split: options.split })}`);
}
