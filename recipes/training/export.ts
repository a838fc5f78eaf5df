/**
 * @file A recipe's result as a part of a model folder in the diffusers layout: its averaged weights in half precision
 * beside their config.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { KNOWN_WORDS_FILE } from "../../src/prompts/known-words.ts";
import { writeSafetensors, type TensorToWrite } from "../../src/io/safetensors/safetensors.ts";
import type { Weights } from "../../src/diffusion/weights.ts";
import { schedulerConfigJson } from "../model/architecture.ts";
import { knownWords } from "../model/known-words.ts";
import type { Parameters } from "./parameters.ts";

/** Weights by the names of a model's parameters. */
export type NamedTensors = ReadonlyMap<string, TensorToWrite>;

export const DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors";
export const TRANSFORMERS_WEIGHTS = "model.safetensors";

/** Some of a model's parameters, with the numbers of `values`, which has their layout. */
export function namedTensors(
  parameters: Parameters,
  values: Float32Array,
  isWanted: (name: string) => boolean = () => true,
): NamedTensors {
  const wanted = parameters.places.filter(({ name }) => isWanted(name));
  return new Map(
    wanted.map((place) => [place.name, { shape: place.shape, data: parameters.window(place, values), dtype: "F16" }]),
  );
}

/** Some of a finished model's weights, as they are. */
export async function storedTensors(weights: Weights, isWanted: (name: string) => boolean): Promise<NamedTensors> {
  const tensors = new Map<string, TensorToWrite>();
  for (const { name, shape } of weights.tensors.filter((tensor) => isWanted(tensor.name))) {
    tensors.set(name, { shape, data: await weights.readFloat32(name), dtype: "F16" });
  }
  return tensors;
}

/** Writes config.json and a file of weights. */
export async function writeComponent(
  folder: string,
  weightsFile: string,
  config: object,
  tensors: NamedTensors,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(join(folder, "config.json"), jsonText(config));
  await writeSafetensors(join(folder, weightsFile), tensors);
}

/** What makes a folder of components a pipeline. */
export async function writePipelineFiles(folder: string): Promise<void> {
  const index = {
    _class_name: "StableDiffusionPipeline",
    feature_extractor: [null, null],
    requires_safety_checker: false,
    safety_checker: [null, null],
    scheduler: ["diffusers", schedulerConfigJson._class_name],
    text_encoder: ["transformers", "CLIPTextModel"],
    tokenizer: ["transformers", "CLIPTokenizer"],
    unet: ["diffusers", "UNet2DConditionModel"],
    vae: ["diffusers", "AutoencoderKL"],
  };
  await mkdir(join(folder, "scheduler"), { recursive: true });
  await writeFileAtomic(join(folder, "scheduler", "scheduler_config.json"), jsonText(schedulerConfigJson));
  await writeFileAtomic(join(folder, "model_index.json"), jsonText(index));
  await writeFileAtomic(join(folder, KNOWN_WORDS_FILE), jsonText(knownWords()));
}

const jsonText = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
