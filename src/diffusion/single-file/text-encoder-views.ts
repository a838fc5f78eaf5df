/**
 * @file The text encoders of single-file checkpoints: CLIP's as transformers names it (SD 1.x), OpenCLIP's (SD 2.x;
 * mlfoundations/open_clip: open_clip/transformer.py), whose query, key and value weights are one tensor, or both
 * (SDXL).
 */
import type { TensorInfo } from "../../io/safetensors/safetensors.ts";
import type { ClipTextConfig } from "../config/clip-config.ts";
import type { TensorView } from "../weights.ts";
import { renamedParts } from "./views.ts";

/** CLIP's text encoder. Merges of 2022 leave out `text_model.`. */
export function clipViews(name: string): readonly TensorView[] {
  const path = name.replace(/^text_model\./, "");
  const isPart = /^(embeddings|encoder|final_layer_norm)\./.test(path) && !path.endsWith(".position_ids");
  return isPart ? [{ name: `text_model.${path}` }] : [];
}

const openClipParts: Readonly<Record<string, string>> = {
  token_embedding: "embeddings.token_embedding",
  ln_final: "final_layer_norm",
};

const openClipLayerParts: Readonly<Record<string, string>> = {
  ln_1: "layer_norm1",
  ln_2: "layer_norm2",
  "mlp.c_fc": "mlp.fc1",
  "mlp.c_proj": "mlp.fc2",
  "attn.out_proj": "self_attn.out_proj",
};

/**
 * What a tensor of the file is to OpenCLIP's text encoder. The last layers of the file, which the config leaves out,
 * are no part of it: SD 2.x is conditioned on the last but one.
 * @param name the stored name without the encoder's prefix.
 */
export function openClipViews(
  config: Pick<ClipTextConfig, "numHiddenLayers" | "projectionDim">,
): (name: string, stored: TensorInfo) => readonly TensorView[] {
  return (stored, { shape }) => {
    if (stored === "positional_embedding") return [{ name: "text_model.embeddings.position_embedding.weight" }];
    if (stored === "text_projection") {
      return config.projectionDim === undefined ? [] : [{ name: "text_projection.weight", isTransposed: true }];
    }
    const part = renamedParts(stored, openClipParts);
    if (part !== undefined) return [{ name: `text_model.${part}` }];
    const [, layer = "", rest = ""] = /^transformer\.resblocks\.(\d+)\.(.+)$/.exec(stored) ?? [];
    if (layer === "" || Number(layer) >= config.numHiddenLayers) return [];
    const path = `text_model.encoder.layers.${layer}.`;
    const [, end] = /^attn\.in_proj_(weight|bias)$/.exec(rest) ?? [];
    if (end !== undefined) return threeParts(`${path}self_attn.`, end, shape);
    const layerPart = renamedParts(rest, openClipLayerParts);
    return layerPart === undefined ? [] : [{ name: `${path}${layerPart}` }];
  };
}

/** Query, key and value, one below the other. */
function threeParts(path: string, end: string, [rows = 0, ...columns]: readonly number[]): TensorView[] {
  const shape = [rows / 3, ...columns];
  const size = shape.reduce((a, b) => a * b, 1);
  // What does not divide keeps a shape that fits no config, and is refused as that.
  const isWhole = Number.isInteger(rows / 3);
  return ["q_proj", "k_proj", "v_proj"].map((part, i) => {
    const name = `${path}${part}.${end}`;
    return isWhole ? { name, shape, firstElement: i * size } : { name };
  });
}
