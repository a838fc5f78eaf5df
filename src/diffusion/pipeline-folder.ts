/**
 * @file What the folder of a checkpoint in the diffusers layout holds, by its model_index.json.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError, shown } from "../errors.ts";
import { readJson } from "../io/json.ts";
import { isObject } from "./config/config-reader.ts";
import { foreignPipeline, modelIndex, notAModel, SUPPORTED } from "./not-a-model.ts";
import type { TextEncoder } from "./text-conditioning.ts";

/** Where the parts of a Stable Diffusion checkpoint lie. */
export interface PipelineFolder {
  readonly folder: string;
  readonly unet: string;
  readonly vae: string;
  readonly textEncoders: readonly TextEncoderFolder[];
  readonly scheduler: string;
  /** See {@link TextConditioning}. */
  readonly zerosWithoutPrompt: boolean;
}

/** Where a text encoder and its tokenizer lie. */
export interface TextEncoderFolder extends Pick<TextEncoder, "component" | "output"> {
  readonly folder: string;
  readonly tokenizer: string;
  readonly hasProjection: boolean;
}

/** The text encoders of the pipelines that are read, by what model_index.json calls these. */
export const TEXT_ENCODERS = {
  StableDiffusionPipeline: [
    { component: "text_encoder", output: "last", hasProjection: false, tokenizer: "tokenizer" },
  ],
  StableDiffusionXLPipeline: [
    { component: "text_encoder", output: "penultimate", hasProjection: false, tokenizer: "tokenizer" },
    { component: "text_encoder_2", output: "penultimate", hasProjection: true, tokenizer: "tokenizer_2" },
  ],
} as const satisfies Readonly<Record<string, readonly Omit<TextEncoderFolder, "folder">[]>>;

/** A pipeline that is read. */
export type PipelineName = keyof typeof TEXT_ENCODERS;

/** The parsed scheduler_config.json of a folder. @throws KeepsakeError naming file and fault. */
export async function readSchedulerConfig(folder: PipelineFolder): Promise<Readonly<Record<string, unknown>>> {
  const file = configFilesOf(folder).scheduler;
  const config = await readJson(file, { pythonNumbers: true });
  if (!isObject(config)) throw new KeepsakeError("input", `${file}: expected a JSON object.`);
  return config;
}

/** The files with the configs of a folder. */
export function configFilesOf({ unet, vae, textEncoders, scheduler }: PipelineFolder) {
  const files = {
    unet: join(unet, "config.json"),
    vae: join(vae, "config.json"),
    textEncoders: textEncoders.map(({ folder }) => join(folder, "config.json")),
    scheduler: join(scheduler, "scheduler_config.json"),
  } as const;
  return { ...files, all: [files.unet, files.vae, ...files.textEncoders, files.scheduler] };
}

/**
 * Reads model_index.json and checks that the folder is a checkpoint of Stable Diffusion 1.x, 2.x or XL.
 * @throws KeepsakeError for anything else, SDXL's refiner included.
 */
export async function openPipelineFolder(folder: string): Promise<PipelineFolder> {
  const entries = await readdir(folder).catch((): string[] => []);
  if (!entries.includes(modelIndex)) throw await notAModel(folder);
  const file = join(folder, modelIndex);
  const index = await readJson(file);
  if (!isObject(index)) throw new KeepsakeError("input", `${file}: expected a JSON object.`);
  const pipeline = index._class_name;
  if (!isPipelineName(pipeline)) {
    const what = typeof pipeline === "string" ? `${shown(pipeline)} (${foreignPipeline(pipeline)})` : shown(pipeline);
    const advice = `not supported; use ${SUPPORTED}, whose pipeline is ${Object.keys(TEXT_ENCODERS).join(" or ")}`;
    throw new KeepsakeError("input", `${file}: the pipeline is ${what}, which is ${advice}.`);
  }
  checkNoRefiner(file, index);
  const component = (name: string, supported?: string): string => {
    const entry = index[name];
    const className: unknown = Array.isArray(entry) ? entry[1] : undefined;
    if (typeof className !== "string" || (supported !== undefined && className !== supported)) {
      const found = shown(entry);
      throw new KeepsakeError("input", `${file}: component "${name}" is ${found}, expected ${supported ?? "a class"}.`);
    }
    if (!entries.includes(name)) {
      throw new KeepsakeError("input", `${folder}: the folder ${name}, which model_index.json lists, is missing.`);
    }
    return join(folder, name);
  };
  return {
    folder,
    unet: component("unet", "UNet2DConditionModel"),
    vae: component("vae", "AutoencoderKL"),
    textEncoders: TEXT_ENCODERS[pipeline].map((encoder) => ({
      ...encoder,
      folder: component(encoder.component, encoder.hasProjection ? "CLIPTextModelWithProjection" : "CLIPTextModel"),
      tokenizer: component(encoder.tokenizer),
    })),
    scheduler: component("scheduler"),
    zerosWithoutPrompt: zerosWithoutPrompt(file, pipeline, index.force_zeros_for_empty_prompt),
  };
}

/** Whether model_index.json names a pipeline that is read. */
export function isPipelineName(name: unknown): name is PipelineName {
  return typeof name === "string" && Object.hasOwn(TEXT_ENCODERS, name);
}

/** @throws KeepsakeError for a refiner, whose UNet is told a score in place of sizes. */
function checkNoRefiner(file: string, { requires_aesthetics_score: value }: Readonly<Record<string, unknown>>): void {
  if (value === undefined || value === null || value === false) return;
  const fault = `"requires_aesthetics_score" is ${shown(value)}: this is an SDXL refiner, which is not supported`;
  throw new KeepsakeError("input", `${file}: ${fault}; use the base model.`);
}

/** Only SDXL's pipeline has the option, which is on unless a file says otherwise. */
function zerosWithoutPrompt(file: string, pipeline: PipelineName, value: unknown): boolean {
  if (pipeline !== "StableDiffusionXLPipeline") return false;
  if (value === undefined || typeof value === "boolean") return value ?? true;
  throw new KeepsakeError(
    "input",
    `${file}: "force_zeros_for_empty_prompt" is ${shown(value)}, expected true or false.`,
  );
}
