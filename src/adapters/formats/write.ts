/**
 * @file Writes LoRA and DoRA files for other programs. Metadata is the least that readers ask for: nothing about
 * photos, captions, folders, dates or machines goes into a file that people share.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { AdaptedComponent } from "../../diffusion/module.ts";
import { KeepsakeError } from "../../errors.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
import { writeSafetensors, type TensorToWrite } from "../../io/safetensors/safetensors.ts";
import type { Dora } from "../dora.ts";
import type { Lora, LoraLayer } from "../lora.ts";
import { adaptedComponents } from "../modules.ts";
import type { TokenEmbedding } from "../textual-inversion.ts";
import { kindOf, requireAdapter, requireDType, requirePath } from "./arguments.ts";
import { kohyaNames } from "./kohya-names.ts";
import { peftConfigFile, peftWeightsFile } from "./names.ts";
import { bundledTensors } from "./bundle.ts";
import { kohyaModels, modelspec, type ModelspecFacts } from "./modelspec.ts";
import { commonest, writePeftConfig, type LoraOrDoraLayer } from "./peft-config.ts";

export interface WriteLoraOptions {
  /** F16 halves the file and rounds the numbers. Default F32: exactly the numbers of the adapter. */
  readonly dtype?: "F32" | "F16";
  /** What else stands in the header of a file. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/**
 * Writes a file as diffusers with PEFT does (`unet.<module>.lora_A.weight`), rank and alpha in the header's
 * `lora_adapter_metadata`.
 *
 * @example
 * ```ts
 * import { discoverModules, readLora, writeDiffusersLora } from "keepsake/adapters";
 * import { StableDiffusionPipeline } from "keepsake/diffusion";
 *
 * const { unet } = await StableDiffusionPipeline.load("./stable-diffusion-v1-5");
 * const layers = { unet: discoverModules(unet.weights.tensors) };
 * const lora = await readLora("from-kohya.safetensors", layers);
 * await writeDiffusersLora("pytorch_lora_weights.safetensors", lora);
 * ```
 * @param path usually ending in `diffusersLoraFile`, which `load_lora_weights` looks for in a folder.
 */
export async function writeDiffusersLora(
  path: string,
  lora: Lora | Dora,
  options: WriteLoraOptions = {},
): Promise<void> {
  checkArguments("writeDiffusersLora", path, lora, options);
  const tensors = new Map<string, TensorToWrite>();
  const settings: Record<string, unknown> = {};
  for (const component of [...adaptedComponents].sort()) {
    const layers = layersOf(lora, component);
    if (layers.length === 0) continue;
    for (const [key, value] of Object.entries(writePeftConfig(layers))) settings[`${component}.${key}`] = value;
    addPeftTensors(tensors, layers, `${component}.`, options);
  }
  const metadata = new Map([
    ...(options.metadata ?? []),
    ["format", "pt"],
    ["lora_adapter_metadata", JSON.stringify(settings, null, 2)],
  ]);
  await writeSafetensors(path, tensors, metadata);
}

/**
 * Writes a folder as PEFT's save_pretrained does: adapter_model.safetensors and adapter_config.json. PEFT adapts one
 * model per folder; a LoRA of UNet and text encoder becomes a folder of each below `folder`.
 *
 * @example
 * ```ts
 * import { discoverModules, readLora, writePeftLora } from "keepsake/adapters";
 * import { StableDiffusionPipeline } from "keepsake/diffusion";
 *
 * const { unet } = await StableDiffusionPipeline.load("./stable-diffusion-v1-5");
 * const layers = { unet: discoverModules(unet.weights.tensors) };
 * const lora = await readLora("pytorch_lora_weights.safetensors", layers);
 * await writePeftLora("lora-for-peft", lora);
 * ```
 */
export async function writePeftLora(folder: string, lora: Lora | Dora, options: WriteLoraOptions = {}): Promise<void> {
  checkArguments("writePeftLora", folder, lora, options);
  const parts = adaptedComponents.flatMap((component) => {
    const layers = layersOf(lora, component);
    if (layers.length === 0) return [];
    const tensors = new Map<string, TensorToWrite>();
    addPeftTensors(tensors, layers, "base_model.model.", options);
    return [{ component, tensors, config: writePeftConfig(layers) }];
  });
  await writePeftFolders(folder, parts, options.metadata);
}

function checkArguments(
  call: string,
  path: unknown,
  lora: unknown,
  options: WriteLoraOptions,
  kinds = ["lora", "dora"],
) {
  requirePath(call, path);
  requireAdapter(call, lora, kinds);
  requireDType(call, options?.dtype);
}

/** A LoRA's layers, or a DoRA's. */
function layersOf(lora: Lora | Dora, component: AdaptedComponent): LoraOrDoraLayer[] {
  return lora.layers.filter((layer) => layer.component === component);
}

