/** @file Reads adapter files of every usual naming (see keys.ts, vera.ts), checked against the model they are for. */
import type { AdaptedComponent } from "../../diffusion/module.ts";
import { KeepsakeError, shown } from "../../errors.ts";
import { formatShape } from "../../graph/index.ts";
import { parseJson, readJson } from "../../io/json.ts";
import type { SafetensorsFile } from "../../io/safetensors/safetensors.ts";
import { Dora } from "../dora.ts";
import { Lora } from "../lora.ts";
import { adaptedComponents, requireModule, type AdaptableModules } from "../modules.ts";
import { Vera } from "../vera.ts";
import { requireModules, requirePath } from "./arguments.ts";
import { isBundledKey } from "./bundle.ts";
import { parseLoraKey, type LoraKey } from "./keys.ts";
import { ldmNames } from "./ldm-names.ts";
import { alphaFromPeftConfig, parsePeftConfig, type LoraOrDoraLayer, type PeftLoraConfig } from "./peft-config.ts";
import { openSources, type OpenSource } from "./sources.ts";
import { matrixShape, readFinite, readScalar, readVector } from "./tensors.ts";
import { isVeraFile, readVeraFile } from "./vera.ts";

/**
 * Reads a LoRA: a safetensors file named as diffusers, PEFT or kohya do, or a folder with PEFT's adapter_config.json
 * and adapter_model.safetensors (or with `unet` and `text_encoder` folders of that kind, or with
 * pytorch_lora_weights.safetensors). Numbers become float32. A layer without an alpha has alpha = rank.
 *
 * @example
 * ```ts
 * import { BoundAdapter, discoverModules, readLora } from "keepsake/adapters";
 * import { StableDiffusionPipeline } from "keepsake/diffusion";
 *
 * const pipeline = await StableDiffusionPipeline.load("./stable-diffusion-v1-5");
 * const layers = {
 *   unet: discoverModules(pipeline.unet.weights.tensors),
 *   text_encoder: discoverModules(pipeline.textEncoder.weights.tensors),
 * };
 * const adapter = new BoundAdapter(await readLora("watercolour.safetensors", layers), { scale: 0.8 });
 * const [{ image }] = await pipeline.generate({ prompt: "a cat", adapter });
 * ```
 * @param model the layers of the model that the LoRA is for; SDXL has a `text_encoder_2` too
 *   (`pipeline.text.encoders`).
 * @throws KeepsakeError ("input") if it is not a LoRA, of an unsupported kind, incomplete, or for another model.
 */
export async function readLora(path: string, model: AdaptableModules): Promise<Lora> {
  requireModules("readLora", model);
  const files = await openSources(requirePath("readLora", path));
  const layers = await Promise.all(files.map((file) => readSource(file, model, false)));
  return new Lora(layers.flat());
}

/**
 * Reads a LoRA as {@link readLora}, or a DoRA or VeRA as PEFT writes them; diffusers' DoRA files too.
 *
 * @param model the layers of the model that the adapter is for.
 * @throws KeepsakeError ("input") as {@link readLora}, also for a VeRA without its projections, or a DoRA of some
 *   layers only.
 */
export async function readAdapter(path: string, model: AdaptableModules): Promise<Lora | Dora | Vera> {
  requireModules("readAdapter", model);
  const files = await openSources(requirePath("readAdapter", path));
  if (files.some(({ file }) => isVeraFile(file))) {
    const parts = await Promise.all(files.map(({ file, component }) => readVeraFile(file, component, model)));
    return new Vera(
      parts.flatMap(({ layers }) => layers),
      new Map(parts.map(({ component, projections }) => [component, projections])),
    );
  }
  const layers = (await Promise.all(files.map((file) => readSource(file, model, true)))).flat();
  const dora = layers.flatMap(({ magnitude, ...layer }) => (magnitude === undefined ? [] : [{ ...layer, magnitude }]));
  if (dora.length === 0) return new Lora(layers);
  if (dora.length === layers.length) return new Dora(dora);
  const other = layers.find(({ magnitude }) => magnitude === undefined);
  const fault = `${other?.component ?? ""} layer "${other?.module ?? ""}" has no lora_magnitude_vector`;
  throw new KeepsakeError("input", `${path}: ${fault}, others have; the adapter is incomplete`);
}

