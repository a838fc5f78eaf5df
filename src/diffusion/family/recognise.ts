/** @file Which family a checkpoint is of, by its configs; by its name only where these cannot tell. */
import { basename, dirname } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { readJson } from "../../io/json.ts";
import { parseUNet2DConditionConfig, type UNet2DConditionConfig } from "../config/unet-2d-condition-config.ts";
import { configFilesOf, openPipelineFolder, readSchedulerConfig } from "../pipeline-folder.ts";
import type { ArchitectureName } from "../single-file/architectures.ts";
import { type FamilyName, MODEL_FAMILIES, type ModelFamily } from "./families.ts";

/** What a family is recognised by. */
export interface FamilyFacts {
  readonly unet: Pick<UNet2DConditionConfig, "textTime" | "timeCondProjDim" | "crossAttentionDim"> &
    Pick<UNet2DConditionConfig, "midBlockType" | "layersPerBlock" | "blockOutChannels" | "sampleSize">;
  /** As in scheduler_config.json. */
  readonly scheduler: Readonly<Record<string, unknown>>;
  /** Folder or file of the checkpoint. */
  readonly path: string;
}

/** A family, and what was guessed to come to it. */
export interface RecognisedFamily {
  readonly family: ModelFamily;
  /** A line for people: what the name says, and how to say otherwise. */
  readonly note?: string;
}

/**
 * The family of a checkpoint.
 *
 * @param asked - as a person has said
 * @throws KeepsakeError ("usage") if it cannot be of that family
 */
export function recogniseFamily(facts: FamilyFacts, asked?: FamilyName): RecognisedFamily {
  const architecture = architectureOf(facts);
  if (asked !== undefined) return { family: familyAsked(asked, architecture, facts.path) };
  const byConfig = familyByConfig(facts, architecture);
  // What is less deep than the others says so, and is of no faster kind.
  if (byConfig.architecture === undefined) return { family: byConfig };
  return familyByName(facts.path, architecture, byConfig) ?? { family: byConfig };
}

/** @throws KeepsakeError ("usage") if a family that was asked for has other networks */
export function familyAsked(asked: FamilyName, architecture: ArchitectureName, path: string): ModelFamily {
  const family = MODEL_FAMILIES[asked];
  if (family.architecture === undefined || family.architecture === architecture) return family;
  const possible = Object.values(MODEL_FAMILIES).filter((each) => each.architecture === architecture);
  const advice = `it can be ${possible.map(({ name }) => name).join(", ")}`;
  throw new KeepsakeError("usage", `${path}: this is no model of the family ${asked}; ${advice}.`);
}

/** What a name tells that nothing else does: whether a model was distilled. */
export function familyByName(
  path: string,
  architecture: ArchitectureName,
  usual: ModelFamily,
): RecognisedFamily | undefined {
  const name = nameOf(path);
  if (architecture === "sd1" || !/turbo/i.test(name) || isTurbo(usual)) return undefined;
  const family = MODEL_FAMILIES[architecture === "sdxl" ? "sdxl-turbo" : "sd-turbo"];
  const defaults = `${family.steps} steps and no guidance, unless you say --steps and --guidance`;
  const note = `By its name, ${name} is ${family.title}, which draws with ${defaults}. If it is not, say --family ${usual.name}.`;
  return { family, note };
}

/** The family of a folder in the diffusers layout, whose weights need not be there; undefined if it cannot be told. */
export async function familyOfFolder(path: string): Promise<ModelFamily | undefined> {
  try {
    const folder = await openPipelineFolder(path);
    const { unet } = configFilesOf(folder);
    const config = parseUNet2DConditionConfig(unet, await readJson(unet));
    return recogniseFamily({ unet: config, scheduler: await readSchedulerConfig(folder), path }).family;
  } catch (error) {
    if (error instanceof KeepsakeError) return undefined;
    throw error;
  }
}

function architectureOf({ unet }: Pick<FamilyFacts, "unet">): ArchitectureName {
  if (unet.textTime !== undefined) return "sdxl";
  return unet.crossAttentionDim.includes(1024) ? "sd2" : "sd1";
}

function familyByConfig({ unet, scheduler }: FamilyFacts, architecture: ArchitectureName): ModelFamily {
  const { timeCondProjDim, midBlockType, layersPerBlock, blockOutChannels, sampleSize } = unet;
  if (timeCondProjDim !== undefined) return MODEL_FAMILIES.lcm;
  const hasWholeMiddle = midBlockType === "UNetMidBlock2DCrossAttn";
  const predictsVelocity = scheduler.prediction_type === "v_prediction";
  // Fine-tuned models that sample from pure noise have trailing steps too: they predict velocity, or say so.
  const isDistilled =
    /^Euler/.test(String(scheduler._class_name)) &&
    scheduler.timestep_spacing === "trailing" &&
    scheduler.rescale_betas_zero_snr !== true &&
    !predictsVelocity;
  if (architecture === "sdxl") {
    if (!hasWholeMiddle) return MODEL_FAMILIES["small-sdxl"];
    return MODEL_FAMILIES[isDistilled && sampleSize === TURBO_SAMPLE_SIZE ? "sdxl-turbo" : "sdxl"];
  }
  const isLessDeep = !hasWholeMiddle || layersPerBlock.every((layers) => layers === 1);
  if (isLessDeep && blockOutChannels[0] === USUAL_CHANNELS) return MODEL_FAMILIES["small-sd"];
  if (architecture === "sd1") return MODEL_FAMILIES.sd1;
  if (isDistilled) return MODEL_FAMILIES["sd-turbo"];
  return MODEL_FAMILIES[predictsVelocity ? "sd2-768-v" : "sd2-base"];
}

/** Distilled models have fewer layers, and those are as wide as ever. */
const USUAL_CHANNELS = 320;

/** Side of the latents that SDXL-Turbo was trained on, half of SDXL's. */
const TURBO_SAMPLE_SIZE = 64;

function isTurbo({ name }: ModelFamily): boolean {
  return name === "sd-turbo" || name === "sdxl-turbo";
}

/** What people call it: the file or folder, or the model of the hub whose snapshot it is. */
function nameOf(path: string): string {
  const folder = dirname(path);
  if (basename(folder) !== "snapshots") return basename(path);
  return basename(dirname(folder))
    .replace(/^models--/, "")
    .replaceAll("--", "/");
}
