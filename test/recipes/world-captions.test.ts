import { describe, expect, it } from "vitest";
import { knownWords } from "../../recipes/model/known-words.ts";
import { MAX_TOKENS } from "../../recipes/model/architecture.ts";
import { captionWords, wordsOf } from "../../recipes/world/captions.ts";
import { COLOR_NAMES, labFromRgb, nameOfColor, rgbFromLab, PALETTE } from "../../recipes/world/color.ts";
import { NOUN_NAMES, nounNamed } from "../../recipes/figures/nouns.ts";
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
  for (const { figure } of subjects) {
    const { noun, colors, marks, wearing } = figure;
    words.push(layout.kind === "two" ? nounNamed(noun).plural : noun, colors[0]);
    // Of two things there is only so much to say.
    if (layout.kind === "single") for (const { kind, color } of marks) words.push(`${color} ${kind}`);
    if (wearing !== undefined) words.push("wearing", wearing.name, wearing.color ?? "");
  }
  if (background.kind === "place") words.push(placeWords[background.place]);
  else words.push("background", background.color, background.kind === "plain" ? "" : background.second);
  if (background.kind === "gradient") words.push("gradient");
  if (background.kind === "stripes") words.push(/stripe/);
  if (background.kind === "checks") words.push(/check/);
  if (background.kind === "dots") words.push("dots");
  if (layout.kind === "two") words.push("two");
  if (layout.kind === "pair") words.push(/next to|and/);
  if (layout.kind === "single" && layout.size === "small") {
    words.push(/small|little/);
    if (layout.position !== "center") words.push(layout.position);
  }
  return words;
}

describe("captions", () => {
  it("name everything that the scene has, when asked to", () => {
    for (const { scene, caption } of scenes(1500, { captions: { ...FULL_CAPTIONS, second: 0.3 } })) {
      for (const duty of duties(scene)) {
        if (typeof duty === "string") expect(caption).toContain(duty);
        else expect(caption).toMatch(duty);
      }
    }
  });

  it("name no colour that the scene does not have", () => {
    for (const { scene, caption } of scenes(1500)) {
      const { background, subjects } = scene;
      const shown: (string | undefined)[] = subjects.flatMap(({ figure }) => [
        ...figure.colors,
        figure.wearing?.color,
        ...figure.marks.map(({ color }) => color),
      ]);
      if (background.kind === "place") shown.push("green"); // "on green grass"
      else shown.push(background.color, background.kind === "plain" ? undefined : background.second);
      const spoken = wordsOf(caption).filter((word) => (COLOR_NAMES as readonly string[]).includes(word));
      for (const color of spoken) expect(shown).toContain(color);
    }
  });

  it("name the noun in every case, and nothing else in some", () => {
    const all = scenes(2000, { layouts: { single: 1 } });
    for (const { scene, caption } of all) expect(caption).toContain(scene.subjects[0].figure.noun);
    const short = all.filter(({ caption }) => wordsOf(caption).length <= 2).length;
    expect(short / all.length).toBeGreaterThan(0.02);
  });

  it("put an before a vowel", () => {
    for (const { caption } of scenes(1500)) {
      expect(caption).not.toMatch(/\ba [aeiou]/);
      expect(caption).not.toMatch(/\ban [^aeiou]/);
    }
  });

  it("use the listed words only, and all of them", () => {
    const used = new Set(scenes(8000).flatMap(({ caption }) => wordsOf(caption)));
    expect([...used].sort()).toEqual(captionWords());
  });

  it("fit the text encoder, start and end included", () => {
    for (const { caption } of scenes(3000, { captions: FULL_CAPTIONS })) {
      const commas = caption.split(",").length - 1;
      const hyphens = caption.split("-").length - 1;
      expect(wordsOf(caption).length + commas + 2 * hyphens + 2).toBeLessThanOrEqual(MAX_TOKENS);
    }
  });

  it("are what a model is said to understand", () => {
    expect(knownWords()).toEqual({ nouns: NOUN_NAMES, words: captionWords() });
    for (const word of ["cats", "mug", "wearing", "scarf", "spiral", "teal", "beach"]) {
      expect(knownWords().words).toContain(word);
    }
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
