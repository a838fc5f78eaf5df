import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClipFeatures } from "../../src/diffusion/clip/clip-features.ts";
import { polynomialKernel } from "../../src/evaluation/kernels.ts";
import { dcAccuracy, measureRun, summarizeRuns, type RunMetrics } from "../../src/evaluation/run-report.ts";
import { sequenceMetrics } from "../../src/evaluation/sequence-metrics.ts";
import type { RgbImage } from "../../src/io/images/rgb-image.ts";
import { RandomStream } from "../../src/random/random.ts";
import { fixture } from "../diffusion/support.ts";

describe("measureRun", () => {
  let clip: ClipFeatures;

  beforeAll(async () => {
    clip = await ClipFeatures.load(fixture("models/tiny-clip"), { threads: 1 });
  });

  afterAll(() => clip.dispose());

  const images = (count: number, ...address: (string | number)[]): RgbImage[] =>
    Array.from({ length: count }, (_, i) => ({
      width: 40,
      height: 32,
      data: Uint8Array.from(new RandomStream(5, ...address, i).integers(40 * 32 * 3, 256)),
    }));

  it("gives the measures of the features that CLIP has for the pictures and the prompts", async () => {
    const pictures = {
      heldOut: [images(3, "real", 0), images(2, "real", 1)],
      generated: [[images(2, "drawn", 0, 0)], [images(2, "drawn", 1, 0), images(2, "drawn", 1, 1)]],
      prompts: [
        ["a photo of a cat", "a cat on the beach"],
        ["a photo of a mug", "a mug on the beach"],
      ],
    };
    const kernel = polynomialKernel({ gamma: 1 });
    const confidence = [{ concept: "mochi", pictures: 3, right: 2, accuracy: 2 / 3, meanProbability: 0.5 }];
    const { dcAccuracy: accuracy, ...metrics } = await measureRun(clip, pictures, { kernel, confidence });
    expect(accuracy).toBe(2 / 3);
    const { heldOut, generated, prompts } = pictures;
    const features = {
      real: [await clip.ofImages(heldOut[0]), await clip.ofImages(heldOut[1])],
      generated: [
        [await clip.ofImages(generated[0][0])],
        [await clip.ofImages(generated[1][0]), await clip.ofImages(generated[1][1])],
      ],
      prompts: [await clip.ofTexts(prompts[0]), await clip.ofTexts(prompts[1])],
    };
    expect(metrics).toEqual(sequenceMetrics(features, kernel));
    expect(await measureRun(clip, pictures)).not.toHaveProperty("dcAccuracy");
  });
});

describe("DC accuracy", () => {
  it("counts every picture once, however many a concept has", () => {
    const concepts = [
      { pictures: 1, right: 1 },
      { pictures: 3, right: 1 },
    ];
    expect(dcAccuracy(concepts)).toBe(0.5);
    expect(() => dcAccuracy([])).toThrow(RangeError);
  });
});

describe("summarizeRuns", () => {
  const run = (aMmd: number, more: Partial<RunMetrics> = {}): RunMetrics => ({
    ...{ aMmd, kid: { value: 2 * aMmd, standardError: 9 }, clipI: 0.5, clipT: 0.25, plasticity: 0, fidelity: [[aMmd]] },
    ...more,
  });

  it("gives mean and standard error of each measure that all runs have", () => {
    // 1 and 3: mean 2, sample variance 2, of the mean 1.
    const { aMmd, kid, clipI, fMmd, dcAccuracy: accuracy } = summarizeRuns([run(1, { fMmd: 1 }), run(3)]);
    expect(aMmd).toEqual({ value: 2, standardError: 1 });
    expect(kid).toEqual({ value: 4, standardError: 2 });
    expect(clipI).toEqual({ value: 0.5, standardError: 0 });
    expect([fMmd, accuracy]).toEqual([undefined, undefined]);
    expect(() => summarizeRuns([])).toThrow(RangeError);
  });
});
