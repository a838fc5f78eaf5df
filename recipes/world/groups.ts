/**
 * @file Scenes that are hard to tell apart, for contrastive learning: they share all but one attribute, so that no
 * other word helps to find the caption.
 */
import {
  DEFAULT_LOOKS,
  dressed,
  isKeptForConcepts,
  markColors,
  randomLook,
  showsOn,
  type Figure,
  type Look,
  type Mark,
} from "../figures/figures.ts";
import { comesInColors, GARMENT_COLORS, GARMENT_NAMES, type Garment } from "../figures/garments.ts";
import { MARK_KINDS } from "../figures/marks.ts";
import { nounNamed } from "../figures/nouns.ts";
import { contrasting } from "../figures/tones.ts";
import { backgroundKey, randomBackground, type Background } from "./backgrounds.ts";
import { captionOf, FULL_CAPTIONS, type CaptionOptions } from "./captions.ts";
import { Dice } from "./dice.ts";
import { figuresAt, sampleScene, standsOut, type FixedAttributes, type WorldOptions } from "./sampler.ts";
import { isHeldOutCombination } from "./scene.ts";
import { completed, type CaptionedScene, type SampleOptions } from "./world.ts";

/** Pictures that show the same noun: short enough that one attribute has that many values. */
const blockSize = 8;
/** Of the groups, this share differ in the noun. */
const nounGroups = 0.5;

/**
 * In half of the groups all share background, layout, colours and marks, and differ in the noun; in the others, blocks
 * of eight share the noun and differ in one of colour, mark, background, layout or garment. No two captions of a group
 * say the same, except where a caption leaves out what differs.
 * @throws RangeError if the options leave too few nouns for a group.
 */
export function captionedGroup(
  seed: number | bigint,
  index: number,
  groupSize: number,
  options: SampleOptions = {},
): CaptionedScene[] {
  const { world, captions } = completed({ ...options, captions: { nounOnly: 0.2, ...options.captions } });
  const dice = new Dice(seed, "world group", index);
  if (dice.chance(nounGroups)) return nounGroup(dice, groupSize, world, captions);
  const blocks: CaptionedScene[] = [];
  const nouns = dice.sampleOf(world.nouns, Math.ceil(groupSize / blockSize));
  for (let i = 0; blocks.length < groupSize; i += 1) {
    const count = Math.min(blockSize, groupSize - blocks.length);
    blocks.push(...attributeBlock(dice, nouns[i % nouns.length], count, world));
  }
  return blocks;
}

/** Whether the figure may be shown before the background under the options. */
function isPossible(figure: Look, background: Background, { split }: Required<WorldOptions>): boolean {
  const { noun, colors, marks } = figure;
  if (isKeptForConcepts(figure) || !standsOut(figure, background)) return false;
  if (!marks.every(({ color }) => markColors(noun, colors).includes(color))) return false;
  return split === "all" || isHeldOutCombination(noun, backgroundKey(background), colors[0]) === (split === "held out");
}

/** The same look for another noun, as far as it goes. */
function transferred(look: Look, noun: string): Look {
  const { fixedSecond, slots } = nounNamed(noun);
  const [main, second] = look.colors;
  const isFixed = fixedSecond !== undefined && fixedSecond !== main;
  return {
    ...look,
    noun,
    colors: [main, isFixed ? fixedSecond : second],
    marks: look.marks.slice(0, slots),
    wearing: undefined,
  };
}

const varied = (look: Look, dice: Dice): Figure => ({ ...look, variation: dice.integer(2 ** 24) });

function nounGroup(
  dice: Dice,
  groupSize: number,
  world: Required<WorldOptions>,
  captions: Required<CaptionOptions>,
): CaptionedScene[] {
  const source = figuresAt("group", dice.integer(2 ** 24));
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const layouts = { single: 0.95, two: world.layouts.two === undefined ? 0 : 0.05 };
    const base = sampleScene(dice, { ...world, layouts, split: "all" }, source);
    const { background, layout, subjects } = base;
    const marks = dice.chance(world.plain) ? [] : subjects[0].figure.marks;
    const looks = world.nouns
      .map((noun) => transferred({ ...subjects[0].figure, marks }, noun))
      .filter((look) => isPossible(look, background, world));
    if (looks.length < groupSize) continue;
    return dice.sampleOf(looks, groupSize).map((look) => {
      const scene = sampleScene(dice, world, source, { figure: varied(look, dice), background, layout });
      return { scene, caption: captionOf(scene, dice, captions) };
    });
  }
  throw new RangeError(`The options leave no ${groupSize} nouns that can share a background.`);
}

