import { describe, expect, it } from "vitest";
import { CONCEPTS } from "../../recipes/concepts/concepts.ts";
import { Figures } from "../../recipes/figures/figures.ts";
import { TrainingPictures } from "../../recipes/training/pictures.ts";
import { settingOf } from "../../recipes/world/captions.ts";
import { NOUNS } from "../../recipes/world/nouns.ts";

const SIZE = 32;
const figures = await Figures.load(1, 60);
const pictures = Array.from({ length: 150 }, (_, index) => figures.picture(2, index, SIZE));

describe("figures", () => {
  it("are the same for the same seed and index, whatever else is drawn", async () => {
    const again = await Figures.load(1, 60);
    expect(again.picture(2, 7, SIZE)).toEqual(pictures[7]);
    expect(again.picture(3, 7, SIZE)).not.toEqual(pictures[7]);
    const others = await Figures.load(5, 60);
    expect(others.picture(2, 7, SIZE)).not.toEqual(pictures[7]);
  });

  it("are things of the world, and of every kind that the example concepts are of", () => {
    const nouns = NOUNS.map(({ name }) => name);
    const shown = new Set(pictures.map(({ caption }) => nouns.find((noun) => caption.split(" ").includes(noun))));
    expect(shown).not.toContain(undefined);
    for (const { classNoun } of CONCEPTS) expect(shown).toContain(classNoun);
  });

  it("say in captions where they are, in the words of the world, and mostly their colour and marks", () => {
    for (const { caption } of pictures) expect(caption).toMatch(/^an? .* (on|in|under|at|by) .+/);
    expect(pictures.some(({ caption }) => caption.endsWith(settingOf({ kind: "place", place: "beach" })))).toBe(true);
    const share = (words: RegExp) => pictures.filter(({ caption }) => words.test(caption)).length / pictures.length;
    expect(share(/ toy /)).toBeGreaterThan(0.65);
    expect(share(/ with an? | with \w+ (dots|stripes)/)).toBeGreaterThan(0.3);
  });

  it("stand out from the background: no picture is of one colour", () => {
    for (const { bytes } of pictures) {
      const middle = bytes.subarray(3 * SIZE * (SIZE / 2), 3 * SIZE * (SIZE / 2 + 1));
      expect(new Set(middle).size).toBeGreaterThan(3);
    }
  });
});

describe("the pictures that VAE and UNet learn from", () => {
  it("show the world and figures, and depend on seed and index alone", async () => {
    const source = await TrainingPictures.load(true);
    const batch = source.batch(3, 0, 40);
    const isFigure = batch.captions.map((caption) => / toy /.test(caption));
    expect(isFigure).toContain(true);
    expect(isFigure).toContain(false);
    const area = 3 * 64 * 64;
    const later = source.batch(3, 30, 5);
    expect(later.captions).toEqual(batch.captions.slice(30, 35));
    expect(later.pixels).toEqual(batch.pixels.slice(30 * area, 35 * area));
    expect(batch.pixels.every((value) => value >= -1 && value <= 1)).toBe(true);
  });
});
