import { copyFile, cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openUNet2DConditionModel } from "../../src/diffusion/checkpoint.ts";
import { openPipelineFolder } from "../../src/diffusion/pipeline-folder.ts";
import { timestepProjection } from "../../src/diffusion/models/embeddings.ts";
import { unet2DConditionModel } from "../../src/diffusion/models/unet-2d-condition-model.ts";
import { Weights } from "../../src/diffusion/weights.ts";
import { KeepsakeError } from "../../src/errors.ts";
import { input } from "../../src/graph/index.ts";
import { readJson } from "../../src/io/json.ts";
import { type TensorToWrite, SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { evaluate, fixture, openCase } from "./support.ts";

const weightsName = "diffusion_pytorch_model.safetensors";
const micro = fixture("models/micro-unet-sd1/unet");

/** An empty folder for one test. */
async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "keepsake-checkpoint-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A folder with the micro UNet's config and nothing else. */
async function folderWithConfig(): Promise<string> {
  const folder = await temporaryFolder();
  await copyFile(join(micro, "config.json"), join(folder, "config.json"));
  return folder;
}

/** The micro UNet's tensors. */
async function microTensors(): Promise<Map<string, TensorToWrite>> {
  const file = await SafetensorsFile.open(join(micro, weightsName));
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, { shape }] of file.tensors) tensors.set(name, { shape, data: await file.readFloat32(name) });
  return tensors;
}

/** Checks that the UNet in a folder computes what the golden case says. */
async function expectWorks(folder: string): Promise<void> {
  const golden = await openCase("forward/unet-micro-unet-sd1");
  const { config, weights } = await openUNet2DConditionModel(folder);
  const prediction = unet2DConditionModel(weights.frozen(), config, {
    sample: golden.input("sample"),
    timestepProjection: input("timestepProjection", [1, 8]),
    encoderHiddenStates: golden.input("encoder_hidden_states"),
  });
  const feeds = await golden.feeds("sample", "encoder_hidden_states");
  feeds.timestepProjection = timestepProjection(await golden.numbers("timestep"), 8, config);
  const results = await evaluate({ prediction }, feeds);
  await golden.expectClose("sample_out", results.prediction);
}

describe("a model's folder", () => {
  it("may be a hub cache, whose files are symbolic links", async () => {
    const folder = await temporaryFolder();
    const snapshot = join(folder, "snapshots", "abc");
    await mkdir(join(folder, "blobs"));
    await mkdir(snapshot, { recursive: true });
    for (const [i, name] of ["config.json", weightsName].entries()) {
      await copyFile(join(micro, name), join(folder, "blobs", `${i}`));
      await symlink(join("..", "..", "blobs", `${i}`), join(snapshot, name));
    }
    await expectWorks(snapshot);
  });

  it("may have its weights in several files with an index", async () => {
    const folder = await folderWithConfig();
    const entries = [...(await microTensors())];
    const weight_map: Record<string, string> = {};
    for (const part of [0, 1, 2]) {
      const name = `diffusion_pytorch_model-0000${part + 1}-of-00003.safetensors`;
      const own = entries.filter((_, i) => i % 3 === part);
      for (const [tensor] of own) weight_map[tensor] = name;
      await writeSafetensors(join(folder, name), new Map(own));
    }
    const index = join(folder, `${weightsName}.index.json`);
    await writeFile(index, JSON.stringify({ metadata: {}, weight_map }));
    await expectWorks(folder);

    await writeFile(index, JSON.stringify({ weight_map: { "conv_in.weight": "../elsewhere.safetensors" } }));
    await expect(openUNet2DConditionModel(folder)).rejects.toThrow(
      /not the name of a safetensors file in the same folder/,
    );
    await writeFile(index, "{}");
    await expect(openUNet2DConditionModel(folder)).rejects.toThrow(/"weight_map" is missing/);
  });

  it("gives full precision before half", async () => {
    const folder = await folderWithConfig();
    const tensors = await microTensors();
    await writeSafetensors(
      join(folder, "diffusion_pytorch_model.fp16.safetensors"),
      new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, dtype: "F16" }])),
    );
    const half = await openUNet2DConditionModel(folder);
    const value = (await half.weights.readFloat32("conv_in.bias"))[0];
    await copyFile(join(micro, weightsName), join(folder, weightsName));
    const full = await openUNet2DConditionModel(folder);
    const exact = (await full.weights.readFloat32("conv_in.bias"))[0];
    expect(exact).toBe(tensors.get("conv_in.bias")?.data[0]);
    expect(value).not.toBe(exact);
    expect(value).toBeCloseTo(exact, 3);
  });

  it("is refused with the reason when its weights are a pickle, or missing", async () => {
    const folder = await folderWithConfig();
    await expect(openUNet2DConditionModel(folder)).rejects.toThrow(
      /no weights, expected diffusion_pytorch_model\.safetensors/,
    );
    for (const [name, words] of [
      ["diffusion_pytorch_model.safetensors.incomplete", "is a download that did not finish: download it again"],
      ["diffusion_pytorch_model.bin", "pickle weights are not loaded, because a pickle can run any program; download"],
      ["diffusion_flax_model.msgpack", "is weights for Flax; Keepsake needs diffusion_pytorch_model.safetensors"],
      ["model.onnx", "is an exported ONNX model"],
      ["unet (1).safetensors", "there is unet (1).safetensors: rename it if it is the one"],
      ["diffusion_pytorch_model.non_ema.safetensors", 'has the variant "non_ema" of the weights alone'],
    ]) {
      await writeFile(join(folder, name), "");
      await expect(openUNet2DConditionModel(folder)).rejects.toThrow(words);
      await rm(join(folder, name));
    }
    await expect(openUNet2DConditionModel(join(folder, "nowhere"))).rejects.toThrow(KeepsakeError);
  });
});

