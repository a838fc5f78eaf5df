/**
 * @file What was given in place of a model: a folder one level up or down, a single-file checkpoint, a LoRA, a library,
 * a name of the Hugging Face Hub. Asked only once a path was found not to be a folder in the diffusers layout; answers
 * in one line.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { KeepsakeError, shown } from "../errors.ts";
import { exists } from "../io/folder.ts";
import { readJson } from "../io/json.ts";
import { describeReadError } from "../io/read-file.ts";
import { SafetensorsFile } from "../io/safetensors/safetensors.ts";
import { isObject } from "./config/config-reader.ts";

/** The file that makes a folder a model. */
export const modelIndex = "model_index.json";

/** What to use instead of a model of another family. */
export const SUPPORTED = "a Stable Diffusion 1.x, 2.x or XL model";

const layout =
  "a folder in the diffusers layout (model_index.json, unet, vae, text_encoder, tokenizer, scheduler) or a single-file checkpoint (.safetensors)";
const pickle = "pickle weights are not loaded, because a pickle can run any program";

/** The error for a path that is no model folder. */
export async function notAModel(path: string): Promise<KeepsakeError> {
  const found = await stat(path).catch(() => undefined);
  const what = found === undefined ? missing(path) : found.isDirectory() ? await folder(path) : await file(path);
  return new KeepsakeError("input", `${path}: ${what}.`);
}

function missing(path: string): string {
  if (/\.(safetensors|sft|ckpt)$/i.test(path)) return "there is no such file";
  // As it was typed: paths come here resolved.
  const typed = relative(".", path);
  const [, owner, name] = /^(?:https?:\/+[\w.]+\/)?(\w[\w.-]*)\/(\w[\w.-]*)$/.exec(typed) ?? [];
  if (name === undefined) return "there is no such folder";
  const download = `keepsake pull ${owner}/${name}`;
  return `there is no such folder; if it is a model of the Hugging Face Hub, download it first: ${download}`;
}

async function folder(path: string): Promise<string> {
  const needs = `${modelIndex} is missing; give ${layout}`;
  const entries = await readdir(path).catch((error: unknown) => {
    throw describeReadError(path, error);
  });
  if (entries.length === 0) return `the folder is empty; give ${layout}`;
  const parent = dirname(resolve(path));
  if (entries.includes("library.json")) return "this is a Keepsake library, not a model; give it as --library";
  if (entries.includes("adapter_config.json") || entries.includes("pytorch_lora_weights.safetensors")) {
    return `this is a LoRA, not a model; give the model that it was made for: ${layout}`;
  }
  if (await exists(join(parent, modelIndex))) return `this is a part of a model; give the whole: ${parent}`;
  const below = await modelsBelow(path, entries);
  if (below.length > 0) return `the model is in a folder below; give ${below.slice(0, 3).join(" or ")}`;
  const checkpoint = entries.find((name) => /\.(safetensors|ckpt)$/.test(name));
  if (entries.includes("config.json")) {
    const config = await readJson(join(path, "config.json")).catch(() => undefined);
    const architectures: unknown = isObject(config) ? (config._class_name ?? config.architectures) : undefined;
    const name = Array.isArray(architectures) ? (architectures[0] as unknown) : architectures;
    const of = typeof name === "string" ? ` (${shown(name)})` : "";
    return `this is a single network${of}, not a whole model; give ${layout}`;
  }
  if (checkpoint === undefined) return needs;
  return `${needs}; ${checkpoint} in it: ${await file(join(path, checkpoint))}`;
}

/** Folders below that are models: directly, or as the snapshots of a Hub cache. */
async function modelsBelow(path: string, entries: readonly string[]): Promise<string[]> {
  const candidates = entries.slice(0, 200).map((name) => join(path, name));
  if (entries.includes("snapshots")) {
    const snapshots = await readdir(join(path, "snapshots")).catch((): string[] => []);
    candidates.push(...snapshots.slice(0, 200).map((name) => join(path, "snapshots", name)));
  }
  const isModel = await Promise.all(candidates.map((candidate) => exists(join(candidate, modelIndex))));
  return candidates.filter((_, i) => isModel[i]);
}

