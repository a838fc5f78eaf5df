/** @file Opens a single-file checkpoint: weights from the file where it lies, configs from its family or a folder. */
import { stat } from "node:fs/promises";
import { KeepsakeError } from "../../errors.ts";
import { readJson } from "../../io/json.ts";
import { type Checkpoint, type CheckpointOptions } from "../checkpoint.ts";
import { configFilesOf, openPipelineFolder, readSchedulerConfig, TEXT_ENCODERS } from "../pipeline-folder.ts";
import { type AutoencoderKlConfig, parseAutoencoderKlConfig, vaeScaleFactor } from "../config/autoencoder-kl-config.ts";
import { type ClipTextConfig, parseClipTextConfig } from "../config/clip-config.ts";
import { parseUNet2DConditionConfig, type UNet2DConditionConfig } from "../config/unet-2d-condition-config.ts";
import { MODEL_FAMILIES } from "../family/families.ts";
import { familyAsked, familyByName, recogniseFamily, type RecognisedFamily } from "../family/recognise.ts";
import type { PredictionType } from "../schedulers/index.ts";
import { TextConditioning, type TextEncoder } from "../text-conditioning.ts";
import { readClipVocabulary } from "../tokenizer/clip-vocabulary.ts";
import { readTokenizerFolder } from "../tokenizer/tokenizer-folder.ts";
import { ARCHITECTURES } from "./architectures.ts";
import { type Described, openVae } from "./open-vae.ts";
import { GIVE_CONFIG, SingleFile } from "./single-file.ts";

/** What a checkpoint in a folder has beside its weights. */
interface Configs extends Pick<Checkpoint, "family" | "schedulerConfig" | "schedulerSource" | "configFiles" | "note"> {
  readonly unet: Described<UNet2DConditionConfig>;
  readonly vae: Described<AutoencoderKlConfig>;
  readonly textEncoders: readonly DescribedTextEncoder[];
  readonly zerosWithoutPrompt: boolean;
}

type DescribedTextEncoder = Omit<TextEncoder, "weights"> & Described<ClipTextConfig>;

/** @throws KeepsakeError naming the file and what it is or lacks, and what to do. */
export async function openSingleFile(path: string, options: CheckpointOptions): Promise<Checkpoint> {
  const single = await SingleFile.open(path);
  checkParts(single, options);
  const { config } = options;
  const configs =
    config === undefined ? await ofArchitecture(single, options) : await ofFolder(config, single, options);
  const { unet, vae, textEncoders, zerosWithoutPrompt, ...rest } = configs;
  const encoders: TextEncoder[] = [];
  for (const [index, { label, ...encoder }] of textEncoders.entries()) {
    encoders.push({ ...encoder, weights: await single.textEncoder(encoder.config, label, index) });
  }
  return {
    path,
    unet: { config: unet.config, weights: await single.unet(unet.config, unet.label) },
    vae: await openVae(options.vae ?? path, vae),
    text: new TextConditioning(encoders, { zerosWithoutPrompt }),
    ...rest,
  };
}

/** @throws KeepsakeError naming the parts that the file lacks. */
function checkParts({ file, title, has }: SingleFile, { vae }: CheckpointOptions): void {
  const names = ["text encoder", "second text encoder"];
  const noText = has.textEncoders.flatMap((isThere, i) => (isThere ? [] : [names[i]]));
  const missing = [...noText, ...(has.vae || vae !== undefined ? [] : ["VAE"])];
  if (missing.length === 0) return;
  const fault = `this file of ${title} has no ${missing.join(" and no ")}`;
  const advice = noText.length === 0 ? "give one with --vae <file>" : "use the full checkpoint, not a pruned one";
  throw new KeepsakeError("input", `${file.path}: ${fault}; ${advice}.`);
}