/** The tensors that make up one layer, by key in the file. */
interface LayerKeys {
  readonly component: AdaptedComponent;
  readonly module: string;
  loraA?: string;
  loraB?: string;
  alpha?: string;
  magnitude?: string;
}

async function readSource(source: OpenSource, model: AdaptableModules, allowDora: boolean): Promise<LoraOrDoraLayer[]> {
  const { file } = source;
  const configOf = await readConfigs(source, allowDora);
  const keys = [...file.tensors.keys()];
  const bundled = keys.filter(isBundledKey);
  if (bundled.length > 0 && bundled.length === keys.length) {
    const fault = `${shown(bundled[0], 200)} belongs to a bundled token embedding, and there is no LoRA beside it`;
    throw new KeepsakeError("input", `${file.path}: ${fault}.`);
  }
  const parsed = keys
    .filter((key) => !isBundledKey(key))
    .map((key) => ({ key, meaning: parseLoraKey(key, file.path) }));
  // Before layers are looked up: a LoCon's convolutions should be called that, not layers that the model lacks.
  for (const { key, meaning } of parsed) {
    if (meaning.part === "magnitude" && !allowDora) {
      const fault = `"${key}" belongs to a DoRA adapter, which is not supported here; use a plain LoRA`;
      throw new KeepsakeError("input", `${file.path}: ${fault}`);
    }
    if (meaning.part === "loraA" || meaning.part === "loraB") matrixShape(file, key);
  }
  const resolve = moduleResolver(model, file.path, source.component);
  const found = new Map<string, LayerKeys>();
  for (const { key, meaning } of parsed) {
    const { component, module } = resolve(meaning, key);
    const id = `${component}.${module}`;
    const layer: LayerKeys = found.get(id) ?? { component, module };
    const other = layer[meaning.part];
    if (other !== undefined) {
      throw new KeepsakeError("input", `${file.path}: "${key}" and "${other}" mean the same tensor; keep one of them`);
    }
    layer[meaning.part] = key;
    found.set(id, layer);
  }
  if (found.size === 0) throw new KeepsakeError("input", `${file.path}: no tensors in this file`);
  const layers: LoraOrDoraLayer[] = [];
  for (const layerKeys of found.values()) {
    layers.push(await readLayer(file, layerKeys, configOf(layerKeys.component), model));
  }
  return layers;
}

/** The LoraConfig of each component, from the file beside or from the header, if there is one. */
async function readConfigs(
  { configPath, file }: OpenSource,
  allowDora: boolean,
): Promise<(component: AdaptedComponent) => PeftLoraConfig | undefined> {
  if (configPath !== undefined) {
    const config = parsePeftConfig(requireObject(await readJson(configPath), configPath), configPath, allowDora);
    return () => config;
  }
  const text = file.metadata.get("lora_adapter_metadata");
  if (text === undefined) return () => undefined;
  const where = `${file.path} (lora_adapter_metadata)`;
  const metadata = requireObject(parseJson(text, where), where);
  const configs = new Map<AdaptedComponent, PeftLoraConfig>();
  for (const component of adaptedComponents) {
    const prefix = `${component}.`;
    const entries = Object.entries(metadata).filter(([key]) => key.startsWith(prefix));
    if (entries.length === 0) continue;
    const config = Object.fromEntries(entries.map(([key, value]) => [key.slice(prefix.length), value]));
    configs.set(component, parsePeftConfig(config, where, allowDora));
  }
  return (component) => configs.get(component);
}

function requireObject(value: unknown, source: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new KeepsakeError("input", `${source}: should be a JSON object`);
}

/**
 * Finds the layer that a key means: by its path, by its component, by the original code's names, and by undoing kohya's
 * underscores.
 * @param folderComponent the component that the file's folder is named after, for keys that do not say.
 */
