import { createHash } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { backgroundKey } from "../../recipes/world/backgrounds.ts";
import { DRAWN_NOUNS } from "../../recipes/world/drawn-world.ts";
import { NOUNS, STYLE_NAMES } from "../../recipes/world/nouns.ts";
import { canWear } from "../../recipes/world/wearing.ts";
import { captionedGroup, captionedScene, isHeldOut, World, type CaptionedScene } from "../../recipes/world/world.ts";
import { BUILT_IN } from "../../src/library/model/model-profile.ts";

const indices = (count: number) => Array.from({ length: count }, (_, i) => i);
const first = (count: number, options = {}) => indices(count).map((i) => captionedScene(1, i, options));

describe("the nouns of the world", () => {
  it("hold all that the classifier takes for things that the built-in model can draw", () => {
    expect(BUILT_IN.ordinaryThings.filter((noun) => !DRAWN_NOUNS.includes(noun))).toEqual([]);
    expect(new Set(BUILT_IN.ordinaryThings).size).toBe(BUILT_IN.ordinaryThings.length);
  });

  it("are between 110 and 130, each once", () => {
    expect(NOUNS.length).toBeGreaterThanOrEqual(110);
    expect(NOUNS.length).toBeLessThanOrEqual(130);
    expect(new Set(NOUNS.map((noun) => noun.name)).size).toBe(NOUNS.length);
  });

  it("hold the class nouns of personalization", () => {
    const names = NOUNS.map((noun) => noun.name);
    for (const name of [
      "cat",
      "dog",
      "robot",
      "teapot",
      "mug",
      "car",
      "rabbit",
      "bear",
      "owl",
      "backpack",
      "guitar",
      "house",
      "boat",
      "hat",
    ]) {
      expect(names).toContain(name);
    }
  });
});

describe("captioned scenes", () => {
  it("are a function of seed and index", () => {
    expect(captionedScene(7, 123)).toEqual(captionedScene(7, 123));
    expect(captionedScene(7, 123)).not.toEqual(captionedScene(7, 124));
    expect(captionedScene(7, 123)).not.toEqual(captionedScene(8, 123));
  });

  it("stay what they were when the built-in model was trained", () => {
    const digest = createHash("sha256")
      .update(JSON.stringify(first(300)))
      .digest("hex");
    expect(first(3).map(({ caption }) => caption)).toMatchInlineSnapshot(`
      [
        "a flat sticker of a pumpkin on the beach",
        "a cartoon drawing of a white background with a trophy",
        "a cartoon picture of some purple cheese on a brown background",
      ]
    `);
    expect(digest).toMatchInlineSnapshot(`"f4d59d7d0db2b778ecbeb98c632f88895f5a9bf7966de97496d8872900b98faf"`);
  });

  it("never show a held-out combination in training, and always show one in evaluation", () => {
    expect(first(3000).filter(({ scene }) => isHeldOut(scene))).toEqual([]);
    expect(first(300, { split: "held out" }).filter(({ scene }) => !isHeldOut(scene))).toEqual([]);
  });

  it("hold out about one combination in twelve", () => {
    const single = first(4000, { split: "all", layouts: { single: 1 } });
    const share = single.filter(({ scene }) => isHeldOut(scene)).length / single.length;
    expect(share).toBeGreaterThan(1 / 16);
    expect(share).toBeLessThan(1 / 9);
  });

  it("keep to the nouns and styles that the options name", () => {
    for (const { scene } of first(200, { nouns: ["cat", "dog", "teapot"], styles: ["flat"] })) {
      for (const { noun, style } of scene.subjects) {
        expect(["cat", "dog", "teapot"]).toContain(noun);
        expect(style).toBe("flat");
      }
    }
  });

  it("show every noun in every style", () => {
    const seen = new Set(
      first(8000).flatMap(({ scene }) => scene.subjects.map(({ noun, style }) => `${style} ${noun}`)),
    );
    expect(seen.size).toBe(NOUNS.length * STYLE_NAMES.length);
  });

  it("put garments on those that can wear them only, and not where they could hardly be seen", () => {
    for (const { scene } of first(1000, { wearing: 1 })) {
      const large = scene.layout.kind === "single" && scene.layout.size !== "small";
      for (const { noun, color, wearing } of scene.subjects) {
        expect(wearing !== undefined).toBe(large && canWear(noun));
        if (color !== undefined) expect(wearing?.color).not.toBe(color);
      }
    }
  });

  it("keep the middle of every subject in the picture, and turn it by eight degrees at most", () => {
    for (const { scene } of first(3000)) {
      for (const { x, y, scale, rotation } of scene.subjects) {
        for (const middle of [x, y]) {
          expect(middle).toBeGreaterThan(0.1);
          expect(middle).toBeLessThan(0.9);
        }
        expect(scale).toBeGreaterThan(0.15);
        expect(scale).toBeLessThan(0.95);
        expect(Math.abs(rotation)).toBeLessThanOrEqual(8);
      }
    }
  });

  it("say which options cannot be met", () => {
    expect(() => captionedScene(1, 0, { nouns: ["corn"], layouts: { group: 1 } })).toThrow(/No scene follows/);
  });
});