describe("a config that says mid_block_type: null", () => {
  it("leaves a middle block out of the model, whatever lies in the weights", async () => {
    const folder = await folderWithConfig();
    await copyFile(join(micro, weightsName), join(folder, weightsName));
    const config = { ...((await readJson(join(micro, "config.json"))) as object), mid_block_type: null };
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    const { weights } = await openUNet2DConditionModel(folder);
    expect(weights.tensors.filter(({ name }) => name.startsWith("mid_block."))).toEqual([]);
    expect(weights.has("conv_out.bias")).toBe(true);
  });
});

describe("weights that do not belong to the config", () => {
  const sample = () => ({
    sample: input("sample", [1, 4, 4, 6]),
    timestepProjection: input("timestepProjection", [1, 8]),
    encoderHiddenStates: input("encoderHiddenStates", [1, 9, 12]),
  });

  it.each<[string, (tensors: Map<string, TensorToWrite>) => void, RegExp]>([
    [
      "a tensor is missing",
      (tensors) => tensors.delete("mid_block.resnets.1.norm2.bias"),
      /diffusion_pytorch_model\.safetensors: tensor "mid_block\.resnets\.1\.norm2\.bias" is missing/,
    ],
    [
      "a tensor has another shape",
      (tensors) => tensors.set("conv_out.bias", { shape: [8], data: new Float32Array(8) }),
      /tensor "conv_out\.bias" has the shape \[8\], but config\.json asks for \[4\]/,
    ],
    [
      "a tensor has a type that weights do not have",
      (tensors) => tensors.set("conv_out.bias", { shape: [4], data: new Uint8Array(4) }),
      /tensor "conv_out\.bias" is stored as U8; weights must be F32, F16 or BF16/,
    ],
  ])("are refused by name: %s", async (_, change, message) => {
    const folder = await folderWithConfig();
    const tensors = await microTensors();
    change(tensors);
    await writeSafetensors(join(folder, weightsName), tensors);
    const { config, weights } = await openUNet2DConditionModel(folder);
    const trace = () => unet2DConditionModel(weights.frozen(), config, sample());
    expect(trace).toThrow(KeepsakeError);
    expect(trace).toThrow(message);
    expect(() => unet2DConditionModel(weights.trainable().context, config, sample())).toThrow(message);
  });
});

describe("Weights", () => {
  it("trains the selected parameters and leaves the rest frozen", async () => {
    const weights = await Weights.open("micro", [join(micro, weightsName)]);
    const { inputs, context } = weights.trainable({ select: (name) => name.startsWith("conv_in."), prefix: "p." });
    expect([...inputs.keys()].sort()).toEqual(["conv_in.bias", "conv_in.weight"]);
    expect(context.parameter("conv_in.bias", [8])).toBe(inputs.get("conv_in.bias"));
    expect(context.parameter("conv_out.bias", [4])).not.toBe(undefined);
    const results = await evaluate(
      { trained: context.parameter("conv_in.bias", [8]), frozen: context.parameter("conv_out.bias", [4]) },
      { "p.conv_in.bias": new Float32Array(8).fill(5) },
    );
    expect(results.trained).toEqual(new Float32Array(8).fill(5));
    expect(results.frozen).toEqual(await weights.readFloat32("conv_out.bias"));
  });
});

