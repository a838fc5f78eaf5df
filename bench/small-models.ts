/**
 * @file `npm run bench -- --small`: models of the built-in one's size. Full training of its UNet and its VAE, as the
 * recipes do it, a LoRA training step and a noise prediction.
 */
import { join } from "node:path";
import { BoundAdapter } from "../src/adapters/bound-adapter.ts";
import { createLora } from "../src/adapters/lora.ts";
import { discoverModules } from "../src/adapters/modules.ts";
import { openUNet2DConditionModel } from "../src/diffusion/checkpoint.ts";
import type { UNet2DConditionConfig } from "../src/diffusion/config/unet-2d-condition-config.ts";
import { decode, encode, sampleLatents } from "../src/diffusion/models/autoencoder-kl.ts";
import { unet2DConditionModel } from "../src/diffusion/models/unet-2d-condition-model.ts";
import { withAdapter, type ModuleContext } from "../src/diffusion/module.ts";
import {
  countFlops,
  gradients,
  input,
  meanSquaredError,
  Program,
  sizeOf,
  type Feeds,
  type Tensor,
} from "../src/graph/index.ts";
import { checkpointFolder, BUILT_IN_MODEL } from "../src/library/model/model-folder.ts";
import { RandomStream } from "../src/random/random.ts";
import { LATENT_CHANNELS, LATENT_SIZE, PICTURE_SIZE, unetConfig, vaeConfig } from "../recipes/model/architecture.ts";
import { FullTrainer } from "../recipes/training/full-trainer.ts";
import { median } from "./measure.ts";

const TOKENS = 32;
const LORA_RANK = 64;

/** A case: its samples, and something that goes through them once. */
interface SmallCase {
  readonly name: string;
  readonly samples: number;
  readonly flops: number;
  readonly run: () => Promise<unknown>;
  readonly dispose: () => Promise<void>;
}

/** Prints a table of samples per second, of runs after one that is not counted. */
export async function benchSmallModels({ threads, runs }: { readonly threads: number; readonly runs: number }) {
  const unet = {
    inputs: (count: number) => unetTrainingInputs(unetConfig, count),
    loss: (context: ModuleContext, fed: UnetTrainingInputs) => unetLoss(context, unetConfig, fed),
  };
  console.log("| case | samples/s | min–max | GFLOP a sample | GFLOP/s |\n|---|--:|---|--:|--:|");
  for (const make of [
    () => fullTraining("full training of the UNet, batch 64", 64, threads, unet),
    () => fullTraining("full training of the VAE, batch 8", 8, threads, { inputs: vaeInputs, loss: vaeLoss }),
    () => loraTraining("LoRA training, batch 4", 4, threads),
    () => prediction("prediction, batch 8", 8, threads),
  ]) {
    const { name, samples, flops, run, dispose } = await make();
    await run();
    const rates: number[] = [];
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      await run();
      rates.push((1000 * samples) / (performance.now() - start));
    }
    await dispose();
    const rate = median(rates);
    const [slowest, fastest] = [Math.min(...rates), Math.max(...rates)].map((each) => each.toFixed(1));
    const cells = [
      rate.toFixed(1),
      `${slowest}–${fastest}`,
      (flops / 1e9).toFixed(2),
      ((rate * flops) / 1e9).toFixed(0),
    ];
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
}

/** What a model is fed, by the names of its inputs. */
type Inputs = Readonly<Record<string, Tensor>>;

function fullTraining<Fed extends Inputs>(
  name: string,
  samples: number,
  workers: number,
  { inputs, loss }: { readonly inputs: (count: number) => Fed; readonly loss: Loss<Fed> },
): SmallCase {
  const trainer = FullTrainer.create((context, count) => ({ loss: loss(context, inputs(count)) }), {
    ...{ learningRate: 1e-4, betas: [0.9, 0.99], weightDecay: 0.01, maxGradNorm: 1, emaDecay: 0.999, seed: 1 },
    ...{ batchSize: samples, workers },
  });
  const feeds = noiseOf(inputs(samples));
  return {
    ...{ name, samples, flops: trainer.flopsPerSample },
    run: () => trainer.train(feeds, 1),
    dispose: () => trainer.dispose(),
  };
}

