/**
 * @file Model folders: every component's config is read, and its weights are exactly the parameters that the model asks
 * for.
 */
import { readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import {
  type Component,
  openAutoencoderKl,
  openClipModel,
  openUNet2DConditionModel,
} from "../../../src/diffusion/checkpoint.ts";
import { clipLogitsPerImage, clipImageFeatures, clipTextFeatures } from "../../../src/diffusion/clip/clip-model.ts";
import { clipTextModel, textProjection } from "../../../src/diffusion/clip/clip-text-model.ts";
import { type AutoencoderKlConfig, vaeScaleFactor } from "../../../src/diffusion/config/autoencoder-kl-config.ts";
import type { ClipConfig, ClipTextConfig } from "../../../src/diffusion/config/clip-config.ts";
import type { UNet2DConditionConfig } from "../../../src/diffusion/config/unet-2d-condition-config.ts";
import { decode, encode } from "../../../src/diffusion/models/autoencoder-kl.ts";
import { unet2DConditionModel } from "../../../src/diffusion/models/unet-2d-condition-model.ts";
import type { ModuleContext } from "../../../src/diffusion/module.ts";
import { StableDiffusionPipeline } from "../../../src/diffusion/pipeline.ts";
import { NoiseSchedule } from "../../../src/diffusion/schedulers/index.ts";
import { input } from "../../../src/graph/index.ts";
import { readJson } from "../../../src/io/json.ts";
import type { ParityCase } from "../case-kind.ts";
import type { Checks } from "../checks.ts";
import { Fields } from "../fields.ts";
import { openTextEncoder, WITH_PROJECTION } from "../tree.ts";

/** Old text encoders store this table of indices; it is not a parameter. */
const buffers = /(^|\.)position_ids$/;

/** One case for each component and each pipeline below `folder`. */
export async function modelCases(root: string, folder: string): Promise<ParityCase[]> {
  const entries = (await readdir(join(root, folder), { recursive: true })).sort();
  return entries.flatMap((entry): ParityCase[] => {
    const path = join(root, folder, dirname(entry));
    const name = relative(root, path);
    if (/(^|[/\\])config\.json$/.test(entry)) return [{ name, run: (_tree, checks) => checkComponent(path, checks) }];
    if (/(^|[/\\])model_index\.json$/.test(entry))
      return [{ name, run: (_tree, checks) => checkPipeline(path, checks) }];
    return [];
  });
}

/** Opens all parts, and checks that they fit each other. */
async function checkPipeline(path: string, checks: Checks): Promise<void> {
  const pipeline = await StableDiffusionPipeline.load(path);
  const { numTrainTimesteps } = new NoiseSchedule(pipeline.schedulerConfig);
  checks.add("parts", numTrainTimesteps > 0 ? 0 : 1, 0);
}

async function checkComponent(path: string, checks: Checks): Promise<void> {
  const config = new Fields(join(path, "config.json"), await readJson(join(path, "config.json")));
  const className = config.optionalString("_class_name") ?? config.strings("architectures")[0];
  switch (className) {
    case "UNet2DConditionModel":
      checkParameters(await openUNet2DConditionModel(path), traceUNet, checks);
      return;
    case "AutoencoderKL":
      checkParameters(await openAutoencoderKl(path), traceVae, checks);
      return;
    case "CLIPTextModel":
    case WITH_PROJECTION:
      checkParameters(await openTextEncoder(path), traceText, checks);
      return;
    case "CLIPModel":
      checkParameters(await openClipModel(path), traceClip, checks);
      return;
    default:
      throw new Error(`unknown kind of model: ${className}`);
  }
}

/**
 * Traces the model, which fails where a parameter is missing or has another shape, and looks for parameters that
 * nothing reads.
 */
function checkParameters<Config>(
  { config, weights }: Component<Config>,
  trace: (context: ModuleContext, config: Config) => void,
  checks: Checks,
): void {
  const used = new Set<string>();
  const frozen = weights.frozen();
  const recording: ModuleContext = {
    has: (name) => frozen.has(name),
    parameter: (name, shape) => {
      used.add(name);
      return frozen.parameter(name, shape);
    },
  };
  trace(recording, config);
  const unused = weights.tensors.map(({ name }) => name).filter((name) => !used.has(name) && !buffers.test(name));
  checks.add(
    unused.length === 0 ? `${used.size} parameters` : `parameters not read: ${unused.join(", ")}`,
    unused.length,
    0,
  );
}

function traceUNet(context: ModuleContext, config: UNet2DConditionConfig): void {
  const side = 2 ** config.blockOutChannels.length;
  const additional = config.textTime && {
    textEmbeds: input("text_embeds", [
      1,
      config.textTime.projectionInputDim - 6 * config.textTime.additionTimeEmbedDim,
    ]),
    timeIdsProjection: input("time_ids", [1, 6 * config.textTime.additionTimeEmbedDim]),
  };
  unet2DConditionModel(context, config, {
    sample: input("sample", [1, config.inChannels, side, side]),
    timestepProjection: input("timestep", [1, config.blockOutChannels[0]]),
    encoderHiddenStates: input("context", [1, 2, config.crossAttentionDim[0]]),
    ...additional,
    ...(config.timeCondProjDim !== undefined && { timestepCond: input("condition", [1, config.timeCondProjDim]) }),
  });
}

function traceVae(context: ModuleContext, config: AutoencoderKlConfig): void {
  const side = 2 * vaeScaleFactor(config);
  encode(context, config, input("image", [1, config.inChannels, side, side]));
  decode(context, config, input("z", [1, config.latentChannels, 2, 2]));
}

function traceText(context: ModuleContext, config: ClipTextConfig): void {
  const inputIds = input("input_ids", [1, config.maxPositionEmbeddings], "int32");
  const { lastHiddenState } = clipTextModel(context, config, { inputIds });
  if (config.projectionDim === undefined) return;
  textProjection(context, config.projectionDim, lastHiddenState, input("end_of_text_rows", [1], "int32"));
}

function traceClip(context: ModuleContext, config: ClipConfig): void {
  const { imageSize, numChannels } = config.visionConfig;
  const imageFeatures = clipImageFeatures(context, config, input("pixels", [1, numChannels, imageSize, imageSize]));
  const inputIds = input("input_ids", [1, config.textConfig.maxPositionEmbeddings], "int32");
  const textFeatures = clipTextFeatures(context, config, { inputIds }, input("rows", [1], "int32"));
  clipLogitsPerImage(context, imageFeatures, textFeatures);
}
