import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isKeptForConcepts, type Figure } from "../../recipes/figures/figures.ts";
import { NOUN_NAMES } from "../../recipes/figures/nouns.ts";
import { backgroundKey } from "../../recipes/world/backgrounds.ts";
import { captionedGroup } from "../../recipes/world/groups.ts";
import type { Scene } from "../../recipes/world/scene.ts";
import { captionedScene, EASY_WORLD, isHeldOut, World, type CaptionedScene } from "../../recipes/world/world.ts";

const indices = (count: number) => Array.from({ length: count }, (_, i) => i);
const first = (count: number, options = {}) => indices(count).map((i) => captionedScene(1, i, options));
const figuresOf = ({ scene }: CaptionedScene) => scene.subjects.map(({ figure }) => figure);

describe("captioned scenes", () => {
  it("are a function of seed and index", () => {
    expect(captionedScene(7, 123)).toEqual(captionedScene(7, 123));
    expect(captionedScene(7, 123)).not.toEqual(captionedScene(7, 124));
    expect(captionedScene(7, 123)).not.toEqual(captionedScene(8, 123));
  });

  it("stay what they are while a model is trained on them", () => {
    const digest = createHash("sha256")
      .update(JSON.stringify(first(300)))
      .digest("hex");
    expect(first(3).map(({ caption }) => caption)).toMatchInlineSnapshot(`
      [
        "a picture of a white panda with a red spiral on the water",
        "a teal house in front of a yellow background",
        "a sticker of a white rocket on a brown background",
      ]
    `);
    expect(digest).toMatchInlineSnapshot(`"ddb682d5da356cb484c4fe23bc17f8e8e4cf127eebcafcff7e4121301088d791"`);
  });

  it("never show a held-out combination in training, and always show one in evaluation", () => {
    expect(first(1500).filter(({ scene }) => isHeldOut(scene))).toEqual([]);
    expect(first(200, { split: "held out" }).filter(({ scene }) => !isHeldOut(scene))).toEqual([]);
  });

  it("hold out about one combination in twelve", () => {
    const single = first(3000, { split: "all", layouts: { single: 1 } });
    const share = single.filter(({ scene }) => isHeldOut(scene)).length / single.length;
    expect(share).toBeGreaterThan(1 / 16);
    expect(share).toBeLessThan(1 / 9);
  });

  it("never show a look that is kept for concepts, in no split", () => {
    for (const split of ["train", "held out", "all"]) {
      expect(first(500, { split }).flatMap(figuresOf).filter(isKeptForConcepts)).toEqual([]);
    }
  });

  it("keep to the nouns that the options name, and show all of them otherwise", () => {
    const few = first(100, { nouns: ["cat", "dog", "teapot"] }).flatMap(figuresOf);
    for (const { noun } of few) expect(["cat", "dog", "teapot"]).toContain(noun);
    expect(new Set(first(600).flatMap((scene) => figuresOf(scene).map(({ noun }) => noun)))).toEqual(
      new Set(NOUN_NAMES),
    );
  });

  it("show pairs in about one picture of twelve, and things that are large in most", () => {
    const all = first(3000);
    const share = (is: (scene: Scene) => boolean) => all.filter(({ scene }) => is(scene)).length / all.length;
    expect(share(({ layout }) => layout.kind === "pair")).toBeGreaterThan(0.06);
    expect(share(({ layout }) => layout.kind === "pair")).toBeLessThan(0.1);
    expect(share(({ subjects }) => subjects[0].scale > 0.7)).toBeGreaterThan(0.75);
  });

  it("have figures that are seen several times, and new ones later on", () => {
    const seen = first(2000, EASY_WORLD).flatMap((scene) => figuresOf(scene).map((figure) => JSON.stringify(figure)));
    expect(new Set(seen).size).toBeLessThan(1296);
    const later = indices(200).map((i) => captionedScene(1, 8192 + i));
    const known = new Set(seen);
    expect(later.flatMap(figuresOf).filter((figure) => known.has(JSON.stringify(figure)))).toEqual([]);
  });

  it("show more marks where the options ask for them, and of all nouns that can have one", () => {
    const share = (figures: readonly Figure[]) =>
      figures.filter(({ marks }) => marks.length > 0).length / figures.length;
    const [usual, marked] = [{}, { marked: 1 }].map((options) => first(600, options).flatMap(figuresOf));
    expect(share(usual)).toBeLessThan(0.65);
    expect(share(marked)).toBeGreaterThan(0.85);
    expect(new Set(marked.map(({ noun }) => noun))).toEqual(new Set(NOUN_NAMES));
  });

  it("keep the middle of every subject in the picture, and turn it by seven degrees at most", () => {
    for (const { scene } of first(1500)) {
      for (const { x, y, scale, rotation } of scene.subjects) {
        for (const middle of [x, y]) {
          expect(middle).toBeGreaterThan(0.2);
          expect(middle).toBeLessThan(0.8);
        }
        expect(scale).toBeGreaterThan(0.4);
        expect(scale).toBeLessThanOrEqual(1);
        expect(Math.abs(rotation)).toBeLessThanOrEqual(7);
      }
    }
  });

  it("say which options cannot be met", () => {
    expect(() => captionedScene(1, 0, { nouns: ["cat"], layouts: { pair: 1 } })).toThrow();
  });
});