describe("hard-negative groups", () => {
  const groups = indices(60).map((i) => captionedGroup(3, i, 32));
  const nounsOf = (group: readonly CaptionedScene[]) => new Set(group.map(({ scene }) => scene.subjects[0].noun));

  it("share background, style and layout and differ in the noun, or share the noun in blocks of eight", () => {
    for (const group of groups) {
      expect(group).toHaveLength(32);
      if (nounsOf(group).size === 32) {
        expect(new Set(group.map(({ scene }) => backgroundKey(scene.background))).size).toBe(1);
        expect(new Set(group.map(({ scene }) => scene.subjects[0].style)).size).toBe(1);
        expect(new Set(group.map(({ scene }) => JSON.stringify(scene.layout))).size).toBe(1);
      } else {
        for (let i = 0; i < 32; i += 8) expect(nounsOf(group.slice(i, i + 8)).size).toBe(1);
      }
    }
    const ofNouns = groups.filter((group) => nounsOf(group).size === 32).length;
    expect(ofNouns).toBeGreaterThan(25);
    expect(ofNouns).toBeLessThan(55);
  });

  it("differ in what their captions say, within a block", () => {
    for (const group of groups.filter((candidate) => nounsOf(candidate).size < 32)) {
      const shown = group.map(({ scene }) => {
        const { noun, style, color, wearing } = scene.subjects[0];
        return JSON.stringify([noun, style, color, wearing, backgroundKey(scene.background), scene.layout]);
      });
      expect(new Set(shown).size).toBe(32);
    }
  });

  it("hold no held-out combination", () => {
    expect(groups.flat().filter(({ scene }) => isHeldOut(scene))).toEqual([]);
  });
});

