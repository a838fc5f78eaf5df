import { describe, expect, it } from "vitest";
import {
  DEFAULT_LOOKS,
  dressed,
  drawFigure,
  isKeptForConcepts,
  randomLook,
  showsOn,
  type Figure,
} from "../../recipes/figures/figures.ts";
import { MARK_KINDS } from "../../recipes/figures/marks.ts";
import { nounNamed, NOUN_NAMES, NOUNS } from "../../recipes/figures/nouns.ts";
import { Sprites } from "../../recipes/figures/sprites.ts";
import { contrasting, distanceOfColors, shadeOf } from "../../recipes/figures/tones.ts";
import { CONCEPTS } from "../../recipes/concepts/concepts.ts";
import { COLOR_NAMES, labFromRgb, nameOfColor } from "../../recipes/world/color.ts";
import { Dice } from "../../recipes/world/dice.ts";

const plain = { marks: [], wearing: undefined, variation: 7 } as const;
const figure = (noun: string, more: Partial<Figure> = {}): Figure => ({
  noun,
  colors: [noun === "panda" ? "white" : "blue", "yellow"],
  ...plain,
  ...more,
});
const looks = Array.from({ length: 2000 }, (_, i) =>
  randomLook(NOUN_NAMES[i % NOUN_NAMES.length], DEFAULT_LOOKS, new Dice(5, "test", i)),
);

describe("the nouns of the world", () => {
  it("are 36, each once, with those of the example concepts among them", () => {
    expect(NOUN_NAMES).toHaveLength(36);
    expect(new Set(NOUN_NAMES).size).toBe(36);
    for (const { classNoun } of CONCEPTS) expect(NOUN_NAMES).toContain(classNoun);
    expect(() => nounNamed("gondola")).toThrow("gondola");
  });

  it("have natural colours that can be told apart", () => {
    for (const { natural } of NOUNS) {
      expect(natural.length).toBeGreaterThan(0);
      for (const [main, second] of natural) {
        expect(COLOR_NAMES).toContain(main);
        expect(COLOR_NAMES).toContain(second);
        expect(main).not.toBe(second);
      }
    }
  });
});

describe("shades", () => {
  it("never deserve another word than their own", () => {
    for (const name of COLOR_NAMES) {
      for (let i = 0; i < 100; i += 1) {
        const { fill } = shadeOf(name, new Dice(1, name, i));
        const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(fill.slice(at, at + 2), 16));
        expect([undefined, name]).toContain(nameOfColor(labFromRgb([red, green, blue])));
      }
    }
  });

  it("contrast with what they have to be seen on", () => {
    for (const name of contrasting(["red", "white"])) expect(distanceOfColors(name, "red")).toBeGreaterThan(0.2);
    expect(contrasting(["red"])).not.toContain("red");
  });
});

describe("random looks", () => {
  it("have marks of different kinds, as many as there is room for, in colours that show", () => {
    for (const { noun, colors, marks } of looks) {
      expect(marks.length).toBeLessThanOrEqual(nounNamed(noun).slots);
      expect(new Set(marks.map(({ kind }) => kind)).size).toBe(marks.length);
      const behind = { main: colors[0], second: colors[1], pale: "white" } as const;
      for (const { color } of marks) {
        for (const surface of nounNamed(noun).surfaces) {
          expect(distanceOfColors(color, behind[surface])).toBeGreaterThan(0.2);
        }
      }
    }
    expect(new Set(looks.flatMap(({ marks }) => marks.map(({ kind }) => kind)))).toEqual(new Set(MARK_KINDS));
  });

  it("put garments only on those that can wear them, and where they show", () => {
    const wearers = looks.filter(({ wearing }) => wearing !== undefined);
    expect(wearers.length).toBeGreaterThan(20);
    for (const look of wearers) {
      expect(nounNamed(look.noun).isWearer).toBe(true);
      expect(look.wearing !== undefined && showsOn(look.wearing, look)).toBe(true);
    }
  });

  it("are kept for concepts by what they say of noun, colours and marks alone, about one marked look in six", () => {
    const marked = looks.filter(({ marks }) => marks.length > 0);
    const kept = marked.filter(isKeptForConcepts);
    expect(kept.length / marked.length).toBeGreaterThan(0.1);
    expect(kept.length / marked.length).toBeLessThan(0.23);
    for (const look of kept) {
      expect(isKeptForConcepts({ ...look, marks: [...look.marks].reverse(), wearing: undefined })).toBe(true);
    }
    expect(looks.filter((look) => look.marks.length === 0 && isKeptForConcepts(look))).toEqual([]);
  });
});

