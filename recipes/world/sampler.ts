/** @file Draws scenes at random: what is in them, where, in front of what. */
import { DEFAULT_LOOKS, isKeptForConcepts, randomLook, type Figure } from "../figures/figures.ts";
import { NOUN_NAMES } from "../figures/nouns.ts";
import { backgroundColors, randomBackground, type Background, type BackgroundKind } from "./backgrounds.ts";
import { labDistance, labFromRgb, PALETTE } from "./color.ts";
import { Dice } from "./dice.ts";
import { isHeldOut, type Layout, type Position, type Scene, type Size, type Subject } from "./scene.ts";

/** What the pictures of a training or an evaluation are like. Every number is a probability or a weight. */
export interface WorldOptions {
  /** "train" never shows a held-out combination, "held out" always does. Default: "train". */
  readonly split?: "train" | "held out" | "all";
  /** Default: all nouns. */
  readonly nouns?: readonly string[];
  readonly backgrounds?: Readonly<Partial<Record<BackgroundKind, number>>>;
  readonly layouts?: Readonly<Partial<Record<Layout["kind"], number>>>;
  readonly sizes?: Readonly<Partial<Record<Size, number>>>;
  /** That a small thing is not in the center. */
  readonly offCenter?: number;
  /** That a figure has neither marks nor garments, beyond those that have none anyway. */
  readonly plain?: number;
  /** That a figure has a mark, beyond those that have one anyway. */
  readonly marked?: number;
  /** The largest turn, in degrees. */
  readonly maxRotation?: number;
}

export const DEFAULT_OPTIONS: Required<WorldOptions> = {
  split: "train",
  nouns: NOUN_NAMES,
  backgrounds: { plain: 0.48, gradient: 0.1, stripes: 0.03, dots: 0.03, checks: 0.03, place: 0.33 },
  layouts: { single: 0.86, two: 0.03, pair: 0.11 },
  sizes: { large: 0.92, small: 0.08 },
  offCenter: 0.7,
  plain: 0,
  marked: 0,
  maxRotation: 7,
};

/** Large single things without marks, mostly on plain backgrounds: shapes are learned from these. */
export const EASY_WORLD: WorldOptions = {
  layouts: { single: 1 },
  sizes: { large: 1 },
  backgrounds: { plain: 0.8, gradient: 0.08, place: 0.12 },
  plain: 0.6,
};

/** The figure of a noun that has this number. */
export type FigureSource = (noun: string, number: number) => Figure;

/** How many figures a source has of each noun. */
export const FIGURES_OF_A_NOUN = 36;

const figures = new Map<string, Figure>();

/** Figures that belong to an address, such as a seed and a block of pictures. */
export function figuresAt(...address: (string | number)[]): FigureSource {
  return (noun, number) => {
    const key = [...address, noun, number].join("|");
    const known = figures.get(key);
    if (known !== undefined) return known;
    const dice = new Dice(0, "figure", key);
    let look = randomLook(noun, DEFAULT_LOOKS, dice);
    while (isKeptForConcepts(look)) look = randomLook(noun, DEFAULT_LOOKS, dice);
    const figure = { ...look, variation: dice.integer(2 ** 24) };
    if (figures.size > 20_000) figures.clear();
    figures.set(key, figure);
    return figure;
  };
}

/** What is settled before the dice are thrown. */
export interface FixedAttributes {
  readonly figure?: Figure;
  readonly background?: Background;
  readonly layout?: Layout;
}

/** Whether a figure can be seen in front of a background: its main colour is none of the background's. */
export function standsOut({ colors: [main] }: Pick<Figure, "colors">, background: Background): boolean {
  const own = labFromRgb(PALETTE[main]);
  return backgroundColors(background).every((behind) => labDistance(own, labFromRgb(behind)) > 0.14);
}

const scaleRanges: Readonly<Record<Size, readonly [number, number]>> = { small: [0.44, 0.54], large: [0.76, 1] };

type Spot = Pick<Subject, "x" | "y" | "scale">;

/** The middle of a thing of that scale. In a place, things stand on the ground rather than in the air. */
function singleSpot({ size, position }: Layout & { kind: "single" }, background: Background, dice: Dice): Spot[] {
  const scale = dice.between(...scaleRanges[size]);
  const slack = 0.4 * (1 - scale);
  const near = scale / 2 + dice.between(0.01, 0.06);
  const x = { center: 0.5 + dice.between(-slack, slack) * 0.7, left: near, right: 1 - near }[position];
  const ground = 0.985 - scale / 2 - dice.between(0, 0.05);
  return [{ x, y: background.kind === "place" ? ground : 0.5 + dice.between(-slack, slack), scale }];
}

