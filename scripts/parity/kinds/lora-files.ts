/** @file LoRA files of every naming: read, they must be the change of the weights that they all describe. */
import { readdir } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { readLora } from "../../../src/adapters/formats/read.ts";
import { type Lora, type LoraLayer, loraDelta } from "../../../src/adapters/lora.ts";
import { readJson } from "../../../src/io/json.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/safetensors.ts";
import type { ParityCase } from "../case-kind.ts";
import type { Checks } from "../checks.ts";
import { Fields } from "../fields.ts";
import { adaptableModules } from "./lora.ts";
import { listLoraFiles, matchesPattern, parseLoraReference } from "./lora-file.ts";

const rule = { tolerance: 1e-4 };

/** Files `<name>-*` that mean the same change. */
interface LoraGroup {
  readonly name: string;
  /** The model that the JSON names which describes the group. */
  readonly model?: string;
  readonly rank?: number;
  /** File with the changes themselves. */
  readonly deltas?: string;
}

/** What the JSON files of the folder say. */
interface LoraFolder {
  /** Of files that are in no group. */
  readonly model?: string;
  readonly groups: readonly LoraGroup[];
}

/** One case for each LoRA file of the folder. */
export async function loraFileCases(root: string, folder: string): Promise<ParityCase[]> {
  const described = await describeFolder(join(root, folder));
  const files = await listLoraFiles(join(root, folder));
  const pictures = await pictureModels(root);
  return files.map((file) => ({
    name: relative(root, file),
    run: async (tree, checks) => {
      const group = groupOf(file, described.groups);
      const drawn = pictures.find(({ pattern }) => matchesPattern(relative(root, file), pattern));
      const model = drawn?.model ?? group?.model ?? described.model;
      if (model === undefined) throw new Error("no JSON says which model the file is for");
      const modules = await adaptableModules(tree, model);
      const lora = await readLora(file, modules);
      checks.add("layers", lora.layers.length === 0 ? 1 : 0, 0);
      if (group?.rank !== undefined) {
        const { rank } = group;
        checks.equal(
          "ranks",
          lora.layers.map((layer) => layer.rank),
          lora.layers.map(() => rank),
        );
      }
      const reference =
        group && (await referenceDeltas(join(root, folder), group, files, (path) => readLora(path, modules)));
      if (reference !== undefined) compareDeltas(lora, reference, checks);
    },
  }));
}

/** Deltas by module; before those of text encoders stands the name of the component. */
type Deltas = ReadonlyMap<string, Float32Array>;

/** The stored deltas of a group, or those of its first file, so that its files agree with each other. */
async function referenceDeltas(
  folder: string,
  group: LoraGroup,
  files: readonly string[],
  read: (path: string) => Promise<Lora>,
): Promise<Deltas | undefined> {
  if (group.deltas === undefined) {
    const first = files.find((file) => groupOf(file, [group]) !== undefined);
    return first === undefined ? undefined : deltasOf(await read(first));
  }
  const file = await SafetensorsFile.open(join(folder, group.deltas));
  const deltas = new Map<string, Float32Array>();
  for (const name of file.tensors.keys()) deltas.set(name.replace(/\.weight$/, ""), await file.readFloat32(name));
  return deltas;
}

function deltasOf(lora: Lora): Deltas {
  const nameOf = ({ component, module }: LoraLayer) => (component === "unet" ? module : `${component}.${module}`);
  return new Map(lora.layers.map((layer) => [nameOf(layer), loraDelta(layer)]));
}

function compareDeltas(lora: Lora, reference: Deltas, checks: Checks): void {
  const deltas = deltasOf(lora);
  const surplus = [...deltas.keys()].filter((module) => !reference.has(module));
  checks.add("layers without a reference", surplus.length, 0);
  for (const [module, expected] of reference) {
    const delta = deltas.get(module);
    if (delta === undefined) throw new Error(`the file has no layer "${module}"`);
    checks.close(module, delta, expected, rule);
  }
}

async function describeFolder(folder: string): Promise<LoraFolder> {
  const groups: LoraGroup[] = [];
  const models = new Set<string>();
  for (const entry of (await readdir(folder)).filter((name) => name.endsWith(".json"))) {
    const fields = new Fields(entry, await readJson(join(folder, entry)));
    const json = fields.toJson();
    const model = typeof json.model === "string" ? json.model : undefined;
    if (model !== undefined) models.add(model);
    for (const name of fields.names) {
      const value = json[name];
      if (typeof value !== "object" || value === null || !("rank" in value)) continue;
      const group = fields.object(name);
      // "kv-deltas.safetensors: <module>.weight -> alpha/rank * B @ A"
      const deltas = group.optionalString("deltas")?.split(/[:\s]/, 1)[0];
      groups.push({ name, model, rank: group.number("rank"), deltas });
    }
  }
  const [only, ...others] = models;
  return { groups, ...(others.length === 0 && only !== undefined && { model: only }) };
}

function groupOf(file: string, groups: readonly LoraGroup[]): LoraGroup | undefined {
  return groups.find(({ name }) => basename(file).startsWith(`${name}-`));
}

/** Which model the files of a pattern are drawn with. */
interface PictureModel {
  readonly pattern: string;
  readonly model: string;
}

/** What the cases that draw pictures with LoRA files say about them. */
async function pictureModels(root: string): Promise<PictureModel[]> {
  const found: PictureModel[] = [];
  for (const entry of await readdir(root, { recursive: true })) {
    // Pictures are described one folder down; JSON files deeper down belong to models.
    if (!entry.endsWith(".json") || entry.split(sep).length !== 2) continue;
    const json = await readJson(join(root, entry));
    if (typeof json !== "object" || json === null || !("lora" in json) || !("model" in json)) continue;
    const { lora, model } = json;
    if (typeof lora !== "string" || typeof model !== "string") continue;
    found.push({ pattern: parseLoraReference(lora).pattern, model });
  }
  return found;
}
