/**
 * @file The world that the built-in model learns: captioned pictures, each a pure function of (seed, index).
 *
 * `sampleScene` and captions need no pictures; `World` adds the sprites that rendering needs.
 */
import { captionOf, DEFAULT_CAPTIONS, FULL_CAPTIONS, type CaptionOptions } from "./captions.ts";
import { randomBackground, type Background } from "./backgrounds.ts";
import { Dice } from "./dice.ts";
import { Icons } from "./icons.ts";
import type { ColorName } from "./color.ts";
import { nounNamed } from "./nouns.ts";
import {
  DEFAULT_OPTIONS,
  isAllowed,
  possibleColors,
  sampleScene,
  showsOn,
  standsOut,
  type FixedAttributes,
  type WorldOptions,
} from "./sampler.ts";
import { paintScene, POSITIONS, type Layout, type Scene } from "./scene.ts";
import { canWear, comesInColors, GARMENT_COLORS, GARMENT_NAMES, Wardrobe, type Garment } from "./wearing.ts";

export { isHeldOut } from "./scene.ts";
export { captionWords, FULL_CAPTIONS, type CaptionOptions } from "./captions.ts";
export type { WorldOptions } from "./sampler.ts";

/** What to draw, and how to speak of it. */
export interface SampleOptions extends WorldOptions {
  readonly captions?: CaptionOptions;
}

export interface CaptionedScene {
  readonly scene: Scene;
  readonly caption: string;
}

export interface Sample extends CaptionedScene {
  /** The picture as bytes, `[size, size, 3]`. */
  render(size: number): Uint8Array;
}

export interface Batch {
  /** `[count, 3, size, size]`, -1 to 1. */
  readonly pixels: Float32Array;
  readonly captions: readonly string[];
  readonly scenes: readonly Scene[];
}

function complete(options: SampleOptions): { world: Required<WorldOptions>; captions: Required<CaptionOptions> } {
  const { captions, ...world } = options;
  return { world: { ...DEFAULT_OPTIONS, ...world }, captions: { ...DEFAULT_CAPTIONS, ...captions } };
}

/** The scene and caption number `index` of the stream `seed`. */
export function captionedScene(seed: number | bigint, index: number, options: SampleOptions = {}): CaptionedScene {
  const { world, captions } = complete(options);
  const dice = new Dice(seed, "world", index);
  const scene = sampleScene(dice, world);
  return { scene, caption: captionOf(scene, dice, captions) };
}

/** Pictures of a hard-negative group that show the same noun: short enough that one attribute has that many values. */
const blockSize = 8;
/** Of the groups, this share differ in the noun. */
const nounGroups = 0.65;

/**
 * Scenes that are hard to tell apart, for contrastive learning. In most groups all share background, style and layout, and differ
 * in the noun; in the others, blocks of eight share the noun and differ in one of colour, background, layout or garment. No two
 * captions of a group say the same, except where a caption leaves out what differs.
 * @throws RangeError if the options leave too few nouns for a group.
 */
export function captionedGroup(
  seed: number | bigint,
  index: number,
  groupSize: number,
  options: SampleOptions = {},
): CaptionedScene[] {
  const { world, captions } = complete({ ...options, captions: { nounOnly: 0.2, ...options.captions } });
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

function nounGroup(
  dice: Dice,
  groupSize: number,
  world: Required<WorldOptions>,
  captions: Required<CaptionOptions>,
): CaptionedScene[] {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { background, layout, subjects } = sampleScene(dice, {
      ...world,
      layouts: { single: 0.9, group: 0.1 },
      split: "all",
    });
    const { style, color } = subjects[0];
    const fits = world.nouns.filter(
      (noun) =>
        (layout.kind === "single" || nounNamed(noun).plural !== undefined) &&
        (color === undefined || possibleColors(noun, style).includes(color)) &&
        standsOut(noun, style, color, background) &&
        isAllowed(noun, color, background, world.split),
    );
    if (fits.length < groupSize) continue;
    return dice.sampleOf(fits, groupSize).map((noun) => {
      const fixed = { noun, style, color: color ?? ("own" as const), background, layout, wearing: "nothing" as const };
      const scene = sampleScene(dice, world, fixed);
      return { scene, caption: captionOf(scene, dice, captions) };
    });
  }
  throw new RangeError(`The options leave no ${groupSize} nouns that can share a background.`);
}

