import { copyFile, cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openPipelineFolder, openUNet2DConditionModel } from "../../src/diffusion/checkpoint.ts";
import { timestepProjection } from "../../src/diffusion/models/embeddings.ts";
import { unet2DConditionModel } from "../../src/diffusion/models/unet-2d-condition-model.ts";
import { Weights } from "../../src/diffusion/weights.ts";
import { KeepsakeError } from "../../src/errors.ts";
import { input } from "../../src/graph/index.ts";
import { readJson } from "../../src/io/json.ts";
import type { TensorToWrite } from "../../src/io/safetensors.ts";
import { SafetensorsFile, writeSafetensors } from "../../src/io/safetensors.ts";
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
  await golden.expectClose("sample_out", results.prediction ?? new Float32Array());
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
    expect(value).toBeCloseTo(exact ?? NaN, 3);
  });

  it("is refused with the reason when its weights are a pickle, or missing", async () => {
    const folder = await folderWithConfig();
    await expect(openUNet2DConditionModel(folder)).rejects.toThrow(
      /no weights, expected diffusion_pytorch_model\.safetensors/,
    );
    await writeFile(join(folder, "diffusion_pytorch_model.bin"), "");
    await expect(openUNet2DConditionModel(folder)).rejects.toThrow(/\.bin: pickle weights are not loaded/);
    await expect(openUNet2DConditionModel(join(folder, "nowhere"))).rejects.toThrow(KeepsakeError);
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

  it("finds the parts of a checkpoint", async () => {
    expect(await openPipelineFolder(model)).toMatchObject({
      unet: join(model, "unet"),
      textEncoder: join(model, "text_encoder"),
    });
  });

  it.each<[string, (index: Record<string, unknown>) => void, RegExp]>([
    [
      "SDXL",
      (index) => (index._class_name = "StableDiffusionXLPipeline"),
      /StableDiffusionXLPipeline is not supported yet/,
    ],
    [
      "another pipeline",
      (index) => (index._class_name = "FluxPipeline"),
      /"FluxPipeline", only StableDiffusionPipeline/,
    ],
    ["no pipeline", (index) => delete index._class_name, /not named/],
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

  it("says what is missing", async () => {
    const folder = join(await temporaryFolder(), "model");
    await cp(model, folder, { recursive: true });
    await rename(join(folder, "vae"), join(folder, "vae-old"));
    await expect(openPipelineFolder(folder)).rejects.toThrow(
      /the folder vae, which model_index\.json lists, is missing/,
    );
    await expect(openPipelineFolder(join(folder, "unet"))).rejects.toThrow(/model_index\.json is missing/);
    await expect(openPipelineFolder(join(folder, "model_index.json"))).rejects.toThrow(
      /this is a file; give a model folder/,
    );
    await expect(openPipelineFolder(join(folder, "nowhere"))).rejects.toThrow(/there is no such folder/);
  });
});