function moduleResolver(
  model: AdaptableModules,
  path: string,
  folderComponent: AdaptedComponent | undefined,
): (meaning: LoraKey, key: string) => { component: AdaptedComponent; module: string } {
  const original = ldmNames(model.unet?.keys() ?? []);
  const byUnderscores = new Map<string, string>();
  for (const [name, module] of original) byUnderscores.set(`unet.${name.replaceAll(".", "_")}`, module);
  for (const component of adaptedComponents) {
    for (const module of model[component]?.keys() ?? []) {
      byUnderscores.set(`${component}.${module.replaceAll(".", "_")}`, module);
    }
  }
  return (meaning, key) => {
    if (meaning.component === "text_encoder_2" && model.text_encoder_2 === undefined) {
      const fault = `${shown(key, 200)} belongs to a second text encoder`;
      throw new KeepsakeError("input", `${path}: the LoRA was made for another model, SDXL: ${fault}`);
    }
    if (meaning.naming === "dotted") {
      // Without any component named, a path is the UNet's unless only the text encoder has it.
      const inText = model.unet?.has(meaning.module) !== true && model.text_encoder?.has(meaning.module) === true;
      const component = meaning.component ?? folderComponent ?? (inText ? "text_encoder" : "unet");
      const renamed = component === "unet" ? original.get(meaning.module) : undefined;
      return { component, module: renamed ?? meaning.module };
    }
    const module = byUnderscores.get(`${meaning.component}.${meaning.module}`);
    if (module !== undefined) return { component: meaning.component, module };
    const fault = `the model's ${meaning.component} has no layer for ${shown(key, 200)}`;
    throw new KeepsakeError("input", `${path}: the LoRA was made for another model: ${fault}`);
  };
}

async function readLayer(
  file: SafetensorsFile,
  keys: LayerKeys,
  config: PeftLoraConfig | undefined,
  model: AdaptableModules,
): Promise<LoraOrDoraLayer> {
  const { component, module } = keys;
  const layerName = `${component} layer "${module}"`;
  if (keys.loraA === undefined || keys.loraB === undefined) {
    const missing = keys.loraA === undefined ? "lora_A (down)" : "lora_B (up)";
    throw new KeepsakeError("input", `${file.path}: ${layerName} has no ${missing}; the file is incomplete`);
  }
  const loraA = matrixShape(file, keys.loraA);
  const loraB = matrixShape(file, keys.loraB);
  const [rank, inFeatures] = loraA;
  const [outFeatures] = loraB;
  if (rank < 1 || loraB[1] !== rank) {
    const shapes = `"${keys.loraA}" ${formatShape(loraA)}, "${keys.loraB}" ${formatShape(loraB)}`;
    throw new KeepsakeError("input", `${file.path}: the ranks of a pair differ: ${shapes}`);
  }
  if (config?.useDora === true && keys.magnitude === undefined) {
    const fault = `${layerName} has no lora_magnitude_vector, although use_dora is set; the file is incomplete`;
    throw new KeepsakeError("input", `${file.path}: ${fault}`);
  }
  const { kind } = requireModule(model, { component, module, loraA, loraB }, file.path);
  let loraAlpha: number = rank;
  if (keys.alpha !== undefined) loraAlpha = await readScalar(file, keys.alpha);
  else if (config) loraAlpha = alphaFromPeftConfig(config, module, rank, file.path);
  return {
    component,
    module,
    kind,
    rank,
    inFeatures,
    outFeatures,
    loraAlpha,
    loraA: await readFinite(file, keys.loraA),
    loraB: await readFinite(file, keys.loraB),
    ...(keys.magnitude !== undefined && { magnitude: await readMagnitude(file, keys.magnitude, outFeatures) }),
  };
}

/**
 * DoRA's length for each output. LyCORIS and OneTrainer keep it as a matrix, `[out, 1]`, or `[1, in]` for the older
 * kind, whose lengths are those of the inputs.
 */
async function readMagnitude(file: SafetensorsFile, key: string, outFeatures: number): Promise<Float32Array> {
  const { shape } = file.info(key);
  if (key.endsWith(".dora_scale") && shape.length > 1 && shape[0] === 1 && shape[1] !== 1) {
    const fault = `${shown(key, 200)} ${formatShape(shape)} is of a DoRA with a length for each input, which is not supported`;
    throw new KeepsakeError(
      "input",
      `${file.path}: ${fault}; train it with lengths on the output axis, or as a plain LoRA`,
    );
  }
  return readVector(file, key, outFeatures);
}
