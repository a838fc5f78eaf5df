import { describe, expect, it } from "vitest";
import { openClipModel, openClipTextModel } from "../../src/diffusion/checkpoint.ts";
import { clipImageProcessor, parseClipImageProcessorConfig } from "../../src/diffusion/clip/clip-image-processor.ts";
import {
  clipContrastiveLoss,
  clipImageFeatures,
  clipLogitsPerImage,
  clipTextFeatures,
} from "../../src/diffusion/clip/clip-model.ts";
import { clipTextModel, textPooledOutput } from "../../src/diffusion/clip/clip-text-model.ts";
import { clipVisionModel } from "../../src/diffusion/clip/clip-vision-model.ts";
import { endOfTextRows, learnedTokenFeeds } from "../../src/diffusion/clip/text-inputs.ts";
import { gradients, input, mean, square } from "../../src/graph/index.ts";
import { readJson } from "../../src/io/json.ts";
import { evaluate, fixture, openCase, relativeError, rows } from "./support.ts";

const textModel = fixture("models/tiny-sd1/text_encoder");

describe("clipTextModel", () => {
  it("agrees with CLIP: hidden states, final norm, pooled output", async () => {
    const golden = await openCase("forward/text-sd1");
    const { config, weights } = await openClipTextModel(textModel);
    const ids = rows(await golden.numbers("input_ids"), 4);
    const { lastHiddenState, hiddenStates } = clipTextModel(weights.frozen(), config, {
      inputIds: input("inputIds", [4, 77], "int32"),
    });
    const results = await evaluate(
      {
        last_hidden_state: lastHiddenState,
        pooled: textPooledOutput(lastHiddenState, input("endOfText", [4], "int32")),
        ...Object.fromEntries(hiddenStates.map((state, i) => [`hidden_states.${i}`, state])),
      },
      { inputIds: Int32Array.from(ids.flat()), endOfText: endOfTextRows(ids, config) },
    );
    expect(hiddenStates).toHaveLength(config.numHiddenLayers + 1);
    for (const [name, got] of Object.entries(results)) await golden.expectClose(name, got);
  });

  it("takes learned tokens from their own rows, to which alone gradients flow", async () => {
    const { config, weights } = await openClipTextModel(textModel);
    const { vocabSize, hiddenSize } = config;
    const table = await weights.readFloat32("text_model.embeddings.token_embedding.weight");
    const row = (id: number) => table.slice(id * hiddenSize, (id + 1) * hiddenSize);
    const run = async (ids: number[], learnedRows: Float32Array[]) => {
      const { learnedIds, learnedMask, inputIds } = learnedTokenFeeds([ids], vocabSize, learnedRows.length);
      const embeddings = input("embeddings", [learnedRows.length, hiddenSize]);
      const { lastHiddenState } = clipTextModel(weights.frozen(), config, {
        inputIds: input("inputIds", [1, ids.length], "int32"),
        learned: {
          embeddings,
          ids: input("learnedIds", [1, ids.length], "int32"),
          mask: input("learnedMask", [1, ids.length]),
        },
      });
      const [gradient] = gradients(mean(square(lastHiddenState)), [embeddings]);
      return evaluate(
        { lastHiddenState, gradient },
        {
          inputIds,
          learnedIds,
          learnedMask,
          embeddings: Float32Array.from(learnedRows.flatMap((values) => Array.from(values))),
        },
      );
    };
    // Learned rows that repeat rows of the table stand for them exactly.
    const plain = await run([1512, 320, 500, 1513], [row(7), row(8)]);
    const learned = await run([1512, vocabSize + 1, 500, 1513], [row(7), row(320)]);
    expect(learned.lastHiddenState).toEqual(plain.lastHiddenState);
    expect(plain.gradient.every((value) => value === 0)).toBe(true);
    expect(learned.gradient.slice(0, hiddenSize).every((value) => value === 0)).toBe(true);
    expect(learned.gradient.slice(hiddenSize).some((value) => value !== 0)).toBe(true);
  });
});

