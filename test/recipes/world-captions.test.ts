import { describe, expect, it } from "vitest";
import { captionWords, wordsOf } from "../../recipes/world/captions.ts";
import { COLOR_NAMES, labFromRgb, nameOfColor, rgbFromLab, PALETTE } from "../../recipes/world/color.ts";
import { nounNamed } from "../../recipes/world/nouns.ts";
import type { Scene } from "../../recipes/world/scene.ts";
import { captionedScene, FULL_CAPTIONS } from "../../recipes/world/world.ts";

const scenes = (count: number, options = {}) => Array.from({ length: count }, (_, i) => captionedScene(11, i, options));

/** The words of a place of which one is in every caption that names it. */
const placeWords: Readonly<Record<string, RegExp>> = {
  beach: /beach/,
  snow: /snow/,
  night: /night/,
  grass: /grass|meadow/,
  table: /table/,
  sea: /sea|water|ocean/,
  desert: /desert/,
  city: /city/,
  forest: /forest/,
  mountains: /mountain/,
};

/** Words that a full caption of the scene must hold. */
function duties(scene: Scene): (string | RegExp)[] {
  const { background, layout, subjects } = scene;
  const words: (string | RegExp)[] = [];
  for (const { noun, color, style, wearing } of subjects) {
    words.push(layout.kind === "group" ? (nounNamed(noun).plural ?? noun) : noun, style);
    if (color !== undefined) words.push(color);
    if (wearing !== undefined) words.push(`wearing`, wearing.name, wearing.color ?? "");
  }
  if (background.kind === "place") words.push(placeWords[background.place]);
  else words.push("background", background.color, background.kind === "plain" ? "" : background.second);
  if (background.kind === "gradient") words.push("gradient");
  if (background.kind === "stripes") words.push(/stripe/);
  if (background.kind === "checks") words.push(/check/);
  if (background.kind === "dots") words.push("dots");
  if (layout.kind === "group") words.push(layout.count === 2 ? "two" : "three");
  if (layout.kind === "pair") words.push(layout.relation === "above" ? /above|below/ : /next to|and/);
  if (layout.kind === "single") {
    if (layout.size === "small") words.push(/small|little|tiny/);
    if (layout.size === "big") words.push(/big|large|huge/);
    if (layout.position !== "center") words.push(layout.position);
  }
  return words;
}

describe("captions", () => {
  it("name everything that the scene has, when asked to", () => {
    for (const { scene, caption } of scenes(3000, { captions: FULL_CAPTIONS })) {
      for (const duty of duties(scene)) {
        if (typeof duty === "string") expect(caption).toContain(duty);
        else expect(caption).toMatch(duty);
      }
    }
  });

  it("name no colour that the scene does not have", () => {
    for (const { scene, caption } of scenes(2000, { captions: { ...FULL_CAPTIONS, ownColor: 0 } })) {
      const { background, subjects } = scene;
      const shown: (string | undefined)[] = subjects.flatMap(({ color, wearing }) => [color, wearing?.color]);
      if (background.kind === "place") shown.push("green"); // "on green grass"
      else shown.push(background.color, background.kind === "plain" ? undefined : background.second);
      const spoken = wordsOf(caption).filter((word) => (COLOR_NAMES as readonly string[]).includes(word));
      for (const color of spoken) expect(shown).toContain(color);
    }
  });

  it("name the noun in every case, and nothing else in some", () => {
    const all = scenes(3000, { layouts: { single: 1 } });
    for (const { scene, caption } of all) expect(caption).toContain(scene.subjects[0].noun);
    const short = all.filter(({ caption }) => wordsOf(caption).length <= 2).length;
    expect(short / all.length).toBeGreaterThan(0.02);
  });

  it("put an before a vowel", () => {
    for (const { caption } of scenes(3000)) {
      expect(caption).not.toMatch(/\ba (?!unicorn)[aeiou]/);
      expect(caption).not.toMatch(/\ban (?:unicorn|[^aeiou])/);
    }
  });

  it("use the listed words only, and all of them", () => {
    const used = new Set(scenes(20_000).flatMap(({ caption }) => wordsOf(caption)));
    expect([...used].sort()).toEqual(captionWords());
  });

  it("are of single spaces, with no blank left to fill", () => {
    for (const { caption } of scenes(1000)) {
      expect(caption).toBe(caption.trim());
      expect(caption).not.toMatch(/ {2}|[{}[\]]|undefined/);
    }
  });
});

describe("colour words", () => {
  it("fit their own palette, where people agree on a word", () => {
    for (const name of COLOR_NAMES) expect([name, undefined]).toContain(nameOfColor(labFromRgb(PALETTE[name])));
  });

  it("come from a colour space that keeps every byte", () => {
    for (const rgb of [
      [0, 0, 0],
      [255, 255, 255],
      [255, 0, 0],
      [12, 200, 99],
      [1, 2, 3],
    ] as const) {
      expect(rgbFromLab(labFromRgb(rgb))).toEqual([...rgb]);
    }
  });
});
