import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openUNet2DConditionModel } from "../../src/diffusion/checkpoint.ts";
import type { UNet2DConditionConfig } from "../../src/diffusion/config/unet-2d-condition-config.ts";
import { timestepProjection } from "../../src/diffusion/models/embeddings.ts";
import {
  type UNet2DConditionInputs,
  unet2DConditionModel,
} from "../../src/diffusion/models/unet-2d-condition-model.ts";
import { type ModuleContext, withAdapter, withObserver } from "../../src/diffusion/module.ts";
import { AdamW } from "../../src/graph/optim/index.ts";
import { type Tensor, add, gradients, input, mean, mul, Program, square, sub } from "../../src/graph/index.ts";
import { readJson } from "../../src/io/json.ts";
import { type TensorToWrite, SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { type GoldenCase, evaluate, fixture, openCase, relativeError } from "./support.ts";

/** The inputs of a golden case and what to feed them. */
async function inputsOf(
  golden: GoldenCase,
  config: UNet2DConditionConfig,
  names: { readonly sample: string; readonly timestep: string },
): Promise<{ inputs: UNet2DConditionInputs; feeds: Record<string, Float32Array> }> {
  const sample = golden.input(names.sample);
  const batch = sample.shape[0];
  const channels = config.blockOutChannels[0];
  const feeds = await golden.feeds(names.sample, "encoder_hidden_states");
  feeds.timestepProjection = timestepProjection(await golden.numbers(names.timestep), channels, config);
  const isConditioned = golden.names("timestep_cond").length > 0;
  if (isConditioned) feeds.timestep_cond = await golden.read("timestep_cond");
  const inputs: UNet2DConditionInputs = {
    sample,
    ...(isConditioned && { timestepCond: golden.input("timestep_cond") }),
    timestepProjection: input("timestepProjection", [batch, channels]),
    encoderHiddenStates: golden.input("encoder_hidden_states"),
  };
  if (config.textTime === undefined) return { inputs, feeds };
  const dim = config.textTime.additionTimeEmbedDim;
  feeds.text_embeds = await golden.read("text_embeds");
  feeds.timeIdsProjection = timestepProjection(await golden.numbers("time_ids"), dim, config);
  const textEmbeds = golden.input("text_embeds");
  return { inputs: { ...inputs, textEmbeds, timeIdsProjection: input("timeIdsProjection", [batch, 6 * dim]) }, feeds };
}

const forwardNames = { sample: "sample", timestep: "timestep" };
const trainingNames = { sample: "noisy", timestep: "timesteps" };

describe("unet2DConditionModel", () => {
  it.each([
    ["SD 1.x", "models/micro-unet-sd1/unet", "forward/unet-micro-unet-sd1"],
    ["SDXL (text_time embedding, linear projections)", "models/micro-unet-sdxl/unet", "forward/unet-micro-unet-sdxl"],
    ["SSD-1B (depths for each layer, a plain middle block)", "models/tiny-ssd1b-unet/unet", "forward/unet-ssd1b-b1"],
    ["LCM (embedding of the guidance scale)", "models/tiny-lcm-unet/unet", "forward/unet-lcm-b1"],
    ["BK-SDM (no middle block)", "models/tiny-bk-unet/unet", "forward/unet-bk-b1"],
    ["latents that do not halve evenly, a fractional timestep", "models/tiny-sd1/unet", "forward/unet-sd1-odd-size"],
  ])("agrees with diffusers: %s", async (_, model, caseName) => {
    const golden = await openCase(caseName);
    const { config, weights } = await openUNet2DConditionModel(fixture(model));
    const { inputs, feeds } = await inputsOf(golden, config, forwardNames);
    const outputs: Record<string, Tensor> = {};
    const context = withObserver(weights.frozen(), (module, output) => {
      if (golden.names().includes(`debug.${module}`)) outputs[`debug.${module}`] = output;
    });
    outputs.sample_out = unet2DConditionModel(context, config, inputs);
    expect(Object.keys(outputs).sort()).toEqual([...golden.names("debug."), "sample_out"].sort());
    const results = await evaluate(outputs, feeds);
    for (const [name, got] of Object.entries(results)) await golden.expectClose(name, got);
  });

  it("computes with half-precision weights as with the same numbers in float32", async () => {
    const golden = await openCase("forward/unet-micro-unet-sd1");
    const folder = await temporaryFolder();
    const original = fixture("models/micro-unet-sd1/unet");
    const file = await SafetensorsFile.open(join(original, "diffusion_pytorch_model.safetensors"));
    await writeFile(join(folder, "config.json"), JSON.stringify(await readJson(join(original, "config.json"))));
    const path = join(folder, "diffusion_pytorch_model.safetensors");
    const predictions: Float32Array[] = [];
    for (const dtype of ["F16", "F32"] as const) {
      const source = dtype === "F16" ? file : await SafetensorsFile.open(path);
      const tensors = new Map<string, TensorToWrite>();
      for (const [name, { shape }] of file.tensors) {
        tensors.set(name, { shape, dtype, data: await source.readFloat32(name) });
      }
      await writeSafetensors(path, tensors);
      const { config, weights } = await openUNet2DConditionModel(folder);
      const { inputs, feeds } = await inputsOf(golden, config, forwardNames);
      const { prediction } = await evaluate(
        { prediction: unet2DConditionModel(weights.frozen(), config, inputs) },
        feeds,
      );
      predictions.push(prediction);
    }
    const [half, full] = predictions;
    expect(relativeError(half, full)).toBeLessThan(1e-6);
  });

  it("asks an adapter about every linear layer and 1x1 convolution, by diffusers' names", async () => {
    const golden = await openCase("forward/unet-micro-unet-sd1");
    const { config, weights } = await openUNet2DConditionModel(fixture("models/micro-unet-sd1/unet"));
    const { inputs, feeds } = await inputsOf(golden, config, forwardNames);
    const asked = new Set<string>();
    const adapter = {
      adapt: (component: string, module: string, _x: Tensor, y: Tensor) => {
        asked.add(`${component} ${module}`);
        return module === "mid_block.attentions.0.transformer_blocks.0.attn2.to_v" ? add(y, 1) : y;
      },
      feeds: () => ({}),
    };
    const outputs: Record<string, Tensor> = {};
    const watch = (name: string, context: ModuleContext): ModuleContext =>
      withObserver(context, (module, output) => {
        if (module === "mid_block") outputs[name] = output;
      });
    unet2DConditionModel(watch("plain", weights.frozen()), config, inputs);
    unet2DConditionModel(watch("adapted", withAdapter(weights.frozen(), "unet", adapter)), config, inputs);
    const adaptable = weights.tensors.filter(
      ({ name, shape }) => name.endsWith(".weight") && (shape.length === 2 || (shape.length === 4 && shape[3] === 1)),
    );
    expect([...asked].sort()).toEqual(adaptable.map(({ name }) => `unet ${name.replace(/\.weight$/, "")}`).sort());
    const { plain = new Float32Array(), adapted = new Float32Array() } = await evaluate(outputs, feeds);
    expect(relativeError(adapted, plain)).toBeGreaterThan(0.01);
  });

  it("refuses to run an SDXL UNet without its additional inputs", async () => {
    const golden = await openCase("forward/unet-micro-unet-sdxl");
    const { config, weights } = await openUNet2DConditionModel(fixture("models/micro-unet-sdxl/unet"));
    const { inputs } = await inputsOf(golden, config, forwardNames);
    const { textEmbeds, ...plain } = inputs;
    expect(textEmbeds).toBeDefined();
    expect(() => unet2DConditionModel(weights.frozen(), config, plain)).toThrow(/needs textEmbeds/);
  });
});

describe("training a UNet in full", () => {
  it.each([
    ["keeping activations", false],
    ["recomputing them (checkpointing)", true],
  ])("has PyTorch's gradients and its losses over 5 AdamW steps, %s", async (_, checkpointing) => {
    const golden = await openCase("training/full-micro-unet-sd1");
    const largest = (await readJson(fixture("training/full-micro-unet-sd1.json"))) as { largest_abs_gradient: number };
    const { config, weights } = await openUNet2DConditionModel(fixture("models/micro-unet-sd1/unet"));
    const { inputs, feeds } = await inputsOf(golden, config, trainingNames);
    feeds.target = await golden.read("target");

    const trained = weights.trainable({ prefix: "unet." });
    const prediction = unet2DConditionModel(trained.context, config, inputs, { checkpointing });
    const loss = mean(square(sub(prediction, golden.input("target"))));
    const wanted = new Map([
      ...trained.inputs,
      ["sample", inputs.sample],
      ["encoder_hidden_states", inputs.encoderHiddenStates],
    ]);
    const gradientTensors = gradients(loss, [...wanted.values()]);
    const outputs = new Map([...wanted.keys()].map((name, i) => [`grad.${name}`, gradientTensors[i]]));
    const program = await Program.create<string>({ loss: mul(loss, 1), ...Object.fromEntries(outputs) });
    onTestFinished(() => program.dispose());

    const parameters = await Promise.all(
      [...trained.inputs.keys()].map(async (name) => ({ name, parameters: await weights.readFloat32(name) })),
    );
    const optimizer = new AdamW(parameters.map((group) => ({ ...group, learningRate: 1e-3, weightDecay: 1e-2 })));
    const step = () =>
      program.run({
        ...feeds,
        ...Object.fromEntries(parameters.map((group) => [`unet.${group.name}`, group.parameters])),
      });

    let results = await step();
    expect(golden.names("grad.").sort()).toEqual([...outputs.keys()].sort());
    for (const name of outputs.keys()) {
      await golden.expectClose(name, results[name], 1e-4, 1e-3 * largest.largest_abs_gradient);
    }
    const losses = [results.loss[0]];
    for (let i = 0; i < 5; i++) {
      optimizer.step(parameters.map(({ name }) => results[`grad.${name}`]));
      results = await step();
      losses.push(results.loss[0]);
    }
    await golden.expectClose("losses", Float32Array.from(losses));
  });
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "keepsake-unet-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}