describe("openPipelineFolder", () => {
  const model = fixture("models/tiny-sd1");
  const copyOf = async (folder: string) => {
    await cp(model, join(folder, "sd"), { recursive: true });
    return join(folder, "sd");
  };
  const standIn = async (folder: string, name: string, content: string) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const oneTensor = async (folder: string, name: string) => {
    const path = join(folder, "model.safetensors");
    await writeSafetensors(path, new Map([[name, { shape: [1], data: new Float32Array(1) }]]));
    return path;
  };

  it("finds the parts of a checkpoint", async () => {
    expect(await openPipelineFolder(model)).toMatchObject({
      unet: join(model, "unet"),
      textEncoders: [{ folder: join(model, "text_encoder"), tokenizer: join(model, "tokenizer"), output: "last" }],
      zerosWithoutPrompt: false,
    });
  });

  it.each<[string, (index: Record<string, unknown>) => void, RegExp]>([
    [
      "SDXL's refiner",
      (index) => (index._class_name = "StableDiffusionXLImg2ImgPipeline"),
      /the pipeline is "StableDiffusionXLImg2ImgPipeline" \(an SDXL refiner, .*\), which is not supported; use a Stable/,
    ],
    [
      "SDXL without its second text encoder",
      (index) => (index._class_name = "StableDiffusionXLPipeline"),
      /component "text_encoder_2" is missing, expected CLIPTextModelWithProjection/,
    ],
    [
      "another pipeline",
      (index) => (index._class_name = "FluxPipeline"),
      /the pipeline is "FluxPipeline" \(FLUX\), which is not supported; use a Stable Diffusion 1\.x, 2\.x or XL model/,
    ],
    ["no pipeline", (index) => delete index._class_name, /the pipeline is missing/],
    [
      "another VAE",
      (index) => (index.vae = ["diffusers", "AutoencoderTiny"]),
      /"vae" is \["diffusers","AutoencoderTiny"\], expected AutoencoderKL/,
    ],
    ["no scheduler", (index) => delete index.scheduler, /"scheduler" is missing/],
  ])("refuses %s", async (_, change, message) => {
    const folder = join(await temporaryFolder(), "model");
    await cp(model, folder, { recursive: true });
    const index = (await readJson(join(model, "model_index.json"))) as Record<string, unknown>;
    change(index);
    await writeFile(join(folder, "model_index.json"), JSON.stringify(index));
    await expect(openPipelineFolder(folder)).rejects.toThrow(message);
  });

  it.each<[string, (folder: string) => Promise<string>, string]>([
    [
      "one of its parts",
      (folder) => copyOf(folder).then((copy) => join(copy, "unet")),
      "this is a part of a model; give the whole: ",
    ],
    ["the folder above it", (folder) => copyOf(folder).then(() => folder), "the model is in a folder below; give "],
    [
      "a Hub cache",
      (folder) => copyOf(join(folder, "snapshots")).then(() => folder),
      "the model is in a folder below; give ",
    ],
    [
      "an empty folder",
      (folder) => Promise.resolve(folder),
      "the folder is empty; give a folder in the diffusers layout",
    ],
    ["a CLIP", () => Promise.resolve(fixture("models/tiny-clip")), "this is a single network"],
    [
      "a LoRA's file",
      () => Promise.resolve(fixture("lora/kv-peft.safetensors")),
      "this is a LoRA or another adapter, not a model",
    ],
    [
      "a LoRA's folder",
      () => Promise.resolve(fixture("lora/kv-peft-native")),
      "this is a LoRA, not a model; give the model",
    ],
    [
      "a network's file",
      () => Promise.resolve(join(model, "unet", weightsName)),
      "these are weights of one network; give the whole",
    ],
    [
      "a single-file checkpoint",
      (folder) => oneTensor(folder, "model.diffusion_model.out.2.bias"),
      "this is a single-file checkpoint; give the file itself: ",
    ],
    ["an embedding", (folder) => oneTensor(folder, "emb_params"), "this is a textual-inversion embedding, not a model"],
    [
      "a file of FLUX",
      (folder) => oneTensor(folder, "double_blocks.0.img_attn.qkv.weight"),
      "this is a transformer model (FLUX, SD 3)",
    ],
    [
      "a .ckpt",
      (folder) => standIn(folder, "sd.ckpt", "PK"),
      "pickle weights are not loaded, because a pickle can run any program; give",
    ],
    ["an error page", (folder) => standIn(folder, "sd.safetensors", "<!DOCTYPE html><html>"), "it is an HTML page"],
    [
      "a library",
      (folder) => standIn(folder, "library.json", "{}").then(() => folder),
      "this is a Keepsake library, not a model; give it as --library",
    ],
    [
      "a name of the Hub",
      () => Promise.resolve(resolve("stabilityai/sd-turbo")),
      "download it first: keepsake pull stabilityai/sd-turbo",
    ],
  ])("says of %s what it is and what to do", async (_, make, words) => {
    const path = await make(await temporaryFolder());
    const error = await openPipelineFolder(path).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(KeepsakeError);
    expect(String(error)).toContain(`${path}: `);
    expect(String(error)).toContain(words);
  });

  it("says what is missing", async () => {
    const folder = join(await temporaryFolder(), "model");
    await cp(model, folder, { recursive: true });
    await rename(join(folder, "vae"), join(folder, "vae-old"));
    await expect(openPipelineFolder(folder)).rejects.toThrow(
      /the folder vae, which model_index\.json lists, is missing/,
    );
    await expect(openPipelineFolder(join(folder, "model_index.json"))).rejects.toThrow(
      `give the folder that it lies in: ${folder}.`,
    );
    await expect(openPipelineFolder(join(folder, "nowhere"))).rejects.toThrow(/there is no such folder/);
  });
});