type Axis = "color" | "mark" | "background" | "layout" | "garment";

/** Values of one attribute, in random order, of which a block takes the first that are possible. */
function attributeValues(axis: Axis, base: Figure, dice: Dice, world: Required<WorldOptions>): FixedAttributes[] {
  const shuffled = <T>(items: readonly T[]) => dice.sampleOf(items, items.length);
  const { fixedSecond } = nounNamed(base.noun);
  switch (axis) {
    case "color":
      return shuffled(contrasting([base.colors[1]])).map((main) => ({
        figure: { ...base, colors: [main, fixedSecond ?? base.colors[1]] },
      }));
    case "mark": {
      // Half of the blocks differ in the kind, half in kind and colour.
      const colors = markColors(base.noun, base.colors);
      const one = dice.pick(colors);
      const differs = dice.chance(0.5);
      const marks = MARK_KINDS.map((kind): Mark => ({ kind, color: differs ? dice.pick(colors) : one }));
      return shuffled(marks).map((mark) => ({ figure: { ...base, marks: [mark] } }));
    }
    case "layout":
      return shuffled([
        ...(["left", "right", "center"] as const).map(
          (position) => ({ kind: "single", size: "small", position }) as const,
        ),
        { kind: "single", size: "large", position: "center" } as const,
        { kind: "two" } as const,
      ]).map((layout) => ({ layout }));
    case "garment": {
      const garments = GARMENT_NAMES.flatMap((name): Garment[] =>
        comesInColors(name) ? GARMENT_COLORS.map((color) => ({ name, color })) : [{ name, color: undefined }],
      );
      const layout = { kind: "single", size: "large", position: "center" } as const;
      return shuffled(garments.filter((garment) => showsOn(garment, base))).map((wearing) => ({
        figure: { ...base, ...dressed(base, wearing) },
        layout,
      }));
    }
    case "background": {
      const backgrounds = new Map<string, Background>();
      // Few kinds of background have few designs: a world of plain ones alone has no more than its colours.
      for (let i = 0; i < 20 * blockSize && backgrounds.size < 3 * blockSize; i += 1) {
        const background = randomBackground(dice.weighted(world.backgrounds), dice);
        backgrounds.set(backgroundKey(background), background);
      }
      return [...backgrounds.values()].map((background) => ({ background }));
    }
  }
}

function attributeBlock(dice: Dice, noun: string, count: number, world: Required<WorldOptions>): CaptionedScene[] {
  const source = figuresAt("group", dice.integer(2 ** 24));
  const axes: Axis[] = ["color", "mark", "mark", "background"];
  if (nounNamed(noun).isWearer) axes.push("garment");
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const axis = dice.pick(axes);
    const look = randomLook(noun, { ...DEFAULT_LOOKS, wearing: axis === "garment" ? 0 : DEFAULT_LOOKS.wearing }, dice);
    const base = varied(look, dice);
    const settled = sampleScene(dice, { ...world, layouts: { single: 1 }, split: "all" }, source);
    const shared = { figure: base, background: settled.background, layout: settled.layout };
    const scenes: CaptionedScene[] = [];
    for (const value of attributeValues(axis, base, dice, world)) {
      const fixed = { ...shared, ...value };
      if (scenes.length === count) break;
      if (!isPossible(fixed.figure, fixed.background, world)) continue;
      const scene = sampleScene(dice, world, source, { ...fixed, figure: varied(fixed.figure, dice) });
      scenes.push({ scene, caption: captionOf(scene, dice, { ...FULL_CAPTIONS, second: 0.3 }) });
    }
    if (scenes.length === count) return scenes;
  }
  throw new RangeError(`The options leave too few pictures of a ${noun} for a group.`);
}
