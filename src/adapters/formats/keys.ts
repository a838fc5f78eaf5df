/**
 * @file Names of tensors in LoRA files: what layer a key belongs to, and which part of it the tensor is. Knows the
 * naming of diffusers (three generations of it), PEFT, kohya's sd-scripts, OneTrainer and ComfyUI, and says of the
 * kinds it does not support what they are.
 */
import type { AdaptedComponent } from "../../diffusion/module.ts";
import { KeepsakeError, shown } from "../../errors.ts";

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
  [/[._]hada_/, "a LoHa adapter"],
  [/[._]lokr_/, "a LoKr adapter"],
  [/[._]b?oft_|\.oft$/, "an OFT adapter"],
  [/[._]ia3_|\.on_input$/, "an IA3 adapter"],
  [/\.[ab][12]\.weight$/, "a GLoRA adapter"],
  [/[._]lora_E(\.|$)/, "an AdaLoRA adapter"],
  [/[._](hra_u|vblora_|fourierft_|randlora_|bone_|miss_|c3a_|shira_)/, "another kind of PEFT adapter"],
  [/\.lora_[AB]\.\d+$/, "a DyLoRA adapter"],
  [/[._]lora_mid(\.|$)/, "a LoCon adapter with Tucker decomposition"],
  [/\.scalar$/, "a LyCORIS adapter with trained scales"],
  [/\.[wb]_norm$/, "an adapter with norms"],
  [/\.(diff(_b)?|set_weight|reshape_weight)$/, "a full weight difference"],
  [/lora_embedding_[AB]/, "a LoRA of an embedding table"],
  [/\.lora_[AB](\.\w+)?\.bias$|\.lora_up\.bias$|\.lora_down\.bias$/, "a LoRA with biases"],
  [/^emb_params$/, "a textual-inversion embedding"],
  [/^lora_te3[._]|^text_encoder_3\.|^(text_encoders\.)?(t5|t5xxl)\./, "a LoRA of a T5 text encoder (SD 3, FLUX)"],
  [
    /(^|[._])(double_blocks|single_blocks|joint_blocks|single_transformer_blocks)[._]|^(lora_)?transformer[._]/,
    "a LoRA of a transformer model (SD 3, FLUX)",
  ],
  [/^lllite_|^(lora_)?controlnet|^control_model\./, "a ControlNet"],
  [/^(image_proj|ip_adapter)\./, "an IP-Adapter"],
  [/[._]motion_modules[._]/, "a motion LoRA of AnimateDiff"],
  [/^(model\.diffusion_model|first_stage_model|cond_stage_model)\./, "a whole model"],
];

const kohyaKey =
  /^lora_(unet|te|te1|te2)_([^.]+)\.(lora_down\.weight|lora_up\.weight|lora_A\.weight|lora_B\.weight|alpha|dora_scale)$/;
const dottedKey = /^(.+)\.(?:lora_([AB])(?:\.[^.]+)?|(?:lora[._]|lora_linear_layer\.)(down|up))\.weight$/;
const magnitudeKey = /^(.+)\.(?:lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?|dora_scale)$/;
/** diffusers up to 0.21: the pair hangs on the attention's processor instead of on the layer. */
const attentionProcessorKey = /^(.+?)(?:\.processor)?\.to_(q|k|v|out)_lora\.(down|up)\.weight$/;

/**
 * What keys with dots begin with: of diffusers, of OneTrainer (both `lora_unet.` and, in its OMI files, `clip_l.`), of
 * ComfyUI.
 */
const componentPrefixes: readonly (readonly [RegExp, AdaptedComponent])[] = [
  [/^(unet|lora_unet|diffusion_model)\./, "unet"],
  [/^(text_encoder|lora_te1?|(text_encoders\.)?clip_l(\.transformer)?)\./, "text_encoder"],
  [/^(text_encoder_2|lora_te2|(text_encoders\.)?clip_g(\.transformer)?)\./, "text_encoder_2"],
];
const peftPrefix = /^base_model\.model\./;

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
        `${file}: ${shown(key, 200)} belongs to ${kind}, which is not supported; use a plain LoRA`,
      );
    }
  }
  const kohya = kohyaKey.exec(key);
  if (kohya) {
    const [, component, module, tensor] = kohya;
    return {
      component: kohyaComponents[component],
      module,
      naming: "kohya",
      part: kohyaParts[tensor],
    };
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
  throw new KeepsakeError("input", `${file}: ${shown(key, 200)} is not a name known from LoRA files; is it a LoRA?`);
}

const kohyaComponents: Readonly<Record<string, AdaptedComponent>> = {
  unet: "unet",
  te: "text_encoder",
  te1: "text_encoder",
  te2: "text_encoder_2",
};

const kohyaParts: Readonly<Record<string, LoraPart>> = {
  "lora_down.weight": "loraA",
  "lora_A.weight": "loraA",
  "lora_up.weight": "loraB",
  "lora_B.weight": "loraB",
  alpha: "alpha",
  dora_scale: "magnitude",
};

function splitPrefix(key: string): { component: AdaptedComponent | undefined; path: string } {
  const path = key.replace(peftPrefix, "");
  for (const [pattern, component] of componentPrefixes) {
    if (pattern.test(path)) return { component, path: path.replace(pattern, "").replace(peftPrefix, "") };
  }
  return { component: undefined, path };
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