/** What all models of the file's architecture have. @throws KeepsakeError if this one has other widths. */
async function ofArchitecture(single: SingleFile, options: CheckpointOptions): Promise<Configs> {
  const { file, title, widths } = single;
  const architecture = ARCHITECTURES[single.architecture];
  const label = `the configuration of ${title}`;
  const { family, predictionType, note } = await familyOf(single, options);
  const vae = parseAutoencoderKlConfig(label, architecture.vae);
  const sampleSize = family.resolution / vaeScaleFactor(vae);
  const unet = parseUNet2DConditionConfig(label, { ...architecture.unet, sample_size: sampleSize });
  if (widths.channels !== unet.blockOutChannels[0] || widths.context !== unet.crossAttentionDim[0]) {
    const found = `${widths.channels ?? "no"} channels and a context of ${widths.context ?? "no"} numbers`;
    const usual = `${unet.blockOutChannels[0]} and ${unet.crossAttentionDim[0]}`;
    const fault = `its UNet has ${found}, where ${title} has ${usual}`;
    throw new KeepsakeError("input", `${file.path}: ${fault}; ${GIVE_CONFIG}.`);
  }
  return {
    unet: { config: unet, label },
    vae: { config: vae, label },
    textEncoders: await Promise.all(
      TEXT_ENCODERS[architecture.pipeline].map(async ({ component, output, hasProjection }, i) => {
        const { config, padToken } = architecture.textEncoders[i];
        const tokenizer = await readClipVocabulary(padToken);
        return { component, output, tokenizer, config: parseClipTextConfig(label, config, { hasProjection }), label };
      }),
    ),
    zerosWithoutPrompt: architecture.zerosWithoutPrompt,
    family,
    schedulerConfig: {
      ...{ ...architecture.noise, ...family.scheduler },
      ...{ ...single.statedSchedule, prediction_type: predictionType },
    },
    schedulerSource: label,
    configFiles: [],
    ...(note !== undefined && { note }),
  };
}

/** What a folder in the diffusers layout says; its weights, if it has any, are not looked at. */
async function ofFolder(
  path: string,
  single: SingleFile,
  { predictionType, family: asked }: CheckpointOptions,
): Promise<Configs> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    const what = found === undefined ? "there is no such folder" : "this is a file";
    const advice = "--config takes a folder in the diffusers layout whose configs fit the checkpoint";
    throw new KeepsakeError("input", `${path}: ${what}; ${advice}.`);
  }
  const folder = await openPipelineFolder(path);
  const files = configFilesOf(folder);
  const schedulerConfig = await readSchedulerConfig(folder);
  const stated = predictionType ?? single.statedPrediction;
  const unet = parseUNet2DConditionConfig(files.unet, await readJson(files.unet));
  const merged = {
    ...schedulerConfig,
    ...single.statedSchedule,
    ...(stated !== undefined && { prediction_type: stated }),
  };
  const { family, note } = recogniseFamily({ unet, scheduler: merged, path: single.file.path }, asked);
  return {
    family,
    ...(note !== undefined && { note }),
    unet: { config: unet, label: files.unet },
    vae: { config: parseAutoencoderKlConfig(files.vae, await readJson(files.vae)), label: files.vae },
    textEncoders: await Promise.all(
      folder.textEncoders.map(async ({ component, output, hasProjection, tokenizer }, i) => {
        const label = files.textEncoders[i];
        const config = parseClipTextConfig(label, await readJson(label), { hasProjection });
        return { component, output, tokenizer: await readTokenizerFolder(tokenizer), config, label };
      }),
    ),
    zerosWithoutPrompt: folder.zerosWithoutPrompt,
    schedulerConfig: merged,
    schedulerSource: files.scheduler,
    configFiles: files.all,
  };
}

/** The family and what the model predicts: as a person or the file says, else as it seems, which is said. */
async function familyOf(
  single: SingleFile,
  options: CheckpointOptions,
): Promise<RecognisedFamily & { readonly predictionType: PredictionType }> {
  const { architecture, file, statedPrediction } = single;
  const stated = options.predictionType ?? statedPrediction;
  const of = (recognised: RecognisedFamily) => ({
    ...recognised,
    predictionType: stated ?? recognised.family.prediction,
  });
  if (options.family !== undefined) return of({ family: familyAsked(options.family, architecture, file.path) });
  if (architecture !== "sd2") {
    const family = MODEL_FAMILIES[architecture];
    return of((stated === "v_prediction" ? undefined : familyByName(file.path, architecture, family)) ?? { family });
  }
  const family = (prediction: PredictionType) =>
    MODEL_FAMILIES[prediction === "v_prediction" ? "sd2-768-v" : "sd2-base"];
  if (stated === "v_prediction") return of({ family: family(stated) });
  const byName = familyByName(file.path, architecture, family("epsilon"));
  if (byName !== undefined) return of(byName);
  if (stated !== undefined) return of({ family: family(stated) });
  const seeming = (await single.seemsToPredictVelocity()) ? "v_prediction" : "epsilon";
  const [kind, other] =
    seeming === "epsilon"
      ? ["noise, as Stable Diffusion 2.x-base does (epsilon, 512 pixels)", "v_prediction"]
      : ["velocity, as Stable Diffusion 2.x does (v_prediction, 768 pixels)", "epsilon"];
  const note = `${file.path} does not say what its model predicts. By its numbers it is ${kind}; if not, say --prediction-type ${other}.`;
  return of({ family: family(seeming), note });
}
