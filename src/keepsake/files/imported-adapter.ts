/**
 * @file A LoRA from elsewhere as a part of a library's adapter: what it changes in the weights is added to what the
 * library has learned. Into whole matrices it is folded, beside a low-rank pair it is stacked.
 */
import type { Adapter } from "../../adapters/adapter.ts";
import { Lora, type LoraLayer } from "../../adapters/lora.ts";
import { LONGEST_TARGETS, selectModules, TARGET_PRESETS } from "../../adapters/modules.ts";
import { adaptableModules, adapterLayout, type AdapterSettings } from "../../adapters/new-adapter.ts";
import { weightChange } from "../../adapters/stacked-lora.ts";
import type { StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { KeepsakeError } from "../../errors.ts";

/** An adapter, and how it is made. */
export interface AdapterWithImport {
  readonly adapter: Adapter;
  readonly settings: AdapterSettings;
}

const idOf = ({ component, module }: Pick<LoraLayer, "component" | "module">) => `${component}.${module}`;

/**
 * The first adapter of a library: it adapts the smallest usual set of layers that has all of the file's.
 *
 * @throws KeepsakeError ("input") if the layers cannot be recorded
 */
export function adapterOfImport(pipeline: StableDiffusionPipeline, imported: Lora, file: string): AdapterWithImport {
  const settings = { rank: 1, loraAlpha: 1, targets: targetsOf(pipeline, imported, file) };
  return stackedOn(pipeline, undefined, settings, imported);
}

/**
 * A library's adapter with a LoRA added to it.
 *
 * @param owner - of the adapter, for messages
 * @throws KeepsakeError ("state") if the adapter is of another kind, or does not reach all layers of the LoRA
 */
export function adapterWithImport(
  pipeline: StableDiffusionPipeline,
  { adapter, settings }: AdapterWithImport,
  imported: Lora,
  { file, owner }: { readonly file: string; readonly owner: string },
): AdapterWithImport {
  const refuse = (fault: string): never => {
    throw new KeepsakeError("state", `${file} does not fit ${owner}: ${fault}; import it into a new library.`);
  };
  if (!(adapter instanceof Lora)) return refuse(`a LoRA cannot be added to its adapter, a ${adapter.kind}`);
  const own = new Set(adapter.layers.map(idOf));
  const foreign = imported.layers.find((layer) => !own.has(idOf(layer)));
  if (foreign !== undefined) {
    return refuse(`the LoRA changes ${idOf(foreign)}, and the library's adapter only ${settings.targets}`);
  }
  if (adapter.form === "low-rank") return stackedOn(pipeline, adapter, settings, imported);
  return { adapter: foldedInto(adapter, imported), settings };
}

/** Into the matrix D of each layer, which begins B. */
function foldedInto(adapter: Lora, imported: Lora): Lora {
  const result = adapter.withParameters(adapter.parameters);
  const indices = new Map(imported.layers.map((layer, i) => [idOf(layer), i]));
  for (const layer of result.layers) {
    const index = indices.get(idOf(layer));
    if (index === undefined) continue;
    const { rank, inFeatures, loraAlpha, loraB } = layer;
    weightChange(imported, index).forEach((value, i) => {
      loraB[Math.floor(i / inFeatures) * rank + (i % inFeatures)] += (value * rank) / loraAlpha;
    });
  }
  return result;
}

/**
 * A low-rank adapter with further rows of A and columns of B. Where the file has no numbers for them they change
 * nothing yet.
 *
 * @param own - absent: there is none yet
 */
function stackedOn(
  pipeline: StableDiffusionPipeline,
  own: Lora | undefined,
  settings: AdapterSettings,
  imported: Lora,
): AdapterWithImport {
  const first = own === undefined ? 0 : settings.rank;
  const rank = first + Math.max(...imported.layers.map((layer) => layer.rank));
  const scale = own === undefined ? commonScale(imported) : settings.loraAlpha / settings.rank;
  const together = { ...settings, rank, loraAlpha: scale * rank };
  const layout = adapterLayout(pipeline, together);
  if (!(layout instanceof Lora)) throw new Error("a LoRA has another layout");
  const ownLayers = new Map(own?.layers.map((layer) => [idOf(layer), layer]));
  const importedLayers = new Map(imported.layers.map((layer) => [idOf(layer), layer]));
  for (const layer of layout.layers) {
    const before = ownLayers.get(idOf(layer));
    if (before !== undefined) put(layer, before, 0, 1);
    const added = importedLayers.get(idOf(layer));
    if (added !== undefined) put(layer, added, first, added.loraAlpha / added.rank / scale);
  }
  return { adapter: layout, settings: together };
}

/** Writes the A and B of a layer into rows and columns of a wider one. */
function put(target: LoraLayer, { rank, inFeatures, loraA, loraB }: LoraLayer, first: number, factor: number): void {
  target.loraA.set(loraA, first * inFeatures);
  loraB.forEach((value, i) => {
    target.loraB[Math.floor(i / rank) * target.rank + first + (i % rank)] = factor === 1 ? value : factor * value;
  });
}

/** That of all layers if they have one in common, so that their numbers stay as they are; else 1. */
function commonScale({ layers }: Lora): number {
  const scales = new Set(layers.map(({ loraAlpha, rank }) => loraAlpha / rank));
  const [scale] = scales;
  return scales.size === 1 && scale > 0 ? scale : 1;
}

function targetsOf(pipeline: StableDiffusionPipeline, { layers }: Lora, file: string): string {
  const modules = adaptableModules(pipeline);
  const wanted = new Set(layers.map(idOf));
  for (const preset of TARGET_PRESETS) {
    const reached = new Set(selectModules(modules, preset).map(idOf));
    if ([...wanted].every((layer) => reached.has(layer))) return preset;
  }
  const targets = [...new Set(layers.map(({ module }) => module))].join(",");
  if (targets.length <= LONGEST_TARGETS) return targets;
  const fault = "the LoRA changes layers beside those that a library can name (crossattn, attn, all-linear)";
  throw new KeepsakeError("input", `${file}: ${fault}; draw with it by "keepsake generate --lora".`);
}