describe("text inputs", () => {
  it("separate learned ids from those of the vocabulary", () => {
    const feeds = learnedTokenFeeds([[5, 10, 11], Int32Array.of(9, 0, 10)], 10, 2);
    expect(Array.from(feeds.inputIds)).toEqual([5, 0, 0, 9, 0, 0]);
    expect(Array.from(feeds.learnedIds)).toEqual([0, 0, 1, 0, 0, 0]);
    expect(Array.from(feeds.learnedMask)).toEqual([0, 1, 1, 0, 0, 1]);
  });

  it.each([[12], [-1], [1.5]])("refuse the id %d, which is neither", (id) => {
    expect(() => learnedTokenFeeds([[id]], 10, 2)).toThrow(/Token id .* is not among the 10/);
  });

  it("find the first end-of-text token, also where the config does not name it and learned ids are higher", () => {
    const ids = [
      [98, 3, 100, 99, 99],
      [98, 99, 99, 99, 99],
    ];
    expect(Array.from(endOfTextRows(ids, { eosTokenId: 2, vocabSize: 100 }))).toEqual([3, 6]);
    expect(Array.from(endOfTextRows(ids, { eosTokenId: 99, vocabSize: 100 }))).toEqual([3, 6]);
    expect(() => endOfTextRows([[98, 3]], { eosTokenId: 99, vocabSize: 100 })).toThrow(/No end-of-text token/);
  });
});

describe("the whole of CLIP", () => {
  it("agrees with CLIP: features of both kinds and their logits", async () => {
    const golden = await openCase("forward/clip");
    const { config, weights } = await openClipModel(fixture("models/tiny-clip"));
    const context = weights.frozen();
    const ids = rows(await golden.numbers("input_ids"), 4);
    const pixelValues = golden.input("pixel_values");
    const image = clipImageFeatures(context, config, pixelValues);
    const text = clipTextFeatures(
      context,
      config,
      { inputIds: input("inputIds", [4, 77], "int32") },
      input("endOfText", [4], "int32"),
    );
    const results = await evaluate(
      {
        image_features: image,
        text_features: text,
        logits_per_image: clipLogitsPerImage(context, image, text),
        pooler_output: clipVisionModel(context, config.visionConfig, pixelValues).poolerOutput,
      },
      {
        ...(await golden.feeds("pixel_values")),
        inputIds: Int32Array.from(ids.flat()),
        endOfText: endOfTextRows(ids, config.textConfig),
      },
    );
    for (const [name, got] of Object.entries(results)) await golden.expectClose(name, got);
  });

  it("has a contrastive loss that knows pairs by their place on the diagonal", async () => {
    const loss = async (logits: number[]) => {
      const results = await evaluate(
        { loss: clipContrastiveLoss(input("logits", [2, 2])) },
        { logits: Float32Array.from(logits) },
      );
      return results.loss[0];
    };
    expect(await loss([0, 0, 0, 0])).toBeCloseTo(Math.log(2), 6);
    expect(await loss([20, 0, 0, 20])).toBeCloseTo(0, 6);
    // Images: log(1 + e) and log(1 + e^-3); texts: log(1 + e^2) - 0 for column 0, log(1 + e^0) for column 1.
    const expected = [1 - 0, 0 - 3, 0 - 0, 1 - 3].map((gap) => Math.log1p(Math.exp(gap)));
    expect(await loss([0, 1, 0, 3])).toBeCloseTo(expected.reduce((a, b) => a + b) / 4, 5);
  });
});

describe("clipImageProcessor", () => {
  it("resamples as Pillow does, to the bit", async () => {
    const golden = await openCase("forward/clip-preprocess");
    const file = fixture("models/tiny-clip/preprocessor_config.json");
    const config = parseClipImageProcessorConfig(file, await readJson(file));
    for (const i of [0, 1, 2]) {
      const [height, width] = golden.shape(`image${i}`);
      const got = clipImageProcessor({ width, height, data: await golden.bytes(`image${i}`) }, config);
      expect(relativeError(got, await golden.read(`pixel_values${i}`))).toBeLessThan(1e-6);
    }
  });

  it("refuses a config that asks for something else", () => {
    const parse = (json: unknown) => parseClipImageProcessorConfig("preprocessor_config.json", json);
    expect(() => parse({ resample: 2 })).toThrow(/"resample" has the value 2, which is not supported \(supported: 3/);
    expect(() => parse({ do_center_crop: false })).toThrow(/do_center_crop/);
    expect(() => parse({ size: { height: 224, width: 224 } })).toThrow(/"size" is/);
    expect(() => parse({ size: 200, crop_size: 224 })).toThrow(/"crop_size" is 224, expected at most/);
    expect(() => parse({ do_flip: true })).toThrow(/unknown option "do_flip"/);
  });
});
