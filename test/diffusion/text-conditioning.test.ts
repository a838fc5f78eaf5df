/** @file Text encoders as one, and what SDXL is told of a picture's framing. */
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { PromptEncoder } from "../../src/diffusion/prompt-encoder.ts";
import { TextConditioning } from "../../src/diffusion/text-conditioning.ts";
import { timeIdsFeeds, timeIdsOf, wholePicture } from "../../src/diffusion/time-ids.ts";
import { readJson } from "../../src/io/json.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { fixture } from "./support.ts";

const inFolder = temporaryFolder();
const SDXL = fixture("models/tiny-sdxl");
const pipeline = await StableDiffusionPipeline.load(SDXL, { threads: 1 });
const { text } = pipeline;

/** A copy of the tiny SDXL with options of one of its JSON files changed. */
async function changed(name: string, file: string, options: Readonly<Record<string, unknown>>): Promise<string> {
  const copy = inFolder(name);
  await cp(SDXL, copy, { recursive: true });
  const json = (await readJson(join(copy, file))) as object;
  await writeFile(join(copy, file), JSON.stringify({ ...json, ...options }));
  return copy;
}

describe("the text encoders of SDXL", () => {
  it("are one: widths side by side, prompts padded as each was trained", () => {
    expect([text.width, text.widths, text.projectionDim, text.positions]).toEqual([28, [12, 16], 20, 77]);
    const tokenizer = text.newTokenizer();
    const added = tokenizer.addTokens("<mochi>", 2);
    const { inputIds, length } = tokenizer.encode("<mochi>");
    expect(length).toBe(4);
    expect([...inputIds.subarray(0, 6)]).toEqual([1512, ...added, 1513, 1513, 1513]);
    expect([...inputIds.subarray(77, 83)]).toEqual([1512, ...added, 1513, 0, 0]);
  });

  it("pool at the end of the text, where learned tokens have higher ids", () => {
    const tokenizer = text.newTokenizer();
    tokenizer.addTokens("<mochi>");
    const feeds = text.feeds([tokenizer.encode("<mochi>").inputIds, tokenizer.encode("").inputIds], 1);
    expect([...feeds["endOfTextRows 2"]]).toEqual([2, 77 + 1]);
    expect([...feeds.inputIds.subarray(0, 3)]).toEqual([1512, 0, 1513]);
    expect([...feeds["learnedMask 2"].subarray(0, 3)]).toEqual([0, 1, 0]);
  });

  it("give zeros without a prompt, unless the model says otherwise", async () => {
    const norms = async (conditioning: TextConditioning) => {
      const encoder = new PromptEncoder(conditioning, { threads: 1 });
      const encoded = await encoder.encode([undefined, ""]);
      await encoder.clear();
      return encoded.map(({ encoderHiddenStates, textEmbeds = [] }) =>
        Math.max(...[...encoderHiddenStates, ...textEmbeds].map(Math.abs)),
      );
    };
    const [none, empty] = await norms(text);
    expect([none, empty > 0]).toEqual([0, true]);
    const [same, other] = await norms(new TextConditioning(text.encoders));
    expect(same).toBe(other);
    const folder = await changed("without zeros", "model_index.json", { force_zeros_for_empty_prompt: false });
    expect((await StableDiffusionPipeline.load(folder)).text.zerosWithoutPrompt).toBe(false);
  });

  it.each<[string, string, Record<string, unknown>, RegExp]>([
    [
      "another projection",
      "text_encoder_2/config.json",
      { projection_dim: 24 },
      /the UNet expects 20 pooled numbers beside 6 sizes, the text encoder gives 24/,
    ],
    [
      "five time ids, as the refiner has",
      "unet/config.json",
      { projection_class_embeddings_input_dim: 60 },
      /the UNet expects 12 pooled numbers beside 6 sizes, the text encoder gives 20/,
    ],
    ["another length", "tokenizer_2/tokenizer_config.json", { model_max_length: 40 }, /its two tokenizers differ/],
    [
      "a strange option",
      "model_index.json",
      { force_zeros_for_empty_prompt: "yes" },
      /"force_zeros_for_empty_prompt" is "yes", expected true or false/,
    ],
    [
      "the refiner's option",
      "model_index.json",
      { requires_aesthetics_score: true },
      /"requires_aesthetics_score" is true: this is an SDXL refiner/,
    ],
  ])("are refused with %s", async (name, file, options, message) => {
    const { kind, message: words } = await failure(StableDiffusionPipeline.load(await changed(name, file, options)));
    expect(kind).toBe("input");
    expect(words).toMatch(message);
  });
});

describe("the framing of a picture", () => {
  it("is six numbers, each with its own sinusoids", () => {
    const framing = {
      originalSize: { height: 96, width: 80 },
      crop: { top: 8, left: 4 },
      targetSize: { height: 64, width: 48 },
    };
    expect(timeIdsOf(framing)).toEqual([96, 80, 8, 4, 64, 48]);
    expect(timeIdsOf(wholePicture({ height: 64, width: 48 }))).toEqual([64, 48, 0, 0, 64, 48]);
    const { timeIdsProjection } = timeIdsFeeds(pipeline.unet.config, [timeIdsOf(framing)]);
    expect(timeIdsProjection).toHaveLength(6 * 8);
    expect(timeIdsProjection?.[0]).toBeCloseTo(Math.cos(96), 5);
  });

  it("is unknown to other models, and needed by this one", async () => {
    const sd1 = await StableDiffusionPipeline.load(fixture("models/small-sd1"));
    expect(timeIdsFeeds(sd1.unet.config, [undefined])).toEqual({});
    expect(() => timeIdsFeeds(pipeline.unet.config, [undefined])).toThrow("needs the time ids");
  });

  it("changes what SDXL draws", async () => {
    const size = { height: 32, width: 32 };
    const draw = async (top: number) => {
      const framing = { ...wholePicture(size), crop: { top, left: 0 } };
      const [{ latents }] = await pipeline.generate({ prompt: "a cat", steps: 1, guidanceScale: 1, ...size, framing });
      return latents;
    };
    expect(await draw(16)).not.toEqual(await draw(0));
    await pipeline.dispose();
  });
});