/** The second stands to the right, in front of the first and a little lower: so both are larger than half the side. */
function twoSpots(background: Background, dice: Dice): Spot[] {
  const scale = dice.between(0.54, 0.61);
  const behind = dice.between(0.04, 0.11);
  const front = background.kind === "place" ? 0.98 - scale / 2 : 0.5 + behind + dice.between(-0.02, 0.02);
  const [left, right] = [scale / 2 + dice.between(-0.02, 0.02), 1 - scale / 2 + dice.between(-0.02, 0.02)];
  return [
    { x: left, y: front - 2 * behind, scale },
    { x: right, y: front, scale },
  ];
}

function randomLayout(options: Required<WorldOptions>, dice: Dice): Layout {
  const kind = dice.weighted(options.layouts);
  if (kind !== "single") return { kind };
  const size = dice.weighted(options.sizes);
  const position: Position =
    size === "small" && dice.chance(options.offCenter) ? dice.pick(["left", "right"]) : "center";
  return { kind, size, position };
}

/** @param isWanted - where a figure of the noun can be had that is so, it is so */
function randomFigure(
  nouns: readonly string[],
  source: FigureSource,
  isWanted: (figure: Figure) => boolean,
  dice: Dice,
): Figure {
  const noun = dice.pick(nouns);
  let figure = source(noun, dice.integer(FIGURES_OF_A_NOUN));
  for (let i = 0; i < 30 && !isWanted(figure); i += 1) figure = source(noun, dice.integer(FIGURES_OF_A_NOUN));
  return figure;
}

function wantedFigure({ plain, marked }: Required<WorldOptions>, dice: Dice): (figure: Figure) => boolean {
  if (dice.chance(plain)) return ({ marks, wearing }) => marks.length === 0 && wearing === undefined;
  if (marked > 0 && dice.chance(marked)) return ({ marks }) => marks.length > 0;
  return () => true;
}

/** Which figures are in the picture. */
function randomFigures(
  layout: Layout,
  fixed: Figure | undefined,
  options: Required<WorldOptions>,
  source: FigureSource,
  dice: Dice,
): Figure[] {
  const isWanted = wantedFigure(options, dice);
  const first = fixed ?? randomFigure(options.nouns, source, isWanted, dice);
  if (layout.kind === "single") return [first];
  if (layout.kind === "two") return [first, first];
  const others = options.nouns.filter((noun) => noun !== first.noun);
  return [first, randomFigure(others, source, isWanted, dice)];
}

/** One throw of the dice; undefined if the result breaks a rule (invisible, of the other split). */
function tryScene(
  dice: Dice,
  options: Required<WorldOptions>,
  source: FigureSource,
  fixed: FixedAttributes,
): Scene | undefined {
  const background = fixed.background ?? randomBackground(dice.weighted(options.backgrounds), dice);
  const layout = fixed.layout ?? randomLayout(options, dice);
  const shown = randomFigures(layout, fixed.figure, options, source, dice);
  if (!shown.every((figure) => standsOut(figure, background))) return undefined;
  const spots = layout.kind === "single" ? singleSpot(layout, background, dice) : twoSpots(background, dice);
  const subjects = shown.map((figure, i): Subject => ({
    figure,
    ...spots[i],
    rotation: dice.between(-options.maxRotation, options.maxRotation),
    mirror: dice.chance(0.5),
  }));
  const scene = { background, layout, subjects };
  return options.split === "all" || isHeldOut(scene) === (options.split === "held out") ? scene : undefined;
}

const maxThrows = 2000;

/**
 * A scene that follows the options and has the fixed attributes.
 * @throws RangeError if there seems to be none, such as a held-out split without a held-out combination.
 */
export function sampleScene(
  dice: Dice,
  options: Required<WorldOptions>,
  source: FigureSource,
  fixed: FixedAttributes = {},
): Scene {
  for (let i = 0; i < maxThrows; i += 1) {
    const scene = tryScene(dice, options, source, fixed);
    if (scene !== undefined) return scene;
  }
  throw new RangeError(`No scene follows these options: ${JSON.stringify({ fixed, split: options.split })}`);
}
