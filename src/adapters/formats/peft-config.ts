/**
 * @file PEFT's LoraConfig as it travels with files (adapter_config.json, or diffusers' `lora_adapter_metadata` in the
 * safetensors header): rank and alpha of each layer, read and written.
 */
import { KeepsakeError, shown } from "../../errors.ts";
import type { LoraLayer } from "../lora.ts";

/** What a LoraConfig says about rank and alpha. */
export interface PeftLoraConfig {
  readonly rank: number;
  readonly loraAlpha: number;
  readonly rankPattern: ReadonlyMap<string, number>;
  readonly alphaPattern: ReadonlyMap<string, number>;
  /** Rank-stabilised: the change is scaled by alpha / sqrt(rank). */
  readonly useRslora: boolean;
  readonly useDora: boolean;
}

/** A layer of A and B, and of DoRA's length. */
export interface LoraOrDoraLayer extends LoraLayer {
  /** Of a DoRA, `[outFeatures]`. */
  readonly magnitude?: Float32Array;
}

/**
 * Reads a LoraConfig.
 * @param source what to call it in errors: the file, and where in it.
 * @param allowDora whether `use_dora` may be set.
 * @throws KeepsakeError ("input") for settings that change what the tensors mean and are not supported.
 */
export function parsePeftConfig(
  config: Readonly<Record<string, unknown>>,
  source: string,
  allowDora = false,
): PeftLoraConfig {
  const refuse = (key: string): never => {
    throw new KeepsakeError("input", `${source}: ${key} = ${shown(config[key])} is not supported; use a plain LoRA`);
  };
  if (config["peft_type"] !== undefined && config["peft_type"] !== "LORA") refuse("peft_type");
  if (config["bias"] !== undefined && config["bias"] !== "none") refuse("bias");
  for (const key of [...(allowDora ? [] : ["use_dora"]), "fan_in_fan_out", "lora_bias"]) {
    if (config[key] !== undefined && config[key] !== null && config[key] !== false) refuse(key);
  }
  const rank = requireNumber(config["r"], "r", source);
  if (!Number.isInteger(rank) || rank < 1) refuse("r");
  return {
    rank,
    loraAlpha: requireNumber(config["lora_alpha"], "lora_alpha", source),
    rankPattern: requirePattern(config["rank_pattern"], "rank_pattern", source),
    alphaPattern: requirePattern(config["alpha_pattern"], "alpha_pattern", source),
    useRslora: config["use_rslora"] === true,
    useDora: config["use_dora"] === true,
  };
}

/**
 * The alpha of a layer whose change is `alpha / rank * B A`.
 * @param rank the rank that the layer's tensors have.
 * @throws KeepsakeError ("input") if the config gives the layer another rank.
 */
export function alphaFromPeftConfig(config: PeftLoraConfig, module: string, rank: number, source: string): number {
  const stated = lookUp(config.rankPattern, module) ?? config.rank;
  if (stated !== rank) {
    const fault = `the LoRA's settings say rank ${stated} for "${module}", its tensors have rank ${rank}`;
    throw new KeepsakeError("input", `${source}: ${fault}`);
  }
  const alpha = lookUp(config.alphaPattern, module) ?? config.loraAlpha;
  return config.useRslora ? alpha * Math.sqrt(rank) : alpha;
}

/**
 * PEFT matches a pattern's keys as endings of the module's path (`peft: utils/other.py: get_pattern_key`); the first
 * wins.
 */
function lookUp(pattern: ReadonlyMap<string, number>, module: string): number | undefined {
  for (const [key, value] of pattern) {
    const path = key.startsWith("^") ? key.slice(1) : key;
    if (module === path || (path === key && module.endsWith(`.${path}`))) return value;
  }
  return undefined;
}

function requireNumber(value: unknown, key: string, source: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new KeepsakeError("input", `${source}: ${key} should be a number, is ${shown(value)}`);
}

function requirePattern(value: unknown, key: string, source: string): Map<string, number> {
  if (value === undefined || value === null) return new Map();
  if (typeof value !== "object") throw new KeepsakeError("input", `${source}: ${key} should map layers to numbers`);
  return new Map(
    Object.entries(value).map(([path, number]) => {
      // Keys may be regular expressions; those of files in the wild are plain paths.
      if (!/^\^?[\w.]+$/.test(path)) {
        throw new KeepsakeError(
          "input",
          `${source}: the pattern ${shown(path)} in ${key} is not supported; use module paths`,
        );
      }
      return [path, requireNumber(number, `${key} of ${shown(path)}`, source)];
    }),
  );
}

/**
 * The LoraConfig of one component's layers, with the keys that diffusers writes, sorted. Holds nothing about training
 * data. The commonest rank and alpha are the config's own; layers with others are listed in the patterns.
 */
export function writePeftConfig(layers: readonly LoraOrDoraLayer[]): Record<string, unknown> {
  const rank = commonest(layers.map((layer) => layer.rank));
  const loraAlpha = commonest(layers.map((layer) => layer.loraAlpha));
  const exceptions = (of: (layer: LoraLayer) => number, usual: number): Record<string, number> =>
    Object.fromEntries(layers.filter((layer) => of(layer) !== usual).map((layer) => [layer.module, of(layer)]));
  return {
    alpha_pattern: exceptions((layer) => layer.loraAlpha, loraAlpha),
    bias: "none",
    init_lora_weights: true,
    lora_alpha: loraAlpha,
    lora_dropout: 0,
    peft_type: "LORA",
    r: rank,
    rank_pattern: exceptions((layer) => layer.rank, rank),
    target_modules: layers.map((layer) => layer.module),
    ...(layers.some((layer) => layer.magnitude !== undefined) && { use_dora: true }),
    use_rslora: false,
  };
}

/** The value that occurs most often, the first of them on a tie. */
export function commonest(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best: [number, number] = [1, 0];
  for (const entry of counts) if (entry[1] > best[1]) best = entry;
  return best[0];
}