/** What PEFT's save_pretrained writes of one model. */
export interface PeftPart {
  readonly component: AdaptedComponent;
  readonly tensors: ReadonlyMap<string, TensorToWrite>;
  /** What is particular to the kind of adapter. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Writes a folder, or one for each component below it if there are several. @throws KeepsakeError if it cannot be
 * written
 */
export async function writePeftFolders(
  folder: string,
  parts: readonly PeftPart[],
  metadata: WriteLoraOptions["metadata"] = new Map(),
): Promise<void> {
  for (const { component, tensors, config: own } of parts) {
    const target = parts.length === 1 ? folder : join(folder, component);
    const config = { base_model_name_or_path: null, inference_mode: true, task_type: null, ...own };
    await makeFolder(target);
    await writeSafetensors(join(target, peftWeightsFile), tensors, new Map([...metadata, ["format", "pt"]]));
    await writeFileAtomic(join(target, peftConfigFile), `${JSON.stringify(config, null, 2)}\n`);
  }
}

function addPeftTensors(
  tensors: Map<string, TensorToWrite>,
  layers: readonly LoraOrDoraLayer[],
  prefix: string,
  options: WriteLoraOptions,
): void {
  for (const layer of layers) {
    const { loraA, loraB } = tensorsOf(layer, options);
    tensors.set(`${prefix}${layer.module}.lora_A.weight`, loraA);
    tensors.set(`${prefix}${layer.module}.lora_B.weight`, loraB);
    const { magnitude: data } = layer;
    if (data === undefined) continue;
    const shape = layer.kind === "conv1x1" ? [1, data.length, 1, 1] : [data.length];
    tensors.set(`${prefix}${layer.module}.lora_magnitude_vector`, { shape, data, dtype: options.dtype ?? "F32" });
  }
}

/** Shaped as the layer's weight is: a convolution's pair has 1x1 kernels. */
function tensorsOf(
  layer: LoraLayer,
  { dtype = "F32" }: WriteLoraOptions,
): { loraA: TensorToWrite; loraB: TensorToWrite } {
  const kernel = layer.kind === "conv1x1" ? [1, 1] : [];
  return {
    loraA: { shape: [layer.rank, layer.inFeatures, ...kernel], data: layer.loraA, dtype },
    loraB: { shape: [layer.outFeatures, layer.rank, ...kernel], data: layer.loraB, dtype },
  };
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KeepsakeError("environment", `${folder}: cannot make this folder (${reason})`, { cause });
  }
}

export interface WriteKohyaLoraOptions
  extends Omit<WriteLoraOptions, "metadata">, Omit<ModelspecFacts, "title">, Partial<Pick<ModelspecFacts, "title">> {
  /**
   * Go into the same file, as AUTOMATIC1111's program reads them: in its prompts their tokens stand without angle
   * brackets.
   */
  readonly embeddings?: readonly TokenEmbedding[];
  /** Of the text encoders' embeddings, `TextConditioning.widths`. Default: there is one encoder. */
  readonly widths?: readonly number[];
}

/**
 * Writes a file as kohya's sd-scripts do (`lora_unet_<module with underscores>.lora_down.weight`), which AUTOMATIC1111,
 * ComfyUI and their kin read. Metadata: sd-scripts' minimum set (`library/train_util.py`) and modelspec's. Alphas are
 * float32.
 *
 * @example
 * ```ts
 * import { discoverModules, readLora, writeKohyaLora } from "keepsake/adapters";
 * import { StableDiffusionPipeline } from "keepsake/diffusion";
 *
 * const { unet } = await StableDiffusionPipeline.load("./stable-diffusion-v1-5");
 * const layers = { unet: discoverModules(unet.weights.tensors) };
 * const lora = await readLora("pytorch_lora_weights.safetensors", layers);
 * await writeKohyaLora("mochi.safetensors", lora, { model: "sd-1", resolution: 512, dtype: "F16", title: "Mochi" });
 * ```
 */
export async function writeKohyaLora(path: string, lora: Lora, options: WriteKohyaLoraOptions): Promise<void> {
  checkArguments("writeKohyaLora", path, lora, options, ["lora"]);
  const { model, resolution } = options ?? {};
  if (!Object.hasOwn(kohyaModels, model ?? "")) {
    const known = Object.keys(kohyaModels).join(", ");
    throw new KeepsakeError("usage", `writeKohyaLora: options.model is one of ${known}, got ${kindOf(model)}.`);
  }
  if (!Number.isSafeInteger(resolution) || resolution < 1) {
    const expected = "options.resolution is the model's width in pixels, e.g. 512";
    throw new KeepsakeError("usage", `writeKohyaLora: ${expected}, got ${kindOf(resolution)}.`);
  }
  const tensors = bundledTensors(options.embeddings ?? [], options.widths);
  const nameOf = kohyaNames(model === "sdxl", lora.layers);
  for (const layer of lora.layers) {
    const { loraA, loraB } = tensorsOf(layer, options);
    const name = nameOf(layer);
    tensors.set(`${name}.alpha`, { shape: [], data: Float32Array.of(layer.loraAlpha), dtype: "F32" });
    tensors.set(`${name}.lora_down.weight`, loraA);
    tensors.set(`${name}.lora_up.weight`, loraB);
  }
  const { v2, baseModelVersion } = kohyaModels[model];
  const metadata = new Map([
    ["ss_v2", v2],
    ["ss_base_model_version", baseModelVersion],
    ["ss_network_module", "networks.lora"],
    ["ss_network_dim", String(commonest(lora.layers.map((layer) => layer.rank)))],
    ["ss_network_alpha", String(commonest(lora.layers.map((layer) => layer.loraAlpha)))],
    ["ss_network_args", "{}"],
    ...modelspec("lora", { title: "Keepsake LoRA", ...options }),
  ]);
  await writeSafetensors(path, tensors, metadata);
}