describe("hard-negative groups", () => {
  const groups = indices(40).map((i) => captionedGroup(3, i, 16));
  const nounsOf = (group: readonly CaptionedScene[]) => new Set(group.map((each) => figuresOf(each)[0].noun));

  it("share background, layout and colour and differ in the noun, or share the noun in blocks of eight", () => {
    for (const group of groups) {
      expect(group).toHaveLength(16);
      if (nounsOf(group).size === 16) {
        expect(new Set(group.map(({ scene }) => backgroundKey(scene.background))).size).toBe(1);
        expect(new Set(group.map((each) => figuresOf(each)[0].colors[0])).size).toBe(1);
        expect(new Set(group.map(({ scene }) => JSON.stringify(scene.layout))).size).toBe(1);
      } else {
        for (let i = 0; i < 16; i += 8) expect(nounsOf(group.slice(i, i + 8)).size).toBe(1);
      }
    }
    const ofNouns = groups.filter((group) => nounsOf(group).size === 16).length;
    expect(ofNouns).toBeGreaterThan(10);
    expect(ofNouns).toBeLessThan(30);
  });

  it("differ in what their captions say, within a block", () => {
    for (const group of groups.filter((candidate) => nounsOf(candidate).size < 16)) {
      const shown = group.map((each) => {
        const { noun, colors, marks, wearing } = figuresOf(each)[0];
        return JSON.stringify([noun, colors, marks, wearing, backgroundKey(each.scene.background), each.scene.layout]);
      });
      expect(new Set(shown).size).toBe(16);
    }
  });

  it("hold no held-out combination, and none that is kept for concepts", () => {
    expect(groups.flat().filter(({ scene }) => isHeldOut(scene))).toEqual([]);
    expect(groups.flat().flatMap(figuresOf).filter(isKeptForConcepts)).toEqual([]);
  });
});

