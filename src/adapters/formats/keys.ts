/**
 * @file Names of tensors in LoRA files: what layer a key belongs to, and which part of it the tensor is. Knows the naming of diffusers
 * (three generations of it), PEFT and kohya's sd-scripts, and says of the kinds it does not support what they are.
 */
import type { AdaptedComponent } from "../../diffusion/module.ts";
import { KeepsakeError } from "../../errors.ts";

/** A key taken apart. */
export type LoraKey = DottedLoraKey | KohyaLoraKey;

export interface DottedLoraKey {
  readonly naming: "dotted";
  /** Undefined where the naming does not say. */
  readonly component: AdaptedComponent | undefined;
  /** Path of the layer. */
  readonly module: string;
  readonly part: LoraPart;
}

export interface KohyaLoraKey {
  readonly naming: "kohya";
  readonly component: AdaptedComponent;
  /** Path of the layer with its dots replaced by underscores. */
  readonly module: string;
  readonly part: LoraPart;
}

/** `magnitude` is DoRA's. */
export type LoraPart = "loraA" | "loraB" | "alpha" | "magnitude";

/** Parts of keys that belong to other kinds of adapters. */
const unsupportedKinds: readonly (readonly [RegExp, string])[] = [
  [/\.hada_/, "a LoHa adapter"],
  [/\.lokr_/, "a LoKr adapter"],
  [/\.dora_scale$/, "a DoRA adapter of kohya's programs"],
  [/\.oft_|\.oft$/, "an OFT adapter"],
  [/\.lora_mid\./, "a LoCon adapter with Tucker decomposition"],
  [/\.diff(_b)?$/, "a full weight difference"],
  [/lora_embedding_[AB]/, "a LoRA of an embedding table"],
  [/\.lora_[AB](\.\w+)?\.bias$|\.lora_up\.bias$|\.lora_down\.bias$/, "a LoRA with biases"],
  [/^bundle_emb\./, "a bundled token embedding"],
  [/^lora_te[123]_|^text_encoder_[23]\./, "a LoRA of SDXL's text encoders"],
  [
    /^lora_unet_(input_blocks|middle_block|output_blocks|label_emb|time_embed)_/,
    "a LoRA with LDM-style (SDXL original) names",
  ],
  [
    /^lora_unet_(double_blocks|single_blocks|joint_blocks)_|^(lora_)?transformer[._]/,
    "a LoRA of a transformer model (SD 3, FLUX)",
  ],
];

const kohyaKey = /^lora_(unet|te)_(.+)\.(lora_down\.weight|lora_up\.weight|alpha)$/;
const dottedKey = /^(.+)\.(?:lora_([AB])(?:\.[^.]+)?|(?:lora|lora_linear_layer)\.(down|up))\.weight$/;
const magnitudeKey = /^(.+)\.lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?$/;
/** diffusers up to 0.21: the pair hangs on the attention's processor instead of on the layer. */
const attentionProcessorKey = /^(.+?)(?:\.processor)?\.to_(q|k|v|out)_lora\.(down|up)\.weight$/;

/**
 * Takes a key apart.
 * @param file named in errors.
 * @throws KeepsakeError ("input") naming file and key for anything but a LoRA of a UNet or a text encoder.
 */
export function parseLoraKey(key: string, file: string): LoraKey {
  for (const [pattern, kind] of unsupportedKinds) {
    if (pattern.test(key)) {
      throw new KeepsakeError(
        "input",
        `${file}: "${key}" belongs to ${kind}, which is not supported; use a plain LoRA`,
      );
    }
  }
  const kohya = kohyaKey.exec(key);
  if (kohya) {
    const [, component, module, tensor] = kohya;
    const part = tensor === "alpha" ? "alpha" : tensor === "lora_down.weight" ? "loraA" : "loraB";
    return { component: component === "te" ? "text_encoder" : "unet", module, naming: "kohya", part };
  }
  const { component, path } = splitPrefix(key);
  if (path.endsWith(".alpha")) {
    return { component, module: layerOf(path.slice(0, -".alpha".length)), naming: "dotted", part: "alpha" };
  }
  const [, magnitudeOf] = magnitudeKey.exec(path) ?? [];
  if (magnitudeOf !== undefined) return { component, module: magnitudeOf, naming: "dotted", part: "magnitude" };
  const processor = attentionProcessorKey.exec(path);
  if (processor) {
    const [, attention, projection, direction] = processor;
    const module = `${attention}.${projectionLayer(attention, projection)}`;
    return { component, module, naming: "dotted", part: direction === "down" ? "loraA" : "loraB" };
  }
  const dotted = dottedKey.exec(path);
  if (dotted) {
    const [, module, letter, direction] = dotted;
    return { component, module, naming: "dotted", part: letter === "A" || direction === "down" ? "loraA" : "loraB" };
  }
  throw new KeepsakeError("input", `${file}: "${key}" is not a name known from LoRA files; is it a LoRA?`);
}

function splitPrefix(key: string): { component: AdaptedComponent | undefined; path: string } {
  if (key.startsWith("unet.")) return { component: "unet", path: key.slice("unet.".length) };
  if (key.startsWith("text_encoder.")) return { component: "text_encoder", path: key.slice("text_encoder.".length) };
  if (key.startsWith("base_model.model.")) return { component: undefined, path: key.slice("base_model.model.".length) };
  return { component: undefined, path: key };
}

/** The layer that the attention processor's `to_q`, `to_k`, `to_v` or `to_out` belongs to. */
function projectionLayer(attention: string, projection: string): string {
  if (attention.endsWith("self_attn")) return `${projection}_proj`;
  return projection === "out" ? "to_out.0" : `to_${projection}`;
}

/** The layer that an alpha hangs on: the same spellings as for the pair. */
function layerOf(path: string): string {
  const processor = /^(.+?)(?:\.processor)?\.to_(q|k|v|out)_lora$/.exec(path);
  if (processor) return `${processor[1]}.${projectionLayer(processor[1], processor[2])}`;
  return path.replace(/\.(lora|lora_linear_layer)$/, "");
}
