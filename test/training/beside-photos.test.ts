/** @file Pictures that the model drew itself, as a step sees them. */
import { describe, expect, it } from "vitest";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { PROMPT_TEMPLATES } from "../../src/prompts/prompt-templates.ts";
import type { LossOptions } from "../../src/training/loss-options.ts";
import type { StepItem } from "../../src/training/objective-gradient.ts";
import type { TrainingPhoto } from "../../src/training/photos/encode-photos.ts";
import { drawClassPictures, drawReplayed } from "../../src/training/parts/beside-photos.ts";
import type { DrawMaterial } from "../../src/training/training-draws.ts";
import { MODEL } from "../keepsake/support.ts";

const pipeline = await StableDiffusionPipeline.load(MODEL);
const CHANNELS = pipeline.vae.config.latentChannels;
const PIXELS = 16 * 16;

/** Sentences are one number each: their place in the list. */
const SENTENCES = ["", "a dog", "a <dog>", "a cup"];

const material = (loss: LossOptions = {}): DrawMaterial => ({
  ...{ concept: "cup", concepts: [], earlierTokens: [], vae: pipeline.vae.config, seed: 3, loss },
  schedule: new NoiseSchedule(pipeline.schedulerConfig),
  tokenize: (prompt) => [SENTENCES.indexOf(prompt)],
});

/** A picture without anything on it: what is predicted of it is the noise. */
const picture = (sentence: string) => ({ latents: new Float32Array(CHANNELS * PIXELS), sentence });

const DRAWS = {
  "of the class": (loss?: LossOptions) => drawClassPictures(material(loss), [picture("a dog")], "learn", 0, 8),
  "that are replayed": (loss?: LossOptions) => drawReplayed(material(loss), { pictures: [[picture("a dog")]] }, 0, 8),
};

describe.each(Object.entries(DRAWS))("own pictures %s", (_, draw) => {
  it("have a noise and a timestep each, the same for the same step", () => {
    const items = draw();
    expect(items).toHaveLength(8);
    expect(new Set(items.map(({ timestep }) => timestep)).size).toBe(8);
    expect(new Set(items.map(({ target }) => target[0])).size).toBe(8);
    expect(draw()).toEqual(items);
  });

  it("have the noise offset of photos: one number is added to a whole channel of the noise", () => {
    const [plain, offset] = [draw(), draw({ noiseOffset: { amount: 0.5 } })];
    const added = offset.map(({ target }, i) => target.map((value, j) => value - plain[i].target[j]));
    for (const each of added) {
      for (let channel = 0; channel < CHANNELS; channel++) {
        const [first, ...others] = each.subarray(channel * PIXELS, (channel + 1) * PIXELS);
        expect(first).not.toBeCloseTo(0, 4);
        for (const other of others) expect(other).toBeCloseTo(first, 4);
      }
    }
    expect(new Set(added.map(([first]) => first)).size).toBe(8);
  });

  it("are weighted as photos are, by min-SNR", () => {
    for (const { weight } of draw()) expect(weight).toBeUndefined();
    for (const { weight } of draw({ minSnrGamma: 1 })) expect(weight).toBeLessThanOrEqual(1);
  });
});

describe("replayed pictures", () => {
  const count = 4000;
  const pictures = [[picture("a dog")], [picture("a <dog>"), picture("a cup")]];
  const sentencesOf = (items: readonly StepItem[]) => items.map(({ prompts: [[sentence]] }) => SENTENCES[sentence]);
  const share = (sentences: readonly (string | undefined)[], wanted: string) =>
    sentences.filter((sentence) => sentence === wanted).length / count;

  it("come from each group as often, however many it has, and a tenth has no prompt", () => {
    const sentences = sentencesOf(drawReplayed(material(), { pictures }, 0, count));
    // Within four standard errors.
    expect(Math.abs(share(sentences, "a dog") - 0.45)).toBeLessThan(0.032);
    expect(Math.abs(share(sentences, "a <dog>") - 0.225)).toBeLessThan(0.027);
    expect(Math.abs(share(sentences, "a cup") - 0.225)).toBeLessThan(0.027);
    expect(Math.abs(share(sentences, "") - 0.1)).toBeLessThan(0.019);
  });

  it("are photos, too, where a noun is given: under the sentences of training, with captions and without masks", () => {
    const photo = (caption: string, value: number): TrainingPhoto => ({
      mean: new Float32Array(CHANNELS * PIXELS).fill(value),
      logvar: new Float32Array(CHANNELS * PIXELS).fill(-Infinity),
      mask: new Float32Array(PIXELS),
      caption,
    });
    const photos = [photo("on grass", 1), photo("in the sea", 2)];
    const asked: string[] = [];
    const seen = {
      ...material(),
      concepts: [{ token: "<cup>", classNoun: "cup", photos }],
      tokenize: (prompt: string) => [asked.push(prompt)],
    };
    const items = drawReplayed(seen, { pictures: [[picture("a dog")]], photosAs: "cup" }, 0, count);
    const ofPhotos = asked.filter((sentence) => sentence.includes(" cup"));
    expect(Math.abs(ofPhotos.length / count - 0.45)).toBeLessThan(0.032);
    expect(ofPhotos.filter((sentence) => sentence.endsWith(" on grass")).length / count).toBeGreaterThan(0.19);
    expect(new Set(ofPhotos).size).toBe(2 * PROMPT_TEMPLATES.length);
    expect(ofPhotos.every((sentence) => / (on grass|in the sea)$/.test(sentence))).toBe(true);
    expect(asked.some((sentence) => sentence.includes("<cup>"))).toBe(false);
    expect(items.some(({ mask }) => mask !== undefined)).toBe(false);
  });
});
