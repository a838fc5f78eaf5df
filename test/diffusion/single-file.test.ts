/**
 * @file Single-file checkpoints: what they are, what they lack, and that they compute what the same weights in a folder
 * do.
 */
import { existsSync } from "node:fs";
import { cp, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CheckpointOptions } from "../../src/diffusion/checkpoint.ts";
import { openCheckpoint } from "../../src/diffusion/open-checkpoint.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { readClipVocabulary } from "../../src/diffusion/tokenizer/clip-vocabulary.ts";
import { ClipTokenizer } from "../../src/diffusion/tokenizer/index.ts";
import { type TensorToWrite, SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { fixture } from "./support.ts";

const inFolder = temporaryFolder();
const SD1 = fixture("single-file/sd1-old-names-fp16.safetensors");
const SD2 = fixture("single-file/sd2-sgm-names-fp16.safetensors");
const SD1_CONFIG = fixture("models/tiny-sd1-ldm");
const SD2_CONFIG = fixture("models/tiny-sd2-ldm");
const UNET = "model.diffusion_model.";

async function tensorsOf(path: string): Promise<Map<string, TensorToWrite>> {
  const file = await SafetensorsFile.open(path);
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, { shape, dtype }] of file.tensors) {
    tensors.set(name, { shape, dtype, data: await file.readBytes(name) });
  }
  return tensors;
}

/** A copy of a file with other tensors. */
async function edited(path: string, name: string, edit: (tensors: Map<string, TensorToWrite>) => void) {
  const tensors = await tensorsOf(path);
  edit(tensors);
  await writeSafetensors(inFolder(name), tensors);
  return inFolder(name);
}

/** A copy of a model's folder in half precision. */
async function halfPrecision(model: string, name: string): Promise<string> {
  const copy = inFolder(name);
  await cp(model, copy, { recursive: true });
  const parts = ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"];
  for (const part of [...parts, "text_encoder_2/model"]) {
    const path = join(copy, `${part}.safetensors`);
    if (!existsSync(path)) continue;
    const file = await SafetensorsFile.open(path);
    const tensors = new Map<string, TensorToWrite>();
    for (const [tensor, { shape }] of file.tensors) {
      tensors.set(tensor, { shape, dtype: "F16", data: await file.readFloat32(tensor) });
    }
    await writeSafetensors(path, tensors);
  }
  return copy;
}

const zeros = (...shape: number[]): TensorToWrite => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});

const tellingNames = {
  sd1: { encoder: "cond_stage_model.transformer.text_model", block: 1, context: 768 },
  sd2: { encoder: "cond_stage_model.model", block: 1, context: 1024 },
  sdxl: { encoder: "conditioner.embedders.1.model", block: 4, context: 2048 },
};

/** The few tensors by which a checkpoint of the real size is told. */
async function ofRealSize(name: string, family: keyof typeof tellingNames, more: Record<string, TensorToWrite> = {}) {
  const { encoder, block, context } = tellingNames[family];
  const tensors = {
    [`${UNET}input_blocks.0.0.weight`]: zeros(320, 4, 3, 3),
    [`${UNET}input_blocks.${block}.1.transformer_blocks.0.attn2.to_k.weight`]: zeros(320, context),
    [`${encoder}.ln_final.weight`]: zeros(1),
    "first_stage_model.decoder.conv_in.weight": zeros(512, 4, 3, 3),
    ...more,
  };
  await writeSafetensors(inFolder(name), new Map(Object.entries(tensors)));
  return inFolder(name);
}

async function draw(path: string, options: CheckpointOptions = {}) {
  const pipeline = await StableDiffusionPipeline.load(path, { threads: 1 }, options);
  const [{ decoded }] = await pipeline.generate({ prompt: "a cat", steps: 2, seed: 1, width: 64, height: 64 });
  await pipeline.dispose();
  return decoded;
}

