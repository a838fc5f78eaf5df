/**
 * @file `npm run bench -- --small`: models of the built-in one's size. Full training of its UNet and its VAE, as the recipes do it, a
 * LoRA training step and a noise prediction.
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
import { countFlops, gradients, input, meanSquaredError, Program, sizeOf, type Tensor } from "../src/graph/index.ts";
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
  console.log("| case | samples/s | min–max | GFLOP a sample | GFLOP/s |\n|---|--:|---|--:|--:|");
  for (const make of [
    () => fullTraining("full training of the UNet, batch 64", 64, threads, unetLoss),
    () => fullTraining("full training of the VAE, batch 8", 8, threads, vaeLoss),
    () => builtInModel("LoRA training, batch 4", 4, threads, true),
    () => builtInModel("prediction, batch 8", 8, threads, false),
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

type Loss = (context: ModuleContext, count: number) => { readonly loss: Tensor; readonly inputs: readonly Tensor[] };

function fullTraining(name: string, samples: number, workers: number, trace: Loss): SmallCase {
  const { inputs } = trace(anyParameter, samples);
  const settings = {
    learningRate: 1e-4,
    betas: [0.9, 0.99],
    weightDecay: 0.01,
    maxGradNorm: 1,
    emaDecay: 0.999,
  } as const;
  const trainer = FullTrainer.create(trace, { ...settings, seed: 1, batchSize: samples, workers });
  const feeds = noiseOf(inputs);
  return {
    ...{ name, samples, flops: trainer.flopsPerSample },
    run: () => trainer.train(feeds, 1),
    dispose: () => trainer.dispose(),
  };
}

const anyParameter: ModuleContext = { has: () => true, parameter: (name, shape) => input(name, shape) };

const unetLoss: Loss = (context, count) => {
  const inputs = unetInputs(unetConfig, count);
  const target = input("target", inputs.sample.shape);
  const loss = meanSquaredError(unet2DConditionModel(context, unetConfig, inputs), target);
  return { loss, inputs: [...Object.values(inputs), target] };
};

const vaeLoss: Loss = (context, count) => {
  const pixels = input("pixels", [count, 3, PICTURE_SIZE, PICTURE_SIZE]);
  const noise = input("noise", [count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]);
  const decoded = decode(context, vaeConfig, sampleLatents(encode(context, vaeConfig, pixels), noise));
  return { loss: meanSquaredError(decoded, pixels), inputs: [pixels, noise] };
};

function unetInputs({ inChannels, blockOutChannels, crossAttentionDim }: UNet2DConditionConfig, count: number) {
  return {
    sample: input("sample", [count, inChannels, LATENT_SIZE, LATENT_SIZE]),
    timestepProjection: input("timestepProjection", [count, blockOutChannels[0]]),
    encoderHiddenStates: input("encoderHiddenStates", [count, TOKENS, crossAttentionDim[0]]),
  };
}

/** A step of a LoRA on every cross-attention key and value of the built-in model's UNet and on the prompts, or a prediction. */
async function builtInModel(name: string, samples: number, threads: number, isTraining: boolean): Promise<SmallCase> {
  const { config, weights } = await openUNet2DConditionModel(join(checkpointFolder(BUILT_IN_MODEL), "unet"));
  const inputs = unetInputs(config, samples);
  const lora = createLora(
    { unet: discoverModules(weights.tensors) },
    { rank: LORA_RANK, random: new RandomStream(0, "small") },
  );
  const binding = new BoundAdapter(lora);
  const context = isTraining ? withAdapter(weights.frozen(), "unet", binding) : weights.frozen();
  const prediction = unet2DConditionModel(context, config, inputs);
  const target = input("target", inputs.sample.shape);
  const loss = meanSquaredError(prediction, target);
  const slopes = isTraining ? gradients(loss, [...binding.inputs, inputs.encoderHiddenStates]) : [];
  const outputs: Record<string, Tensor> = isTraining
    ? { loss, ...Object.fromEntries(slopes.map((slope, i) => [`gradient ${i}`, slope])) }
    : { prediction };
  const program = await Program.create(outputs, { threads });
  const feeds = noiseOf([...Object.values(inputs), ...(isTraining ? [target] : [])]);
  const all = { ...feeds, ...(isTraining && binding.feeds()) };
  return {
    ...{ name, samples, flops: countFlops(outputs) / samples },
    run: () => program.run(all),
    dispose: () => program.dispose(),
  };
}

/** Normal numbers for inputs. */
function noiseOf(inputs: readonly Tensor[]): Record<string, Float32Array> {
  const entries = inputs.map(({ node, shape }) => {
    const name = node.leaf?.kind === "input" ? node.leaf.name : "";
    return [name, new RandomStream(0, "small", name).normal(sizeOf(shape))] as const;
  });
  return Object.fromEntries(entries);
}
