/**
 * @file A figure of the world as data, what its words say and what they leave open, and how it is drawn.
 */
import type { Pose } from "../concepts/animal.ts";
import { EXPRESSIONS, place } from "../concepts/svg.ts";
import { RandomStream } from "../../src/random/random.ts";
import type { ColorName } from "../world/color.ts";
import { Dice } from "../world/dice.ts";
import { comesInColors, GARMENT_COLORS, GARMENT_NAMES, mainColorOf, placeOf, type Garment } from "./garments.ts";
import { MARK_KINDS, type MarkKind } from "./marks.ts";
import { nounNamed, type Colors } from "./nouns.ts";
import { Sketch } from "./sketch.ts";
import { contrasting, distanceOfColors, shadeOf } from "./tones.ts";

export interface Mark {
  readonly kind: MarkKind;
  readonly color: ColorName;
}

/** What is said of a figure. */
export interface Look {
  readonly noun: string;
  readonly colors: Colors;
  /** Two at most, of different kinds; as many as the noun has room for. */
  readonly marks: readonly Mark[];
  readonly wearing: Garment | undefined;
}

/** A look, and a number that settles what no word describes: proportions, shades, details. */
export interface Figure extends Look {
  readonly variation: number;
  /** That its marks are not painted, and all else is as it is with them. Default: false. */
  readonly hidesMarks?: boolean;
}

/** What looks are like. Every number is a probability. */
export interface LookOptions {
  /** That the colours are those of nature. */
  readonly natural: number;
  /** That there is a mark; a second one has half of that. */
  readonly marked: number;
  /** That who can wear something does. */
  readonly wearing: number;
}

export const DEFAULT_LOOKS: LookOptions = { natural: 0.45, marked: 0.6, wearing: 0.14 };

/** One in this many combinations of noun, colours and marks is kept for concepts. */
const CONCEPTS_ONE_IN = 6;

/**
 * Whether the look is kept for concepts that are made to be taught: pictures to train or to measure a model never show
 * it.
 */
export function isKeptForConcepts({ noun, colors, marks }: Look): boolean {
  if (marks.length === 0) return false;
  const words = marks.map(({ kind, color }) => `${color} ${kind}`).sort();
  const key = [noun, ...colors, ...words].join("|");
  return new RandomStream(0, "kept for concepts", key).integer(CONCEPTS_ONE_IN) === 0;
}

/** The colours in which a mark can be seen on a figure of that noun. */
export function markColors(noun: string, [main, second]: Colors): ColorName[] {
  const behind = { main, second, pale: "white" } as const;
  return contrasting(
    nounNamed(noun).surfaces.map((surface) => behind[surface]),
    0.24,
  );
}

function randomColors(noun: string, options: LookOptions, dice: Dice): Colors {
  const { natural, fixedSecond } = nounNamed(noun);
  if (dice.chance(options.natural)) return dice.pick(natural);
  const main = dice.pick(contrasting(fixedSecond === undefined ? [] : [fixedSecond]));
  return [main, fixedSecond ?? dice.pick(contrasting([main]))];
}

function randomMarks(noun: string, colors: Colors, options: LookOptions, dice: Dice): Mark[] {
  const { slots } = nounNamed(noun);
  if (!dice.chance(options.marked)) return [];
  const kinds = dice.sampleOf(MARK_KINDS, slots === 2 && dice.chance(options.marked / 2) ? 2 : 1);
  return kinds.map((kind) => ({ kind, color: dice.pick(markColors(noun, colors)) }));
}

/** Whether a garment can be seen on its wearer. */
export function showsOn(garment: Garment, { colors: [main] }: Pick<Look, "colors">): boolean {
  return distanceOfColors(mainColorOf(garment), main) > 0.2;
}

function randomGarment(dice: Dice): Garment {
  const name = dice.pick(GARMENT_NAMES);
  return { name, color: comesInColors(name) ? dice.pick(GARMENT_COLORS) : undefined };
}

/** The look with that garment; under a hat there is room for one mark only. */
export function dressed(look: Look, wearing: Garment | undefined): Look {
  const hides = wearing !== undefined && placeOf(wearing.name) === "head";
  return { ...look, wearing, marks: hides ? look.marks.slice(0, 1) : look.marks };
}

/** What a figure of that noun may look like, at random; kept ones among them. */
export function randomLook(noun: string, options: LookOptions, dice: Dice): Look {
  const { isWearer } = nounNamed(noun);
  const colors = randomColors(noun, options, dice);
  const marks = randomMarks(noun, colors, options, dice);
  const garment = isWearer && dice.chance(options.wearing) ? randomGarment(dice) : undefined;
  const shown = garment !== undefined && showsOn(garment, { colors }) ? garment : undefined;
  return dressed({ noun, colors, marks, wearing: undefined }, shown);
}

export function randomPose(dice: Dice): Pose {
  return {
    body: dice.pick(["sit", "sit", "sit", "jump", "jump", "lie"] as const),
    // Eyes are mostly open: they make a face.
    expression: dice.chance(0.5) ? "happy" : dice.pick(EXPRESSIONS),
    tilt: dice.between(-12, 12),
    arms: [dice.between(0, 120), dice.between(0, 120)],
    tail: dice.between(-25, 25),
  };
}

/**
 * The figure on a square of 200 by 200, as the content of an SVG element. The same figure in another pose has the same
 * proportions, shades and details.
 * @param pose - default: one that goes with the figure's variation
 */
export function drawFigure(figure: Figure, pose?: Pose): string {
  const { noun, colors, marks, wearing, variation, hidesMarks = false } = figure;
  const dice = new Dice(variation, "figure", noun);
  const posed = pose ?? randomPose(new Dice(variation, "pose", noun));
  const [main, second] = colors.map((color) => shadeOf(color, dice));
  const filled = marks.map(({ kind, color }) => {
    const tone = shadeOf(color, dice);
    return { kind, fill: hidesMarks ? "none" : tone.fill };
  });
  const drawing = nounNamed(noun).draw(new Sketch(dice, posed, [main, second], filled, wearing));
  if (nounNamed(noun).slots === 1 && !nounNamed(noun).isWearer) return stretched(drawing, posed);
  // What is worn on the head needs room above it.
  return wearing !== undefined && placeOf(wearing.name) === "head" ? place(drawing, 14, 30, 0, 0.86) : drawing;
}

/** Things hold themselves too: they lean, and stretch before they jump. */
function stretched(drawing: string, { body, tilt }: Pose): string {
  const [wide, high] = { sit: [1, 1], jump: [0.94, 1.02], lie: [1.02, 0.92] }[body];
  return place(place(drawing, -100, -190), 100, 190, tilt * 0.35, wide, high);
}
