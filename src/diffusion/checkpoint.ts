/**
 * @file Checkpoint folders in the diffusers layout: finds each component's config and weights. A checkpoint is used
 * where it lies; pickle files are refused.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { KeepsakeError, shown } from "../errors.ts";
import { readJson } from "../io/json.ts";
import { describeReadError } from "../io/read-file.ts";
import { type AutoencoderKlConfig, parseAutoencoderKlConfig } from "./config/autoencoder-kl-config.ts";
import { type ClipConfig, type ClipTextConfig, parseClipConfig, parseClipTextConfig } from "./config/clip-config.ts";
import { isObject } from "./config/config-reader.ts";
import { type UNet2DConditionConfig, parseUNet2DConditionConfig } from "./config/unet-2d-condition-config.ts";
import type { FamilyName, ModelFamily } from "./family/families.ts";
import { noWeights } from "./not-a-model.ts";
import type { PredictionType } from "./schedulers/index.ts";
import type { Component } from "./component.ts";
import type { TextConditioning } from "./text-conditioning.ts";
import { Weights } from "./weights.ts";

export type { Component };

/** What a person may say of a checkpoint that it does not say itself. */
export interface CheckpointOptions {
  /** Another VAE: a file in the original layout or that of diffusers, or a folder with its config. */
  readonly vae?: string;
  /**
   * Of a single file: a folder in the diffusers layout whose configs, tokenizer and scheduler fit it. Default: those of
   * its family.
   */
  readonly config?: string;
  /** What the model was trained to predict. Default: what the checkpoint says, or what it seems to be. */
  readonly predictionType?: PredictionType;
  /** Which family it is of, and with that the defaults for drawing. Default: as its configs say, or its name. */
  readonly family?: FamilyName;
  /** Of a folder that holds its weights more than once: which to take where it is there. Default: full precision. */
  readonly variant?: WeightsVariant;
}

/** What the names of half-precision weights say. */
export const WEIGHTS_VARIANTS = ["fp16", "bf16"] as const;

export type WeightsVariant = (typeof WEIGHTS_VARIANTS)[number];

/** The variant that was opened; undefined for weights without one in their names. */
export function variantOf({ weights }: Component<unknown>): WeightsVariant | undefined {
  return WEIGHTS_VARIANTS.find((variant) => weights.files.some((file) => basename(file).includes(`.${variant}`)));
}

/** The parts of a Stable Diffusion checkpoint, opened. */
export interface Checkpoint {
  /** The folder or file, as it was given. */
  readonly path: string;
  readonly unet: Component<UNet2DConditionConfig>;
  readonly vae: Component<AutoencoderKlConfig>;
  readonly text: TextConditioning;
  /** With the defaults for drawing. */
  readonly family: ModelFamily;
  /** As in scheduler_config.json. */
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  /** What to call the scheduler's config in messages. */
  readonly schedulerSource: string;
  /** The files with configs that were read. */
  readonly configFiles: readonly string[];
  /** What was guessed, in a line. */
  readonly note?: string;
}

/**
 * Opens a folder with the config and weights of a UNet2DConditionModel. @throws KeepsakeError naming file and fault.
 */
export async function openUNet2DConditionModel(
  folder: string,
  variant?: WeightsVariant,
): Promise<Component<UNet2DConditionConfig>> {
  const config = await readConfig(folder, parseUNet2DConditionConfig);
  // Weights of a block that the config leaves out are no part of the model: an adapter must not find layers in them.
  const used = (name: string) => (config.midBlockType !== null || !name.startsWith("mid_block.") ? name : undefined);
  return { config, weights: await openWeights(folder, "diffusion_pytorch_model", variant, used) };
}

/** Opens a folder with the config and weights of an AutoencoderKL. @throws KeepsakeError naming file and fault. */
export async function openAutoencoderKl(
  folder: string,
  variant?: WeightsVariant,
): Promise<Component<AutoencoderKlConfig>> {
  const config = await readConfig(folder, parseAutoencoderKlConfig);
  return { config, weights: await openWeights(folder, "diffusion_pytorch_model", variant, todaysAttentionName) };
}