describe("a single-file checkpoint", () => {
  it.each([
    ["SD 1.x", SD1, SD1_CONFIG, undefined],
    ["SD 2.x with a VAE from elsewhere", SD2, SD2_CONFIG, "vae"],
    ["SDXL", fixture("single-file/sdxl-full-fp16.safetensors"), fixture("models/tiny-sdxl"), undefined],
  ])("draws what the same weights in a folder draw: %s", async (name, file, config, vae) => {
    const folder = await halfPrecision(config, `${name} as a folder`);
    const options = { config, vae: vae && join(folder, vae) };
    expect(await draw(file, options)).toEqual(await draw(folder));
  });

  it("gives parts of a fused tensor as they are needed", async () => {
    const { text } = await openCheckpoint(SD2, { config: SD2_CONFIG, vae: join(SD2_CONFIG, "vae") });
    const fused = await (
      await SafetensorsFile.open(SD2)
    ).readFloat32("conditioner.embedders.0.model.transformer.resblocks.3.attn.in_proj_bias");
    const key = await text.encoders[0].weights.readFloat32("text_model.encoder.layers.3.self_attn.k_proj.bias");
    expect(key).toEqual(fused.slice(12, 24));
  });

  it("takes a VAE from a file of its own, another checkpoint, a folder or a whole model, in either layout", async () => {
    const alone = await edited(SD1, "vae.safetensors", (tensors) => {
      for (const [name, tensor] of [...tensors]) {
        tensors.delete(name);
        if (name.startsWith("first_stage_model.")) tensors.set(name.slice("first_stage_model.".length), tensor);
      }
    });
    const folder = await halfPrecision(SD1_CONFIG, "half precision");
    const ofDiffusers = join(folder, "vae", "diffusion_pytorch_model.safetensors");
    for (const vae of [alone, SD1, join(folder, "vae"), folder, ofDiffusers]) {
      const opened = await openCheckpoint(SD1, { config: SD1_CONFIG, vae });
      expect(opened.vae.weights.files[0].startsWith(vae)).toBe(true);
      expect(await opened.vae.weights.readFloat32("decoder.mid_block.attentions.0.to_q.weight")).toEqual(
        await (await SafetensorsFile.open(SD1)).readFloat32("first_stage_model.decoder.mid.attn_1.q.weight"),
      );
    }
    const { message } = await failure(
      openCheckpoint(SD1, { config: SD1_CONFIG, vae: fixture("lora/kv-peft.safetensors") }),
    );
    expect(message).toContain("kv-peft.safetensors: there is no VAE in this file.");
  });
});