async function file(path: string): Promise<string> {
  if (basename(path) === modelIndex) return `give the folder that it lies in: ${dirname(resolve(path))}`;
  if (/\.(ckpt|pt|pth|bin)$/i.test(path)) return `${pickle}; give ${layout}`;
  if (/\.(gguf|onnx)$/i.test(path))
    return `this is a ${path.split(".").at(-1)?.toUpperCase() ?? ""} file; give ${layout}`;
  if (!/\.(safetensors|sft)$/i.test(path)) return `this is a file; give ${layout}`;
  let names: string[];
  try {
    names = [...(await SafetensorsFile.open(path)).tensors.keys()];
  } catch (error) {
    if (!(error instanceof KeepsakeError)) throw error;
    return `this is a file, and damaged (${error.message.replace(`${path}: `, "").replace(/\.$/, "")}); give ${layout}`;
  }
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  if (has(/^model\.diffusion_model\.|^first_stage_model\.|^cond_stage_model\.|^conditioner\./)) {
    return `this is a single-file checkpoint; give the file itself: ${path}`;
  }
  if (has(/lora|hada_|lokr_|vera_lambda|\.dora_scale$/)) {
    return `this is a LoRA or another adapter, not a model; give the model that it was made for: ${layout}`;
  }
  if (has(/^emb_params$|^clip_[lg]$/) || (names.length <= 4 && has(/^</))) {
    return `this is a textual-inversion embedding, not a model; give ${layout}`;
  }
  if (has(/^double_blocks\.|^joint_blocks\.|^transformer_blocks\./)) {
    return `this is a transformer model (FLUX, SD 3), which is not supported; use ${SUPPORTED}`;
  }
  return `these are weights of one network; give the whole model: ${layout}`;
}

/** What a pipeline that is not read is. */
export function foreignPipeline(className: string): string {
  if (/^StableDiffusionXLImg2Img/.test(className))
    return "an SDXL refiner, or another model that starts from a picture";
  if (/^KolorsP/.test(className)) return "a relative of SDXL with another text encoder";
  if (/^StableDiffusion3/.test(className)) return "Stable Diffusion 3";
  if (/^Flux/.test(className)) return "FLUX";
  if (/Inpaint/.test(className)) return "an inpainting model";
  if (/Img2Img|Upscale|InstructPix2Pix|Depth2Img|ImageVariation|ControlNet/.test(className)) {
    return "a model that starts from a picture";
  }
  return "another kind of model";
}

/** How weight files of other programs end, and what they are. */
const otherWeights: readonly (readonly [RegExp, string])[] = [
  [/\.(part|partial|incomplete|crdownload|aria2|tmp|download)$/, "a download that did not finish: download it again"],
  [/\.msgpack$/, "weights for Flax"],
  [/\.h5$/, "weights for TensorFlow"],
  [/\.(onnx|onnx_data|pb)$/, "an exported ONNX model, which cannot be trained"],
  [/\.gguf$/, "quantised GGUF weights"],
  [/^openvino_.*\.xml$/, "an exported OpenVINO model, which cannot be trained"],
];

/**
 * The error for a folder of one network that has no weights that are read.
 * @param stem what the library calls weight files, without their endings.
 */
export function noWeights(folder: string, entries: readonly string[], stem: string): KeepsakeError {
  const expected = `${stem}.safetensors`;
  const fault = (path: string, text: string): KeepsakeError => new KeepsakeError("input", `${path}: ${text}.`);
  const variant = entries.find((name) => name.startsWith(`${stem}.`) && name.endsWith(".safetensors"));
  if (variant !== undefined) {
    const name = variant.slice(stem.length + 1, -".safetensors".length);
    return fault(
      folder,
      `has the variant "${name}" of the weights alone (${variant}); to use it, rename it to ${expected}`,
    );
  }
  const pickled = entries.find((name) => /\.(bin|ckpt|pt|pth)$/.test(name));
  if (pickled !== undefined) {
    const remedy = `download ${expected} of the same model, or load it with diffusers and save_pretrained it again`;
    return fault(join(folder, pickled), `${pickle}; ${remedy}`);
  }
  for (const [pattern, what] of otherWeights) {
    const other = entries.find((name) => pattern.test(name));
    if (other !== undefined) return fault(join(folder, other), `is ${what}; Keepsake needs ${expected}`);
  }
  const renamed = entries.filter((name) => name.endsWith(".safetensors"));
  if (renamed.length > 0) {
    return fault(
      folder,
      `no weights, expected ${expected}; there is ${renamed.slice(0, 3).join(", ")}: rename it if it is the one`,
    );
  }
  return fault(folder, `no weights, expected ${expected}`);
}
