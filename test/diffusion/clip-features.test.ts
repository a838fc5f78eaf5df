import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openClipModel } from "../../src/diffusion/checkpoint.ts";
import { ClipFeatures, cosine } from "../../src/diffusion/clip/clip-features.ts";
import { clipImageProcessor, parseClipImageProcessorConfig } from "../../src/diffusion/clip/clip-image-processor.ts";
import { clipImageFeatures } from "../../src/diffusion/clip/clip-model.ts";
import { constant } from "../../src/graph/index.ts";
import type { RgbImage } from "../../src/io/images/rgb-image.ts";
import { readJson } from "../../src/io/json.ts";
import { evaluate, fixture, openCase, relativeError } from "./support.ts";

const MODEL = fixture("models/tiny-clip");

let clip: ClipFeatures;

beforeAll(async () => {
  clip = await ClipFeatures.load(MODEL, { threads: 1 });
});

afterAll(() => clip.dispose());

const unit = (values: Float32Array): Float32Array => {
  const length = Math.sqrt(cosine(values, values));
  return values.map((x) => x / length);
};

async function images(): Promise<RgbImage[]> {
  const golden = await openCase("forward/clip-preprocess");
  return Promise.all(
    [0, 1, 2].map(async (i) => {
      const [height, width] = golden.shape(`image${i}`);
      return { width, height, data: await golden.bytes(`image${i}`) };
    }),
  );
}

describe("ClipFeatures", () => {
  it("gives the reference's text features, of length 1", async () => {
    const golden = await openCase("forward/clip");
    const { prompts } = (await readJson(fixture("forward/clip.json"))) as { prompts: string[] };
    const features = await clip.ofTexts(prompts);
    const reference = await golden.read("text_features");
    const width = reference.length / prompts.length;
    for (const [i, feature] of features.entries()) {
      const expected = unit(reference.subarray(i * width, (i + 1) * width));
      expect(relativeError(feature, expected), prompts[i]).toBeLessThan(1e-4);
    }
  });

  it("processes a picture of any size before the model sees it", async () => {
    const { config, weights } = await openClipModel(MODEL);
    const file = `${MODEL}/preprocessor_config.json`;
    const processor = parseClipImageProcessorConfig(file, await readJson(file));
    const pictures = await images();
    const features = await clip.ofImages(pictures);
    for (const [i, picture] of pictures.entries()) {
      const pixels = constant(clipImageProcessor(picture, processor), [1, 3, 32, 32]);
      const direct = await evaluate({ features: clipImageFeatures(weights.frozen(), config, pixels) }, {});
      expect(relativeError(features[i], unit(direct.features))).toBeLessThan(1e-5);
    }
  });

  it("gives the same features alone and among more than fit one batch", async () => {
    const texts = Array.from({ length: 19 }, (_, i) => `a photo of ${i} cats`);
    const all = await clip.ofTexts(texts);
    expect(all).toHaveLength(19);
    const [last] = await clip.ofTexts(texts.slice(18));
    expect(relativeError(all[18], last)).toBeLessThan(1e-6);
    expect(await clip.ofImages([])).toEqual([]);
  });
});
