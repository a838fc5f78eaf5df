/**
 * @file Which layers of a model an adapter may change, found from a checkpoint's names and shapes, and the choice among
 * them.
 */
import type { AdaptedComponent } from "../diffusion/module.ts";
import { KeepsakeError } from "../errors.ts";
import { formatShape } from "../graph/index.ts";

/** The components an adapter may change, in the order in which adapters list them. */
export const adaptedComponents: readonly AdaptedComponent[] = ["unet", "text_encoder", "text_encoder_2"];

/** A layer that is one matrix: a linear layer `[out, in]` or a 1x1 convolution `[out, in, 1, 1]`. */
export interface AdaptableModule {
  readonly kind: "linear" | "conv1x1";
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/**
 * The adaptable layers of each component by module path, e.g. `mid_block.attentions.0.transformer_blocks.0.attn2.to_k`.
 */
export type AdaptableModules = Readonly<Partial<Record<AdaptedComponent, ReadonlyMap<string, AdaptableModule>>>>;

/**
 * The linear layers and 1x1 convolutions among the tensors of one component's checkpoint. Embedding tables, which are
 * matrices too, are left out.
 *
 * @param tensors names and shapes, e.g. `SafetensorsFile.tensors.values()`.
 */
export function discoverModules(
  tensors: Iterable<{ readonly name: string; readonly shape: readonly number[] }>,
): Map<string, AdaptableModule> {
  const modules = new Map<string, AdaptableModule>();
  for (const { name, shape } of tensors) {
    const [outFeatures, inFeatures, ...kernel] = shape;
    const matrix = shape.length === 2 || (shape.length === 4 && kernel.every((size) => size === 1));
    if (!matrix || !name.endsWith(".weight") || name.endsWith("embedding.weight")) continue;
    const kind = shape.length === 2 ? "linear" : "conv1x1";
    modules.set(name.slice(0, -".weight".length), { kind, inFeatures, outFeatures });
  }
  return modules;
}

const presets = {
  "crossattn-kv": /\.attn2\.to_[kv]$/,
  crossattn: /\.attn2\.to_(q|k|v|out\.0)$/,
  attn: /\.attn[12]\.to_(q|k|v|out\.0)$|\.self_attn\.(q|k|v|out)_proj$/,
  "unet-linear": /\.attentions\.\d+\./,
  "all-linear": /\.attentions\.\d+\.|\.encoder\.layers\.\d+\./,
};

/** The name of a usual choice of layers: see {@link selectModules}. */
export type TargetPreset = keyof typeof presets;

/** Every preset, the narrowest first. */
export const TARGET_PRESETS: readonly TargetPreset[] = [
  "crossattn-kv",
  "crossattn",
  "attn",
  "unet-linear",
  "all-linear",
];

/** A usual choice of layers, or suffixes of module paths such as `to_q`, `to_out.0`, `ff.net.2`. */
export type AdapterTargets = TargetPreset | readonly string[];

/**
 * The layers that an adapter changes unless told otherwise: the cross-attention's keys and values, as in Custom
 * Diffusion and C-LoRA.
 */
export const DEFAULT_TARGETS: TargetPreset = "crossattn-kv";

/** Reads targets as they are written on a command line: a preset's name, or suffixes separated by commas. */
export function parseTargets(text: string): AdapterTargets {
  const isPreset = (name: string): name is TargetPreset => Object.hasOwn(presets, name);
  const name = text.trim();
  return isPreset(name) ? name : [...new Set(text.split(",").map((suffix) => suffix.trim()))];
}

/** Most characters of targets in their plain form: a library records no more. */
export const LONGEST_TARGETS = 10_000;

/** Targets in the form in which a library records them: nothing comes twice, and there are no blanks. */
export function plainTargets(text: string): string {
  const targets = parseTargets(text);
  return typeof targets === "string" ? targets : targets.join(",");
}

/** One layer to adapt. */
export interface ModuleTarget {
  readonly component: AdaptedComponent;
  readonly module: string;
  readonly shape: AdaptableModule;
}

/**
 * The layers that the targets name:
 * - `crossattn-kv`: attn2.to_k, attn2.to_v;
 * - `crossattn`: attn2.to_q, to_k, to_v, to_out.0;
 * - `attn`: the same of self- and cross-attention, and the text encoder's q_proj, k_proj, v_proj, out_proj;
 * - `unet-linear`: every linear layer and 1x1 convolution of the UNet's attention blocks;
 * - `all-linear`: every linear layer and 1x1 convolution of the UNet's attention blocks and of the text encoder's
 *   layers (the reach of kohya's networks.lora);
 * - suffixes: every module whose path is or ends, at a dot, in one of them.
 *
 * @throws KeepsakeError ("usage") if a preset or a suffix matches no layer.
 */
export function selectModules(model: AdaptableModules, targets: AdapterTargets = DEFAULT_TARGETS): ModuleTarget[] {
  const all = adaptedComponents.flatMap((component) =>
    [...(model[component] ?? [])].map(([module, shape]) => ({ component, module, shape })),
  );
  if (typeof targets === "string") {
    const chosen = all.filter(({ module }) => presets[targets].test(module));
    if (chosen.length === 0) throw new KeepsakeError("usage", `The targets "${targets}" match no layer of this model.`);
    return chosen;
  }
  const matches = (module: string, suffix: string): boolean => module === suffix || module.endsWith(`.${suffix}`);
  for (const suffix of targets) {
    if (!all.some(({ module }) => matches(module, suffix))) {
      const names = Object.keys(presets).join(", ");
      throw new KeepsakeError(
        "usage",
        `The target "${suffix}" matches no layer of this model; use one of ${names}, or endings such as to_q,ff.net.2.`,
      );
    }
  }
  if (targets.length === 0)
    throw new KeepsakeError("usage", "There is no target; name layers to adapt, e.g. crossattn-kv.");
  return all.filter(({ module }) => targets.some((suffix) => matches(module, suffix)));
}

/**
 * The model's layer that a LoRA layer belongs to.
 *
 * @param source what to call the LoRA in an error, usually its file.
 * @throws KeepsakeError ("input") if the model has no such layer, or one of another shape.
 */
export function requireModule(
  model: AdaptableModules,
  { component, module, loraA, loraB }: LoraLayerShapes,
  source: string,
): AdaptableModule {
  const found = model[component]?.get(module);
  const theirs = `lora_A ${formatShape(loraA)}, lora_B ${formatShape(loraB)}`;
  if (!found) {
    const fault = `the model's ${component} has no layer "${module}" (${theirs})`;
    throw new KeepsakeError("input", `${source}: the LoRA was made for another model: ${fault}`);
  }
  if (loraA[1] !== found.inFeatures || loraB[0] !== found.outFeatures) {
    const ours = `weight ${formatShape([found.outFeatures, found.inFeatures])}`;
    const fault = `${component} layer "${module}" has ${theirs} in the file, ${ours} in the model`;
    throw new KeepsakeError("input", `${source}: the LoRA was made for another model: ${fault}`);
  }
  return found;
}

/** Where a LoRA layer belongs, with its shapes `[rank, in]` and `[out, rank]`. */
export interface LoraLayerShapes {
  readonly component: AdaptedComponent;
  readonly module: string;
  readonly loraA: readonly number[];
  readonly loraB: readonly number[];
}