describe("what a file does not say", () => {
  it("is known of its family: configs, tokenizer, scheduler", async () => {
    const { unet, text, schedulerConfig, note } = await openCheckpoint(await ofRealSize("v1-5.safetensors", "sd1"));
    expect(unet.config).toMatchObject({ sampleSize: 64, attentionHeads: [8, 8, 8, 8], useLinearProjection: false });
    expect(text.encoders[0].config).toMatchObject({ hiddenSize: 768, numHiddenLayers: 12, hiddenAct: "quick_gelu" });
    expect(text.encoders[0].tokenizer).toMatchObject({ vocabSize: 49408, padTokenId: 49407, modelMaxLength: 77 });
    expect(schedulerConfig).toMatchObject({ _class_name: "PNDMScheduler", prediction_type: "epsilon" });
    expect(note).toBeUndefined();
  });

  it.each([
    ["spread biases: velocity", 0.2, {}, "v_prediction", 96, "say --prediction-type epsilon."],
    ["even biases: noise", 0.01, {}, "epsilon", 64, "say --prediction-type v_prediction."],
    ["a person", 0.2, { predictionType: "epsilon" }, "epsilon", 64, undefined],
    ["a person by the family", 0.01, { family: "sd2-768-v" }, "v_prediction", 96, undefined],
  ] as const)("is what an SD 2.x model predicts, by %s", async (name, spread, options, prediction, side, advice) => {
    const biases = Float32Array.from({ length: 320 }, (_, i) => (i % 2 === 0 ? spread : -spread));
    const path = await ofRealSize(`${name}.safetensors`, "sd2", {
      [`${UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias`]: { shape: [320], data: biases },
    });
    const { unet, text, schedulerConfig, note } = await openCheckpoint(path, options);
    expect(unet.config).toMatchObject({ sampleSize: side, attentionHeads: [5, 10, 20, 20], useLinearProjection: true });
    expect(text.encoders[0].config).toMatchObject({ hiddenSize: 1024, numHiddenLayers: 23, hiddenAct: "gelu" });
    expect(text.encoders[0].tokenizer.padTokenId).toBe(0);
    expect(schedulerConfig.prediction_type).toBe(prediction);
    if (advice === undefined) expect(note).toBeUndefined();
    else expect(note?.startsWith(path) && note.endsWith(advice)).toBe(true);
  });

  it("is known of SDXL: two text encoders, zeros without a prompt, a schedule that tensors name", async () => {
    const first = { "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": zeros(1) };
    const { unet, vae, text, schedulerConfig } = await openCheckpoint(
      await ofRealSize("xl.safetensors", "sdxl", first),
    );
    expect(unet.config).toMatchObject({
      ...{ sampleSize: 128, attentionHeads: [5, 10, 20], useLinearProjection: true },
      textTime: { additionTimeEmbedDim: 256, projectionInputDim: 2816 },
    });
    expect(vae.config.scalingFactor).toBe(0.13025);
    expect(text).toMatchObject({ widths: [768, 1280], projectionDim: 1280, zerosWithoutPrompt: true });
    expect(text.encoders.map(({ output, tokenizer }) => [output, tokenizer.padTokenId])).toEqual([
      ["penultimate", 49407],
      ["penultimate", 0],
    ]);
    expect(schedulerConfig).toMatchObject({ _class_name: "EulerDiscreteScheduler", prediction_type: "epsilon" });
    const marks = { v_pred: zeros(0), ztsnr: zeros(0) };
    const marked = await openCheckpoint(await ofRealSize("v.safetensors", "sdxl", { ...first, ...marks }));
    expect(marked.schedulerConfig).toMatchObject({
      ...{ prediction_type: "v_prediction", rescale_betas_zero_snr: true, timestep_spacing: "trailing" },
    });
  });

  it.each([
    ["sd_turbo.safetensors", "sd2", {}, ["sd-turbo", "EulerDiscreteScheduler", "trailing", "epsilon", 64]],
    [
      "sd_xl_turbo_1.0_fp16.safetensors",
      "sdxl",
      {},
      ["sdxl-turbo", "EulerAncestralDiscreteScheduler", "trailing", "epsilon", 64],
    ],
    ["x-Turbo.safetensors", "sdxl", { family: "sdxl" }, ["sdxl", "EulerDiscreteScheduler", "leading", "epsilon", 128]],
    [
      "mine.safetensors",
      "sd2",
      { family: "sd-turbo" },
      ["sd-turbo", "EulerDiscreteScheduler", "trailing", "epsilon", 64],
    ],
    [
      "turbo.safetensors",
      "sdxl",
      { predictionType: "v_prediction" },
      ["sdxl", "EulerDiscreteScheduler", "leading", "v_prediction", 128],
    ],
  ] as const)("is its family: %s of %s with %o", async (name, kind, options, expected) => {
    const first = { "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": zeros(1) };
    const path = await ofRealSize(name, kind, kind === "sdxl" ? first : {});
    const { family, schedulerConfig, unet, note } = await openCheckpoint(path, options);
    const { _class_name: scheduler, timestep_spacing: spacing, prediction_type: prediction } = schedulerConfig;
    expect([family.name, scheduler, spacing, prediction, unet.config.sampleSize]).toEqual(expected);
    const guessed = Object.keys(options).length === 0;
    if (guessed)
      expect(note).toMatch(new RegExp(`^By its name, ${name} is .* If it is not, say --family (sdxl|sd2-base)\\.$`));
    else expect(note).toBeUndefined();
    const usage = await failure(openCheckpoint(path, { family: "sd1" }));
    expect(usage.message).toMatch(
      /this is no model of the family sd1; it can be (sd2-base, sd2-768-v, sd-turbo|sdxl, sdxl-turbo)\./,
    );
  });

  it("is said by a tensor named v_pred, by the folder of configs, or by a person", async () => {
    const path = await ofRealSize("marked.safetensors", "sd1", { v_pred: zeros(0) });
    expect((await openCheckpoint(path)).schedulerConfig.prediction_type).toBe("v_prediction");
    const sd2 = { config: SD2_CONFIG, vae: join(SD2_CONFIG, "vae") };
    expect((await openCheckpoint(SD2, sd2)).schedulerConfig.prediction_type).toBe("v_prediction");
    const said = await openCheckpoint(SD2, { ...sd2, predictionType: "epsilon" });
    expect(said.schedulerConfig.prediction_type).toBe("epsilon");
    const folder = await openCheckpoint(SD1_CONFIG, { predictionType: "v_prediction" });
    expect(folder.schedulerConfig.prediction_type).toBe("v_prediction");
  });

  it("is a tokenizer that gives CLIP's ids", async () => {
    const tokenizer = new ClipTokenizer(await readClipVocabulary("<|endoftext|>"));
    const { inputIds } = tokenizer.encode("a photo of an astronaut riding a horse on mars", { padding: false });
    expect([...inputIds]).toEqual([49406, 320, 1125, 539, 550, 18376, 6765, 320, 4558, 525, 7496, 49407]);
    expect(tokenizer.tokenIds("!")).toEqual([256]);
  });
});

