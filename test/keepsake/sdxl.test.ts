/**
 * @file A library on SDXL: two text encoders, pooled embeddings and time ids, from photos to files for other programs.
 */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { readLora } from "../../src/adapters/formats/read.ts";
import { adaptableModules } from "../../src/adapters/new-adapter.ts";
import { readBundledEmbeddings } from "../../src/adapters/formats/bundle.ts";
import { readTokenEmbeddings } from "../../src/adapters/formats/token-embedding.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import type { LearnProgress } from "../../src/keepsake/learn-and-preview.ts";
import { Library } from "../../src/library/library.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL as SMALL_SD1, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
const MODEL = join(import.meta.dirname, "..", "fixtures", "models", "tiny-sdxl");
/** Of the embeddings of the two text encoders. */
const WIDTHS = [12, 16];
const program = { threads: 1 };
const size = { width: 32, height: 32 };
let library: string;

beforeAll(async () => {
  library = inFolder("library");
  await using keepsake = await Keepsake.open(library, { model: MODEL, program });
  for (const [name, strategy] of [
    ["rex", "sequential"],
    ["mug", "dsc"],
  ]) {
    await keepsake.learn({
      ...{ name, classNoun: "dog", photos: [await writePhotos(inFolder(name), name)], strategy },
      adapter: { rank: 2, targets: "attn" },
      training: { steps: 2, resolution: 32, seed: 3, learningRate: 1e-2, tokenLearningRate: 1e-1 },
      vectors: name === "rex" ? 2 : 1,
    });
  }
});