describe("rendering", () => {
  const world = new World();
  const rendered = async (seed: number, index: number, size = 64) => {
    const [bytes] = await world.render([captionedScene(seed, index).scene], size);
    return bytes;
  };

  /** Mean of each of 4 x 4 tiles, as little of a picture as tells it from others on any machine. */
  function tiles(bytes: Uint8Array, size: number): number[] {
    const tile = size / 4;
    const sums = new Array<number>(48).fill(0);
    bytes.forEach((byte, i) => {
      const pixel = Math.floor(i / 3);
      const at = Math.floor(Math.floor(pixel / size) / tile) * 4 + Math.floor((pixel % size) / tile);
      sums[at * 3 + (i % 3)] += byte / (tile * tile);
    });
    return sums.map(Math.round);
  }

  it("gives the same picture for the same scene, whatever was rendered before", async () => {
    const bytes = await rendered(1, 5);
    expect(bytes).toHaveLength(64 * 64 * 3);
    await world.renderBatch(9, 0, 20, 32);
    expect(await rendered(1, 5)).toEqual(bytes);
    const [other] = await new World().render([captionedScene(1, 5).scene], 64);
    expect(other).toEqual(bytes);
  });

  it("gives the pictures that a model is trained on, but for the last bits of the figures", async () => {
    const shown = await Promise.all([0, 3].map(async (index) => tiles(await rendered(1, index), 64)));
    const golden: readonly (readonly number[])[] = [
      [
        167, 218, 248, 167, 218, 248, 177, 222, 249, 179, 223, 249, 105, 151, 187, 177, 167, 178, 107, 148, 179, 88,
        156, 207, 87, 151, 196, 153, 146, 161, 160, 185, 204, 58, 144, 201, 53, 137, 186, 92, 130, 152, 132, 161, 178,
        74, 155, 202,
      ],
      [
        238, 137, 31, 166, 145, 91, 192, 138, 68, 226, 137, 38, 222, 133, 36, 90, 149, 156, 91, 136, 138, 221, 134, 38,
        211, 148, 57, 103, 157, 151, 104, 158, 153, 190, 138, 61, 216, 138, 46, 90, 151, 139, 103, 152, 131, 241, 137,
        30,
      ],
    ];
    shown.forEach((values, picture) => {
      values.forEach((value, i) => {
        expect(Math.abs(value - golden[picture][i])).toBeLessThanOrEqual(2);
      });
    });
  });

  it("looks the same at every size", async () => {
    for (const index of indices(8)) {
      const [small, large] = [tiles(await rendered(2, index), 64), tiles(await rendered(2, index, 128), 128)];
      small.forEach((value, i) => {
        expect(Math.abs(value - large[i])).toBeLessThanOrEqual(5);
      });
    }
  });

  it("leaves the background as it is where nothing stands", async () => {
    const { scene } = captionedScene(4, 0, { layouts: { single: 1 }, sizes: { small: 1 }, backgrounds: { place: 1 } });
    const [empty, full] = await world.render([{ ...scene, subjects: [] }, scene], 64);
    expect(full.subarray(0, 64 * 3 * 8)).toEqual(empty.subarray(0, 64 * 3 * 8));
    expect(full).not.toEqual(empty);
  });

  it("says where marks are, and nowhere else, if it is asked", async () => {
    const size = 64;
    const options = { layouts: { single: 1 }, sizes: { large: 1 }, marked: 0.5, markMask: true };
    const { markMask, scenes, pixels } = await world.renderBatch(3, 0, 60, size, options);
    expect(markMask?.every((value) => value === 0 || value === 1)).toBe(true);
    scenes.forEach(({ subjects: [{ figure }] }, i) => {
      const covered = markMask?.subarray(i * size * size, (i + 1) * size * size).reduce((sum, value) => sum + value, 0);
      if (figure.marks.length === 0) expect(covered).toBe(0);
      // Far less than a figure: its proportions, pose and shades are those that it has with its marks.
      else expect(covered).toBeGreaterThan(15);
      expect(covered).toBeLessThan(0.12 * size * size);
    });
    expect(scenes.some(({ subjects: [{ figure }] }) => figure.marks.length === 0)).toBe(true);
    const { markMask: none, pixels: same } = await world.renderBatch(3, 0, 60, size, { ...options, markMask: false });
    expect(none).toBeUndefined();
    expect(same).toEqual(pixels);
  });

  it("paints any placement, also beyond the edge and at any turn, without leaving the range of bytes", async () => {
    const { scene } = captionedScene(5, 1, { backgrounds: { plain: 1 } });
    const placement = fc.record({
      x: fc.double({ min: -0.5, max: 1.5, noNaN: true }),
      y: fc.double({ min: -0.5, max: 1.5, noNaN: true }),
      scale: fc.double({ min: 0.02, max: 2, noNaN: true }),
      rotation: fc.double({ min: -360, max: 360, noNaN: true }),
      mirror: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(placement, fc.integer({ min: 1, max: 40 }), async (placed, size) => {
        const [pixels] = await world.render([{ ...scene, subjects: [{ ...scene.subjects[0], ...placed }] }], size);
        expect(pixels).toHaveLength(size * size * 3);
      }),
      { numRuns: 40 },
    );
  });

  it("fills batches with pixels from -1 to 1, channel first", async () => {
    const batch = await world.renderBatch(1, 10, 3, 32);
    expect(batch.pixels).toHaveLength(3 * 3 * 32 * 32);
    expect(batch.captions).toEqual([10, 11, 12].map((i) => captionedScene(1, i).caption));
    const bytes = await rendered(1, 11, 32);
    for (const [channel, pixel] of [
      [0, 0],
      [1, 500],
      [2, 1023],
    ]) {
      expect(batch.pixels[(3 + channel) * 1024 + pixel]).toBeCloseTo(bytes[pixel * 3 + channel] / 127.5 - 1, 6);
    }
    expect(batch.pixels.every((value) => value >= -1 && value <= 1)).toBe(true);
  });
});