type Loss<Fed extends Inputs> = (context: ModuleContext, fed: Fed) => Tensor;

function unetInputs({ inChannels, blockOutChannels, crossAttentionDim }: UNet2DConditionConfig, count: number) {
  return {
    sample: input("sample", [count, inChannels, LATENT_SIZE, LATENT_SIZE]),
    timestepProjection: input("timestepProjection", [count, blockOutChannels[0]]),
    encoderHiddenStates: input("encoderHiddenStates", [count, TOKENS, crossAttentionDim[0]]),
  };
}

function unetTrainingInputs(config: UNet2DConditionConfig, count: number) {
  const inputs = unetInputs(config, count);
  return { ...inputs, target: input("target", inputs.sample.shape) };
}

type UnetTrainingInputs = ReturnType<typeof unetTrainingInputs>;

function unetLoss(context: ModuleContext, config: UNet2DConditionConfig, { target, ...inputs }: UnetTrainingInputs) {
  return meanSquaredError(unet2DConditionModel(context, config, inputs), target);
}

function vaeInputs(count: number) {
  return {
    pixels: input("pixels", [count, 3, PICTURE_SIZE, PICTURE_SIZE]),
    noise: input("noise", [count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]),
  };
}

function vaeLoss(context: ModuleContext, { pixels, noise }: ReturnType<typeof vaeInputs>): Tensor {
  const latents = sampleLatents(encode(context, vaeConfig, pixels), noise);
  return meanSquaredError(decode(context, vaeConfig, latents), pixels);
}

function builtInUnet() {
  return openUNet2DConditionModel(join(checkpointFolder(BUILT_IN_MODEL), "unet"));
}

/** A step of a LoRA on every cross-attention key and value of the built-in model's UNet, and on the prompts. */
async function loraTraining(name: string, samples: number, threads: number): Promise<SmallCase> {
  const { config, weights } = await builtInUnet();
  const modules = { unet: discoverModules(weights.tensors) };
  const binding = new BoundAdapter(createLora(modules, { rank: LORA_RANK, random: new RandomStream(0, "small") }));
  const inputs = unetTrainingInputs(config, samples);
  const loss = unetLoss(withAdapter(weights.frozen(), "unet", binding), config, inputs);
  const slopes = gradients(loss, [...binding.inputs, inputs.encoderHiddenStates]);
  const outputs = { loss, ...Object.fromEntries(slopes.map((slope, i) => [`gradient ${i}`, slope])) };
  return programCase(name, samples, outputs, { ...noiseOf(inputs), ...binding.feeds() }, threads);
}

async function prediction(name: string, samples: number, threads: number): Promise<SmallCase> {
  const { config, weights } = await builtInUnet();
  const inputs = unetInputs(config, samples);
  const outputs = { prediction: unet2DConditionModel(weights.frozen(), config, inputs) };
  return programCase(name, samples, outputs, noiseOf(inputs), threads);
}

async function programCase(
  name: string,
  samples: number,
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Feeds,
  threads: number,
): Promise<SmallCase> {
  const program = await Program.create(outputs, { threads });
  return {
    ...{ name, samples, flops: countFlops(outputs) / samples },
    run: () => program.run(feeds),
    dispose: () => program.dispose(),
  };
}

/** Normal numbers for inputs. */
function noiseOf(inputs: Inputs): Record<string, Float32Array> {
  const noise = ([name, { shape }]: readonly [string, Tensor]) =>
    [name, new RandomStream(0, "small", name).normal(sizeOf(shape))] as const;
  return Object.fromEntries(Object.entries(inputs).map(noise));
}
