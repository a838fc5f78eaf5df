/**
 * @file Opens a checkpoint, a folder in the diffusers layout or a single file, with what a person says of it beside.
 * Weights stay where they are; nothing is compiled yet.
 */
import { stat } from "node:fs/promises";
import { KeepsakeError } from "../errors.ts";
import {
  type Checkpoint,
  type CheckpointOptions,
  openAutoencoderKl,
  openClipTextModel,
  openUNet2DConditionModel,
} from "./checkpoint.ts";
import { recogniseFamily } from "./family/recognise.ts";
import { configFilesOf, openPipelineFolder, readSchedulerConfig } from "./pipeline-folder.ts";
import { openSingleFile } from "./single-file/open-single-file.ts";
import { openVae } from "./single-file/open-vae.ts";
import { TextConditioning, type TextEncoder } from "./text-conditioning.ts";
import { readTokenizerFolder } from "./tokenizer/tokenizer-folder.ts";

/** @throws KeepsakeError naming file and fault for anything missing, malformed or not supported. */
export async function openCheckpoint(path: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
  const found = await stat(path).catch(() => undefined);
  const isSingleFile = found?.isFile() === true && /\.(safetensors|sft)$/i.test(path);
  return isSingleFile ? openSingleFile(path, options) : openFolder(path, options);
}

async function openFolder(
  path: string,
  { config, vae: ownVae, predictionType, family: asked, variant }: CheckpointOptions,
): Promise<Checkpoint> {
  const folder = await openPipelineFolder(path);
  if (config !== undefined) {
    throw new KeepsakeError("usage", `${path}: this folder has configs of its own; --config is for single files.`);
  }
  const files = configFilesOf(folder);
  const stored = await readSchedulerConfig(folder);
  const schedulerConfig = predictionType ? { ...stored, prediction_type: predictionType } : stored;
  const encoders: TextEncoder[] = [];
  for (const { component, output, hasProjection, tokenizer, folder: own } of folder.textEncoders) {
    const described = { component, output, tokenizer: await readTokenizerFolder(tokenizer) };
    encoders.push({ ...described, ...(await openClipTextModel(own, { hasProjection, variant })) });
  }
  const unet = await openUNet2DConditionModel(folder.unet, variant);
  const vae = await openAutoencoderKl(folder.vae, variant);
  const { family, note } = recogniseFamily({ unet: unet.config, scheduler: schedulerConfig, path }, asked);
  return {
    path,
    family,
    unet,
    vae: ownVae === undefined ? vae : await openVae(ownVae, { config: vae.config, label: files.vae }),
    text: new TextConditioning(encoders, folder),
    schedulerConfig,
    schedulerSource: files.scheduler,
    configFiles: files.all,
    ...(note !== undefined && { note }),
  };
}
