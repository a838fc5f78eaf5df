/** @file Pictures that the model drew itself, as a step sees them. */
import { describe, expect, it } from "vitest";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import type { LossOptions } from "../../src/training/loss-options.ts";
import { drawClassPictures, drawReplayed, type DrawMaterial } from "../../src/training/training-draws.ts";
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
  "that are replayed": (loss?: LossOptions) => drawReplayed(material(loss), [[picture("a dog")]], 0, 8),
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
  const groups = [[picture("a dog")], [picture("a <dog>"), picture("a cup")]];
  const sentences = drawReplayed(material(), groups, 0, count).map(({ prompts: [[sentence]] }) => SENTENCES[sentence]);
  const share = (wanted: string) => sentences.filter((sentence) => sentence === wanted).length / count;

  it("come from each group as often, however many it has, and a tenth has no prompt", () => {
    // Within four standard errors.
    expect(Math.abs(share("a dog") - 0.45)).toBeLessThan(0.032);
    expect(Math.abs(share("a <dog>") - 0.225)).toBeLessThan(0.027);
    expect(Math.abs(share("a cup") - 0.225)).toBeLessThan(0.027);
    expect(Math.abs(share("") - 0.1)).toBeLessThan(0.019);
  });
});