describe("rendering", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.load();
  });

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

  it("gives the same picture for the same scene", () => {
    const sample = world.sample(1, 5);
    expect(sample.render(64)).toEqual(world.sample(1, 5).render(64));
    expect(sample.render(64)).toHaveLength(64 * 64 * 3);
  });

  it("gives the pictures that the built-in model was trained on, but for the last bits of the icons", () => {
    const golden: Readonly<Record<number, readonly number[]>> = {
      0: [
        142, 210, 247, 142, 210, 247, 142, 210, 247, 142, 210, 247, 87, 174, 218, 95, 173, 212, 91, 174, 212, 86, 173,
        218, 242, 220, 171, 210, 117, 92, 215, 132, 104, 239, 221, 173, 234, 204, 144, 237, 173, 122, 236, 174, 123,
        234, 204, 144,
      ],
      8: [
        64, 111, 211, 64, 111, 211, 64, 111, 211, 64, 111, 211, 64, 111, 211, 101, 121, 176, 90, 120, 191, 64, 111, 211,
        64, 111, 211, 96, 120, 180, 120, 122, 173, 64, 111, 211, 64, 111, 211, 64, 111, 211, 64, 111, 211, 64, 111, 211,
      ],
      21: [
        63, 166, 78, 63, 166, 78, 63, 166, 78, 63, 166, 78, 73, 158, 92, 64, 166, 79, 63, 166, 78, 63, 166, 78, 93, 122,
        127, 71, 156, 91, 63, 166, 78, 63, 166, 78, 63, 166, 78, 63, 166, 78, 63, 166, 78, 63, 166, 78,
      ],
    };
    for (const [index, expected] of Object.entries(golden)) {
      const shown = tiles(world.sample(1, Number(index)).render(64), 64);
      shown.forEach((value, i) => {
        expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(2);
      });
    }
  });

  it("looks the same at every size", () => {
    for (const index of indices(12)) {
      const sample = world.sample(2, index);
      const [small, large] = [tiles(sample.render(64), 64), tiles(sample.render(128), 128)];
      small.forEach((value, i) => {
        expect(Math.abs(value - large[i])).toBeLessThanOrEqual(4);
      });
    }
  });

  it("leaves the background as it is where nothing stands", () => {
    const { scene } = captionedScene(4, 0, { layouts: { single: 1 }, sizes: { small: 1 }, offCenter: 0 });
    const empty = world.render({ ...scene, subjects: [] }, 64);
    const full = world.render(scene, 64);
    expect(full.subarray(0, 64 * 3 * 8)).toEqual(empty.subarray(0, 64 * 3 * 8));
    expect(full).not.toEqual(empty);
  });

  it("paints any placement, also beyond the edge and at any turn, without leaving the range of bytes", () => {
    fc.assert(
      fc.property(
        fc.record({
          x: fc.double({ min: -0.5, max: 1.5, noNaN: true }),
          y: fc.double({ min: -0.5, max: 1.5, noNaN: true }),
          scale: fc.double({ min: 0.02, max: 2, noNaN: true }),
          rotation: fc.double({ min: -360, max: 360, noNaN: true }),
          mirror: fc.boolean(),
        }),
        fc.integer({ min: 1, max: 40 }),
        (placement, size) => {
          const { scene } = captionedScene(5, 1, { backgrounds: { plain: 1 } });
          const pixels = world.render({ ...scene, subjects: [{ ...scene.subjects[0], ...placement }] }, size);
          expect(pixels).toHaveLength(size * size * 3);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("keeps an opaque white sprite white on white: no edge is darkened by its transparency", () => {
    const { scene } = captionedScene(6, 0, {
      nouns: ["ghost"],
      styles: ["cartoon"],
      layouts: { single: 1 },
      split: "all",
    });
    const background = { kind: "plain", color: "white", variation: 1 } as const;
    const subject = { ...scene.subjects[0], color: undefined, wearing: undefined };
    const bytes = world.render({ ...scene, background, subjects: [subject] }, 64);
    const corner = world.render({ ...scene, background, subjects: [] }, 64)[0];
    // The outermost pixels of the ghost lie between its own light gray (225 and more) and the background.
    const columns = indices(64).map((x) => bytes[(Math.round(subject.y * 64) * 64 + x) * 3]);
    const edge = columns.findIndex((value) => value !== corner);
    expect(columns[edge]).toBeGreaterThan(220);
  });

  it("fills batches with pixels from -1 to 1, channel first", () => {
    const batch = world.renderBatch(1, 10, 3, 32);
    expect(batch.pixels).toHaveLength(3 * 3 * 32 * 32);
    expect(batch.captions).toEqual([10, 11, 12].map((i) => captionedScene(1, i).caption));
    const bytes = world.sample(1, 11).render(32);
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