/** Values of one attribute, in random order, of which a block takes the first that are possible. */
function attributeValues(axis: string, dice: Dice, noun: string, world: Required<WorldOptions>): FixedAttributes[] {
  const shuffled = <T>(items: readonly T[]) => dice.sampleOf(items, items.length);
  switch (axis) {
    case "color": {
      const style = dice.pick(world.styles);
      const colors: (ColorName | "own")[] = [...possibleColors(noun, style), "own"];
      return shuffled(colors).map((color) => ({ style, color }));
    }
    case "layout": {
      const single = (size: "small" | "medium"): Layout[] =>
        POSITIONS.map((position) => ({ kind: "single", size, position }));
      const layouts: Layout[] = [
        ...single("small"),
        ...single("medium"),
        { kind: "single", size: "big", position: "center" },
      ];
      if (nounNamed(noun).plural !== undefined) layouts.push({ kind: "group", count: 2 }, { kind: "group", count: 3 });
      return shuffled(layouts).map((layout) => ({ layout, wearing: "nothing" }));
    }
    case "garment": {
      const garments = GARMENT_NAMES.flatMap((name): Garment[] =>
        comesInColors(name) ? GARMENT_COLORS.map((color) => ({ name, color })) : [{ name, color: undefined }],
      );
      const layout: Layout = { kind: "single", size: dice.pick(["medium", "big"] as const), position: "center" };
      return shuffled([...garments, "nothing" as const]).map((wearing) => ({ wearing, layout }));
    }
    default: {
      const backgrounds = new Map<string, Background>();
      // Few kinds of background have few designs: a world of plain ones alone has no more than its colours.
      for (let i = 0; i < 20 * blockSize && backgrounds.size < 3 * blockSize; i += 1) {
        const background = randomBackground(dice.weighted(world.backgrounds), dice);
        backgrounds.set(JSON.stringify({ ...background, variation: 0 }), background);
      }
      return [...backgrounds.values()].map((background) => ({ background }));
    }
  }
}

function attributeBlock(dice: Dice, noun: string, count: number, world: Required<WorldOptions>): CaptionedScene[] {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const axis = dice.pick(
      canWear(noun) ? ["color", "layout", "background", "garment"] : ["color", "layout", "background"],
    );
    const style = dice.pick(world.styles);
    const base = sampleScene(dice, { ...world, layouts: { single: 1 }, split: "all" }, { noun, style });
    const shared: FixedAttributes = {
      noun,
      style,
      color: base.subjects[0].color ?? "own",
      background: base.background,
      layout: base.layout,
      wearing: base.subjects[0].wearing ?? "nothing",
    };
    const scenes: Scene[] = [];
    for (const value of attributeValues(axis, dice, noun, world)) {
      const fixed = { ...shared, ...value };
      if (scenes.length < count && isPossible(fixed, world)) scenes.push(sampleScene(dice, world, fixed));
    }
    if (scenes.length === count) {
      return scenes.map((scene) => ({
        scene,
        caption: captionOf(scene, dice, { ...FULL_CAPTIONS, style: 0.3, ownColor: 0.3 }),
      }));
    }
  }
  throw new RangeError(`The options leave too few pictures of a ${noun} for a group.`);
}

function isPossible(
  { noun, style, color, background, wearing }: FixedAttributes,
  world: Required<WorldOptions>,
): boolean {
  if (noun === undefined || style === undefined || background === undefined) return false;
  const painted = color === "own" ? undefined : color;
  const garment = wearing === "nothing" ? undefined : wearing;
  if (garment !== undefined && !showsOn(garment, noun, style, painted)) return false;
  return standsOut(noun, style, painted, background) && isAllowed(noun, painted, background, world.split);
}

/** The world with its pictures. */
export class World {
  readonly #icons: Icons;
  readonly #wardrobe: Wardrobe;

  private constructor(icons: Icons, wardrobe: Wardrobe) {
    this.#icons = icons;
    this.#wardrobe = wardrobe;
  }

  /** Renders all sprites: about three seconds, 70 MB. */
  static async load(): Promise<World> {
    return new World(await Icons.load(), await Wardrobe.load());
  }

  /** Bytes, `[size, size, 3]`. */
  render(scene: Scene, size: number): Uint8Array {
    return paintScene(scene, size, this.#icons, this.#wardrobe).toBytes();
  }

  /** Sample number `index` of the stream `seed`. */
  sample(seed: number | bigint, index: number, options: SampleOptions = {}): Sample {
    return this.#withRender(captionedScene(seed, index, options));
  }

  /** See `captionedGroup`. */
  sampleGroup(seed: number | bigint, index: number, groupSize: number, options: SampleOptions = {}): Sample[] {
    return captionedGroup(seed, index, groupSize, options).map((sample) => this.#withRender(sample));
  }

  /** The samples `firstIndex` to `firstIndex + count - 1`, ready for training. */
  renderBatch(
    seed: number | bigint,
    firstIndex: number,
    count: number,
    size: number,
    options: SampleOptions = {},
  ): Batch {
    const samples = Array.from({ length: count }, (_, i) => captionedScene(seed, firstIndex + i, options));
    return this.renderScenes(samples, size);
  }

  /** Any captioned scenes as a batch. */
  renderScenes(samples: readonly CaptionedScene[], size: number): Batch {
    const area = size * size;
    const pixels = new Float32Array(samples.length * 3 * area);
    samples.forEach(({ scene }, i) => {
      const bytes = this.render(scene, size);
      for (let c = 0; c < 3; c += 1) {
        const plane = (i * 3 + c) * area;
        for (let p = 0; p < area; p += 1) pixels[plane + p] = bytes[p * 3 + c] / 127.5 - 1;
      }
    });
    return { pixels, captions: samples.map(({ caption }) => caption), scenes: samples.map(({ scene }) => scene) };
  }

  #withRender(sample: CaptionedScene): Sample {
    return { ...sample, render: (size) => this.render(sample.scene, size) };
  }
}