describe("a file that is no such checkpoint", () => {
  const withTensor = (name: string) => (tensors: Map<string, TensorToWrite>) => tensors.set(name, zeros(1));

  it.each<[string, (tensors: Map<string, TensorToWrite>) => void, string]>([
    [
      "SDXL without text",
      withTensor(`${UNET}label_emb.0.0.weight`),
      "this file of SDXL has no second text encoder; use",
    ],
    ["Playground 2.5", withTensor("edm_mean"), "this is a model with another noise schedule (EDM, as Playground 2.5)"],
    ["SD 3", withTensor(`${UNET}joint_blocks.0.x.bias`), "this is Stable Diffusion 3, which is not supported; use a"],
    ["FLUX", withTensor(`${UNET}double_blocks.0.x.bias`), "this is FLUX, which is not supported"],
    ["a ControlNet", withTensor("control_model.time_embed.0.weight"), "this is a ControlNet, which is not supported"],
    [
      "an inpainting model",
      (tensors) => tensors.set(`${UNET}input_blocks.0.0.weight`, zeros(4, 9, 3, 3)),
      "this is an inpainting model, which is not supported; use a text-to-image model.",
    ],
    [
      "a file without VAE",
      (tensors) => {
        [...tensors.keys()].filter((name) => name.startsWith("first_")).forEach((name) => tensors.delete(name));
      },
      "this file of Stable Diffusion 1.x has no VAE; give one with --vae <file>.",
    ],
    [
      "a UNet alone",
      (tensors) => {
        [...tensors.keys()].filter((name) => !name.startsWith(UNET)).forEach((name) => tensors.delete(name));
      },
      "this file of Stable Diffusion 1.x has no text encoder and no VAE; use the full checkpoint, not a pruned one.",
    ],
    [
      "a VAE alone",
      (tensors) => {
        [...tensors.keys()].filter((name) => !name.startsWith("first_")).forEach((name) => tensors.delete(name));
      },
      "this is a VAE alone; give it with --vae, beside a checkpoint.",
    ],
    [
      "a deeper UNet",
      withTensor(`${UNET}input_blocks.12.0.in_layers.0.weight`),
      `tensor "${UNET}input_blocks.12.0.in_layers.0.weight" has no place in the UNet that ${SD1_CONFIG}`,
    ],
  ])("is named: %s", async (name, edit, words) => {
    const path = await edited(SD1, `${name}.safetensors`, edit);
    const { kind, message } = await failure(openCheckpoint(path, { config: SD1_CONFIG }));
    expect(kind).toBe("input");
    expect(message.startsWith(`${path}: ${words}`)).toBe(true);
  });

  it("is an SDXL refiner, or a LoRA", async () => {
    const refiner = await edited(SD2, "refiner.safetensors", withTensor(`${UNET}label_emb.0.0.weight`));
    expect((await failure(openCheckpoint(refiner))).message).toContain(
      "this is an SDXL refiner, which is not supported",
    );
    const lora = await failure(openCheckpoint(fixture("lora/kv-peft.safetensors")));
    expect(lora.message).toContain("this is a LoRA or another adapter, not a model");
  });

  it("has another size than its family", async () => {
    const { message } = await failure(openCheckpoint(SD1));
    expect(message).toBe(
      `${SD1}: its UNet has 4 channels and a context of 12 numbers, where Stable Diffusion 1.x has 320 and 768; ` +
        "give a folder in the diffusers layout that has its configs, with --config <folder>.",
    );
  });

  it("is cut off, an error page, or lacks a tensor", async () => {
    const cut = inFolder("cut.safetensors");
    await writeFile(cut, await readFile(SD1));
    await truncate(cut, 200_000);
    expect((await failure(openCheckpoint(cut, { config: SD1_CONFIG }))).message.startsWith(cut)).toBe(true);
    const page = inFolder("page.safetensors");
    await writeFile(page, "<!DOCTYPE html><html>");
    expect((await failure(openCheckpoint(page))).message).toContain("it is an HTML page");
    const name = `${UNET}time_embed.0.weight`;
    const lacking = await edited(SD1, "lacking.safetensors", (tensors) => tensors.delete(name));
    expect((await failure(draw(lacking, { config: SD1_CONFIG }))).message).toBe(
      `${lacking}: tensor "time_embedding.linear_1.weight" is missing; these weights are not those of the model that ` +
        `${join(SD1_CONFIG, "unet", "config.json")} describes.`,
    );
  });

  it("does not fit the folder of configs, or the model is a folder itself", async () => {
    const other = await failure(draw(SD1, { config: SD2_CONFIG }));
    expect(other.message).toContain(`${SD1}: tensor "`);
    const file = await failure(openCheckpoint(SD1, { config: SD1 }));
    expect(file.message).toContain(`${SD1}: this is a file; --config takes a folder in the diffusers layout`);
    const nowhere = await failure(openCheckpoint(inFolder("nowhere.safetensors")));
    expect(nowhere.message).toContain("nowhere.safetensors: there is no such file.");
    const folder = await failure(openCheckpoint(SD1_CONFIG, { config: SD1_CONFIG }));
    expect(folder.message).toBe(`${SD1_CONFIG}: this folder has configs of its own; --config is for single files.`);
  });
});
