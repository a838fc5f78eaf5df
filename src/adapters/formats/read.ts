/** @file Reads LoRA files of every usual naming (see keys.ts) into one structure, checked against the model they are for. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { AdaptedComponent } from "../../diffusion/module.ts";
import { KeepsakeError } from "../../errors.ts";
import { formatShape } from "../../graph/index.ts";
import { readJson } from "../../io/json.ts";
import { SafetensorsFile } from "../../io/safetensors.ts";
import { Lora } from "../lora.ts";
import type { LoraLayer } from "../lora.ts";
import { adaptedComponents, requireModule } from "../modules.ts";
import type { AdaptableModules } from "../modules.ts";
import { parseLoraKey } from "./keys.ts";
import type { LoraKey } from "./keys.ts";
import { diffusersLoraFile, peftConfigFile, peftWeightsFile } from "./names.ts";
import { alphaFromPeftConfig, parsePeftConfig } from "./peft-config.ts";
import type { PeftLoraConfig } from "./peft-config.ts";

/**
 * Reads a LoRA: a safetensors file named as diffusers, PEFT or kohya do, or a folder with PEFT's adapter_config.json and
 * adapter_model.safetensors (or with `unet` and `text_encoder` folders of that kind, or with pytorch_lora_weights.safetensors).
 * Numbers become float32. A layer without an alpha has alpha = rank.
 *
 * @param model the layers of the model that the LoRA is for.
 * @throws KeepsakeError ("input") if it is not a LoRA, of an unsupported kind, incomplete, or for another model.
 */
export async function readLora(path: string, model: AdaptableModules): Promise<Lora> {
  const sources = await findSources(path);
  const layers = await Promise.all(sources.map((source) => readSource(source, model)));
  return new Lora(layers.flat());
}

/** A file of tensors, and where its rank and alpha are told apart from it. */
interface LoraSource {
  readonly path: string;
  readonly configPath?: string;
  readonly component?: AdaptedComponent;
}

async function findSources(path: string): Promise<LoraSource[]> {
  if (!(await isFolder(path))) {
    if (/\.(bin|pt|pth|ckpt)$/i.test(path)) {
      throw new KeepsakeError(
        "input",
        `${path}: pickle files can run code and are not read; convert it to .safetensors`,
      );
    }
    return [{ path }];
  }
  const peft = async (folder: string, component?: AdaptedComponent): Promise<LoraSource[]> => {
    const configPath = join(folder, peftConfigFile);
    return (await exists(configPath)) ? [{ path: join(folder, peftWeightsFile), configPath, component }] : [];
  };
  const sources = await peft(path);
  for (const component of adaptedComponents) sources.push(...(await peft(join(path, component), component)));
  if (sources.length > 0) return sources;
  const file = join(path, diffusersLoraFile);
  if (await exists(file)) return [{ path: file }];
  throw new KeepsakeError(
    "input",
    `${path}: no LoRA in this folder (neither ${peftConfigFile} nor ${diffusersLoraFile})`,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The tensors that make up one layer, by key in the file. */
interface LayerKeys {
  readonly component: AdaptedComponent;
  readonly module: string;
  loraA?: string;
  loraB?: string;
  alpha?: string;
}

async function readSource(source: LoraSource, model: AdaptableModules): Promise<LoraLayer[]> {
  const file = await SafetensorsFile.open(source.path);
  const configOf = await readConfigs(source, file);
  const parsed = [...file.tensors.keys()].map((key) => ({ key, meaning: parseLoraKey(key, file.path) }));
  // Before layers are looked up: a LoCon's convolutions should be called that, not layers that the model lacks.
  for (const { key, meaning } of parsed) if (meaning.part !== "alpha") matrixShape(file, key);
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
  const layers: LoraLayer[] = [];
  for (const keys of found.values()) layers.push(await readLayer(file, keys, configOf(keys.component), model));
  return layers;
}

/** The LoraConfig of each component, from the file beside or from the header, if there is one. */
async function readConfigs(
  source: LoraSource,
  file: SafetensorsFile,
): Promise<(component: AdaptedComponent) => PeftLoraConfig | undefined> {
  if (source.configPath !== undefined) {
    const config = parsePeftConfig(
      requireObject(await readJson(source.configPath), source.configPath),
      source.configPath,
    );
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
    configs.set(component, parsePeftConfig(config, where));
  }
  return (component) => configs.get(component);
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new KeepsakeError("input", `${source}: not valid JSON`, { cause });
  }
}

function requireObject(value: unknown, source: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new KeepsakeError("input", `${source}: should be a JSON object`);
}

/**
 * Finds the layer that a key means: by its path, by its component, and by undoing kohya's underscores.
 * @param folderComponent the component that the file's folder is named after, for keys that do not say.
 */
function moduleResolver(
  model: AdaptableModules,
  path: string,
  folderComponent: AdaptedComponent | undefined,
): (meaning: LoraKey, key: string) => { component: AdaptedComponent; module: string } {
  const byUnderscores = new Map<string, string>();
  for (const component of adaptedComponents) {
    for (const module of model[component]?.keys() ?? []) {
      byUnderscores.set(`${component}.${module.replaceAll(".", "_")}`, module);
    }
  }
  return (meaning, key) => {
    if (meaning.naming === "dotted") {
      // Without any component named, a path is the UNet's unless only the text encoder has it.
      const inText = model.unet?.has(meaning.module) !== true && model.text_encoder?.has(meaning.module) === true;
      const guess = inText ? "text_encoder" : "unet";
      return { component: meaning.component ?? folderComponent ?? guess, module: meaning.module };
    }
    const module = byUnderscores.get(`${meaning.component}.${meaning.module}`);
    if (module !== undefined) return { component: meaning.component, module };
    const fault = `the model's ${meaning.component} has no layer for "${key}"`;
    throw new KeepsakeError("input", `${path}: the LoRA was made for another model: ${fault}`);
  };
}

async function readLayer(
  file: SafetensorsFile,
  keys: LayerKeys,
  config: PeftLoraConfig | undefined,
  model: AdaptableModules,
): Promise<LoraLayer> {
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
  };
}

/** The shape as a matrix; 1x1 kernels are dropped, larger ones refused. */
function matrixShape(file: SafetensorsFile, key: string): readonly [number, number] {
  const [rows, columns, ...kernel] = file.info(key).shape;
  if (columns !== undefined && (kernel.length === 0 || (kernel.length === 2 && kernel.every((size) => size === 1)))) {
    return [rows, columns];
  }
  const shape = formatShape(file.info(key).shape);
  if (kernel.length === 2) {
    throw new KeepsakeError(
      "input",
      `${file.path}: "${key}" ${shape} belongs to a LoCon adapter (convolutions larger than 1x1), which is not supported; use a plain LoRA`,
    );
  }
  throw new KeepsakeError("input", `${file.path}: "${key}" should be a matrix, has shape ${shape}`);
}

async function readScalar(file: SafetensorsFile, key: string): Promise<number> {
  const values = await readFinite(file, key);
  if (values.length === 1) return values[0];
  throw new KeepsakeError(
    "input",
    `${file.path}: "${key}" should be one number, has shape ${formatShape(file.info(key).shape)}`,
  );
}

async function readFinite(file: SafetensorsFile, key: string): Promise<Float32Array> {
  const values = await file.readFloat32(key);
  if (values.every(Number.isFinite)) return values;
  throw new KeepsakeError("input", `${file.path}: "${key}" holds NaN or infinity; the training that wrote it failed`);
}