describe("drawings", () => {
  it("are the same for the same figure, and differ in what its variation leaves open", () => {
    for (const noun of NOUN_NAMES) {
      expect(drawFigure(figure(noun))).toBe(drawFigure(figure(noun)));
      expect(drawFigure(figure(noun, { variation: 8 }))).not.toBe(drawFigure(figure(noun)));
      expect(drawFigure(figure(noun))).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it("show every mark and garment that the look has", async () => {
    const sprites = new Sprites();
    for (const { name, slots, isWearer } of NOUNS) {
      const marks = MARK_KINDS.slice(0, slots).map((kind) => ({ kind, color: "red" as const }));
      const all = [figure(name), figure(name, { marks })];
      if (isWearer) all.push(figure(name, { wearing: { name: "scarf", color: "red" } }));
      const [bare, ...others] = await sprites.of(all);
      for (const other of others) expect(other[0].data, name).not.toEqual(bare[0].data);
    }
  });

  it("show the second colour that a caption may name, under a mark too", async () => {
    const sprites = new Sprites();
    const mark = { kind: "heart", color: "white" } as const;
    for (const { name } of NOUNS.filter(({ showsSecond, fixedSecond }) => showsSecond && fixedSecond === undefined)) {
      for (const marks of [[], [mark]]) {
        for (let variation = 0; variation < 8; variation += 1) {
          const look = figure(name, { marks, variation });
          const [[one], [other]] = await sprites.of([look, { ...look, colors: ["blue", "green"] }]);
          const changed = one.data.filter((value, at) => at % 4 === 0 && Math.abs(value - other.data[at]) > 60).length;
          const covered = one.data.filter((value, at) => at % 4 === 3 && value > 128).length;
          expect(changed / covered, `${name} ${variation}`).toBeGreaterThan(0.05);
        }
      }
    }
  });

  it("show a mark under a hat, too, but no second one", async () => {
    const two = { ...figure("cat"), marks: MARK_KINDS.slice(0, 2).map((kind) => ({ kind, color: "red" as const })) };
    const hat = { name: "hat", color: "green" } as const;
    const look = dressed(two, hat);
    expect(look.marks).toEqual(two.marks.slice(0, 1));
    expect(dressed(two, { name: "scarf", color: "green" }).marks).toEqual(two.marks);
    const [marked, bare] = await new Sprites().of([
      { ...two, ...look },
      { ...two, wearing: hat, marks: [] },
    ]);
    expect(marked[0].data).not.toEqual(bare[0].data);
  });

  it("hold poses with the same shades and proportions: only the limbs move", () => {
    const pose = { body: "sit", expression: "happy", tilt: 0, arms: [0, 0], tail: 0 } as const;
    const fills = (svg: string) => new Set(svg.match(/#[0-9a-f]{6}/g));
    for (const noun of ["cat", "owl", "robot", "lion"]) {
      const sitting = drawFigure(figure(noun), pose);
      const jumping = drawFigure(figure(noun), { ...pose, body: "jump", arms: [90, 60] });
      expect(jumping).not.toBe(sitting);
      expect(fills(jumping)).toEqual(fills(sitting));
    }
  });
});

describe("sprites", () => {
  it("do not depend on what else is drawn with them", async () => {
    const cat = figure("cat", { marks: [{ kind: "star", color: "red" }] });
    const [alone] = await new Sprites().of([cat]);
    const [, , among] = await new Sprites().of([figure("dog"), figure("house"), cat, figure("tree")]);
    expect(among[0].data).toEqual(alone[0].data);
    expect([alone[0].size, alone[1].size]).toEqual([96, 48]);
  });

  it("fill most of their square, and leave its corners clear", async () => {
    const sprites = await new Sprites().of(NOUN_NAMES.map((noun) => figure(noun)));
    sprites.forEach(([{ size, data }], i) => {
      const covered = data.filter((value, at) => at % 4 === 3 && value > 128).length / (size * size);
      expect(covered, NOUN_NAMES[i]).toBeGreaterThan(0.22);
      for (const at of [0, size - 1]) expect(data[4 * at + 3], NOUN_NAMES[i]).toBe(0);
    });
  });
});
