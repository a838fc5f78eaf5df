/**
 * @file The graph of a case, and values for its inputs.
 */
import { BoundAdapter } from "../src/adapters/bound-adapter.ts";
import { createLora } from "../src/adapters/lora.ts";
import { discoverModules } from "../src/adapters/modules.ts";
import type { openUNet2DConditionModel } from "../src/diffusion/checkpoint.ts";
import { timestepProjection } from "../src/diffusion/models/embeddings.ts";
import { unet2DConditionModel } from "../src/diffusion/models/unet-2d-condition-model.ts";
import { withAdapter } from "../src/diffusion/module.ts";
import { gradients, input, meanSquaredError, type Feeds, type Tensor } from "../src/graph/index.ts";
import { RandomStream } from "../src/random/random.ts";
import type { BenchCase } from "./cases.ts";

const loraRank = 4;
const promptTokens = 77;
const timestep = 500;

type Unet = Awaited<ReturnType<typeof openUNet2DConditionModel>>;

/** The graph of a case, and values for its inputs. */
export interface CaseGraph {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly feeds: Feeds;
}

/**
 * Traces the forward pass, or the loss of a LoRA training step with its gradients in the LoRA and in the prompt's
 * embedding.
 */
export function buildGraph({ config, weights }: Unet, { size, training, checkpointing }: BenchCase): CaseGraph {
  const random = new RandomStream(0, "bench");
  const latents = [1, config.inChannels, size, size];
  const latentCount = config.inChannels * size * size;
  const width = config.crossAttentionDim[0];
  const channels = config.blockOutChannels[0];
  const inputs = {
    sample: input("sample", latents),
    timestepProjection: input("timestepProjection", [1, channels]),
    encoderHiddenStates: input("encoderHiddenStates", [1, promptTokens, width]),
  };
  const feeds = {
    sample: random.normal(latentCount),
    timestepProjection: timestepProjection([timestep], channels, config),
    encoderHiddenStates: random.normal(promptTokens * width),
  };
  if (!training) {
    return { outputs: { prediction: unet2DConditionModel(weights.frozen(), config, inputs) }, feeds };
  }

  const lora = createLora({ unet: discoverModules(weights.tensors) }, { rank: loraRank, random });
  // B starts at zero in training, which would make half of the gradients zero.
  for (const { loraB } of lora.layers) loraB.set(random.normal(loraB.length).map((value) => value * 0.02));
  const binding = new BoundAdapter(lora);
  const prediction = unet2DConditionModel(withAdapter(weights.frozen(), "unet", binding), config, inputs, {
    checkpointing,
  });
  const loss = meanSquaredError(prediction, input("noise", latents));
  const found = gradients(loss, [...binding.inputs, inputs.encoderHiddenStates]);
  return {
    outputs: { loss, ...Object.fromEntries(found.map((gradient, i) => [`gradient ${i}`, gradient])) },
    feeds: { ...feeds, ...binding.feeds(), noise: random.normal(latentCount) },
  };
}