describe("a library on SDXL", () => {
  it("has an embedding in both text encoders for each token, and both have moved", async () => {
    const embeddings = await (await Library.open(library)).embeddings();
    expect(embeddings.map(({ token, count, width }) => [token, count, width])).toEqual([
      ["<rex>", 2, 28],
      ["<mug>", 1, 28],
    ]);
    const { text } = await StableDiffusionPipeline.load(MODEL);
    const [{ vectors }] = embeddings;
    const nouns = text.newTokenizer().tokenIds("dog");
    let column = 0;
    for (const { weights, config } of text.encoders) {
      const table = await weights.readFloat32("text_model.embeddings.token_embedding.weight");
      const width = config.hiddenSize;
      const start = Array.from({ length: width }, (_, i) =>
        nouns.reduce((sum, id) => sum + table[id * width + i] / nouns.length, 0),
      );
      const moved = start.map((value, i) => Math.abs(vectors[column + i] - value));
      expect(Math.max(...moved)).toBeGreaterThan(0.01);
      expect(Math.max(...moved)).toBeLessThan(0.5);
      column += width;
    }
  });

  it("trains the UNet and the layers of both text encoders that the UNet sees", async () => {
    const pipeline = await StableDiffusionPipeline.load(MODEL);
    const adapter = await (await Library.open(library)).adapter(pipeline);
    const moved = new Set<string>();
    for (const { name, offset, length } of adapter?.slots ?? []) {
      if (!name.includes("lora_B")) continue;
      const isZero = adapter?.parameters.subarray(offset, offset + length).every((value) => value === 0);
      if (isZero === false) moved.add(name.split(".", 1)[0]);
    }
    expect([...moved].sort()).toEqual(["text_encoder", "text_encoder_2", "unet"]);
  });

  it("draws, tells a missing negative prompt from an empty one, and classifies", async () => {
    await using keepsake = await Keepsake.open(library, { program });
    const draw = async (negativePrompt?: string) => {
      const [{ image }] = await keepsake.generate({ prompt: "a <rex> by a <mug>", negativePrompt, steps: 2, ...size });
      return Buffer.from(image.data).toString("hex");
    };
    const none = await draw();
    expect(await draw()).toBe(none);
    expect(await draw("")).not.toBe(none);
    const photos = [join(inFolder("rex"), "0.png")];
    const [{ verdicts }] = await keepsake.classify({ images: photos, draws: 2, resolution: 32, others: ["cat"] });
    expect(verdicts.every(({ error }) => Number.isFinite(error))).toBe(true);
    expect(await keepsake.verify()).toMatchObject({ model: "checked", faults: [], leftovers: [] });
  });

  it("is exported as other programs name it", async () => {
    await using keepsake = await Keepsake.open(library, { program });
    const pipeline = await StableDiffusionPipeline.load(MODEL);
    const kohya = inFolder("kohya.safetensors");
    await keepsake.export({ format: "kohya", to: kohya });
    const keys = [...(await SafetensorsFile.open(kohya)).tensors.keys()];
    for (const layer of [
      "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k",
      "lora_unet_middle_block_1_transformer_blocks_2_attn1_to_q",
      "lora_unet_output_blocks_5_1_transformer_blocks_1_attn2_to_v",
      "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
      "lora_te2_text_model_encoder_layers_9_self_attn_out_proj",
    ]) {
      expect(keys).toContain(`${layer}.lora_down.weight`);
    }
    const tokens = await (await Library.open(library)).embeddings();
    expect(keys).toEqual(expect.arrayContaining(["bundle_emb.rex.clip_l", "bundle_emb.rex.clip_g"]));
    const bundled = await readBundledEmbeddings(kohya, pipeline.text.width);
    expect(bundled.find(({ token }) => token === "<rex>")).toEqual(tokens[0]);
    const own = await (await Library.open(library)).adapter(pipeline);
    for (const [format, to] of [
      ["kohya", kohya],
      ["diffusers", inFolder("diffusers.safetensors")],
      ["peft", inFolder("peft")],
    ] as const) {
      await keepsake.export({ format, to, existing: "replace" });
      expect((await readLora(to, adaptableModules(pipeline))).parameters).toEqual(own?.parameters);
    }
    const to = inFolder("rex.safetensors");
    await keepsake.export({ format: "textual-inversion", to, name: "rex" });
    const file = await SafetensorsFile.open(to);
    expect(["clip_l", "clip_g"].map((key) => file.info(key).shape)).toEqual(WIDTHS.map((width) => [2, width]));
    const [embedding] = await readTokenEmbeddings(to, { token: "<rex>" });
    expect(embedding).toEqual(tokens[0]);
  });

  it("goes on with an unfinished run only with photos of the same framing, where another model sees the same", async () => {
    const bytes = new Uint8Array(readFileSync(join(inFolder("rex"), "0.png")));
    const cropped = { name: "0.png", bytes, crop: { x: 8 / 72, y: 0.25, size: 0.5 } };
    const cut = await sharp(bytes).extract({ left: 8, top: 16, width: 32, height: 32 }).png().toBuffer();
    const whole = { name: "0.png", bytes: new Uint8Array(cut) };
    for (const model of [MODEL, SMALL_SD1]) {
      await using keepsake = await Keepsake.open(inFolder(basename(model)), { model, program });
      const request = {
        ...{ name: "rex", classNoun: "dog", strategy: "sequential", previews: false as const },
        ...{ adapter: { rank: 2 }, training: { steps: 2, resolution: 32 } },
      };
      const controller = new AbortController();
      const onProgress = ({ kind }: LearnProgress) => {
        if (kind === "step") controller.abort();
      };
      const stopped = keepsake.learn({ ...request, photos: [cropped], signal: controller.signal, onProgress });
      expect(await stopped).toMatchObject({ status: "interrupted", step: 1 });
      const onward = keepsake.learn({ ...request, photos: [whole] });
      if (model === MODEL) await expect(onward).rejects.toThrow("begun with other photos: go on with it by");
      const finished = model === MODEL ? keepsake.learn({ ...request, photos: [cropped] }) : onward;
      expect(await finished).toMatchObject({ status: "learned" });
    }
  });

  it("unlearns a concept, and forgets one", async () => {
    await using keepsake = await Keepsake.open(library, { program });
    const { unlearned } = await keepsake.unlearn({ name: "mug", steps: 1 });
    expect(unlearned?.distance.before).toBeGreaterThan(0);
    await keepsake.undo();
    await keepsake.forget({ name: "rex" });
    expect((await keepsake.concepts()).map(({ name }) => name)).toEqual(["mug"]);
  });
});