/**
 * Opens a folder with the config and weights of a CLIPTextModel, or of a CLIPTextModelWithProjection.
 * @throws KeepsakeError naming file and fault.
 */
export async function openClipTextModel(
  folder: string,
  options: { readonly hasProjection?: boolean; readonly variant?: WeightsVariant } = {},
): Promise<Component<ClipTextConfig>> {
  const config = await readConfig(folder, (file, json) => parseClipTextConfig(file, json, options));
  return { config, weights: await openWeights(folder, "model", options.variant) };
}

/** Opens a folder with the config and weights of a CLIPModel. @throws KeepsakeError naming file and fault. */
export async function openClipModel(folder: string): Promise<Component<ClipConfig>> {
  const config = await readConfig(folder, parseClipConfig);
  return { config, weights: await openWeights(folder, "model") };
}

async function readConfig<Config>(folder: string, parse: (file: string, json: unknown) => Config): Promise<Config> {
  const file = join(folder, "config.json");
  return parse(file, await readJson(file));
}

/**
 * Opens the weights in `folder`: one file or several with an index, full precision before half unless the variant is
 * named. Other variants (`non_ema`) are other numbers, and taken only under the usual name.
 * @param stem the name that the library gives to weight files, without its endings.
 */
async function openWeights(
  folder: string,
  stem: string,
  variant?: WeightsVariant,
  rename?: (name: string) => string | undefined,
): Promise<Weights> {
  const entries = await listFolder(folder);
  const names = [
    `${stem}.safetensors`,
    `${stem}.safetensors.index.json`,
    `${stem}.fp16.safetensors`,
    `${stem}.bf16.safetensors`,
    // Half-precision indices are named in two ways, depending on the library that wrote them.
    `${stem}.safetensors.index.fp16.json`,
    `${stem}.fp16.safetensors.index.json`,
    `${stem}.safetensors.index.bf16.json`,
  ].filter((name) => entries.includes(name));
  const found = names.find((name) => variant !== undefined && name.includes(`.${variant}.`)) ?? names[0];
  if (found === undefined) throw noWeights(folder, entries, stem);
  const path = join(folder, found);
  if (found.endsWith(".safetensors")) return Weights.open(path, [path], rename);
  return Weights.open(path, await shards(folder, path), rename);
}

/** The files that an index names (safetensors' own layout: `{"weight_map": {tensor: file}}`). */
async function shards(folder: string, indexPath: string): Promise<string[]> {
  const index = await readJson(indexPath);
  const map = isObject(index) ? index.weight_map : undefined;
  if (!isObject(map)) throw new KeepsakeError("input", `${indexPath}: "weight_map" is missing.`);
  return [...new Set(Object.values(map))].map((name) => {
    if (typeof name !== "string" || basename(name) !== name || !name.endsWith(".safetensors")) {
      throw new KeepsakeError(
        "input",
        `${indexPath}: ${shown(name)} is not the name of a safetensors file in the same folder.`,
      );
    }
    return join(folder, name);
  });
}

async function listFolder(folder: string): Promise<string[]> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) throw new KeepsakeError("input", `${folder}: there is no such folder.`);
  if (!found.isDirectory()) {
    throw new KeepsakeError("input", `${folder}: this is a file; give a model folder in the diffusers layout.`);
  }
  return readdir(folder).catch((error: unknown) => {
    throw describeReadError(folder, error);
  });
}

/** VAE files of the first releases name the projections of their attention as the original code did. */
export function todaysAttentionName(name: string): string {
  return name.replace(
    /^(.*mid_block\.attentions\.\d+\.)(query|key|value|proj_attn)(\.(?:weight|bias))$/,
    (_, path: string, part: string, end: string) => `${path}${todaysParts[part] ?? part}${end}`,
  );
}

const todaysParts: Readonly<Record<string, string>> = {
  query: "to_q",
  key: "to_k",
  value: "to_v",
  proj_attn: "to_out.0",
};
