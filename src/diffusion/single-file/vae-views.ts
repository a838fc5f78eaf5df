/**
 * @file A VAE in the layout of the original code (CompVis/stable-diffusion: ldm/modules/diffusionmodules/model.py): the
 * names that diffusers has for its parts, and the attention's 1x1 convolutions as matrices.
 */
import type { TensorInfo } from "../../io/safetensors/safetensors.ts";
import type { AutoencoderKlConfig } from "../config/autoencoder-kl-config.ts";
import type { TensorView } from "../weights.ts";
import { matrixOrConvolution, renamedParts } from "./views.ts";

const attentionParts: Readonly<Record<string, string>> = {
  norm: "group_norm",
  q: "to_q",
  k: "to_k",
  v: "to_v",
  proj_out: "to_out.0",
};

const partsOfAName = [
  [/\.norm_out\./, ".conv_norm_out."],
  [/\.mid\.block_1\./, ".mid_block.resnets.0."],
  [/\.mid\.block_2\./, ".mid_block.resnets.1."],
  [/\.(\d+)\.block\.(\d+)\./, ".$1.resnets.$2."],
  [/\.nin_shortcut\./, ".conv_shortcut."],
  [/\.downsample\.conv\./, ".downsamplers.0.conv."],
  [/\.upsample\.conv\./, ".upsamplers.0.conv."],
] as const;

/**
 * What a tensor of the file is to a VAE of this config; nothing if it is no part of it.
 * @param name the stored name without the VAE's prefix.
 */
export function vaeViews(
  config: Pick<AutoencoderKlConfig, "blockOutChannels">,
): (name: string, stored: TensorInfo) => readonly TensorView[] {
  const lastLevel = config.blockOutChannels.length - 1;
  return (stored, { shape }) => {
    if (!/^(encoder|decoder|quant_conv|post_quant_conv)\./.test(stored)) return [];
    const [, path = "", attention = ""] = /^(encoder\.|decoder\.)mid\.attn_1\.(.+)$/.exec(stored) ?? [];
    if (attention !== "") {
      const part = renamedParts(attention, attentionParts);
      if (part === undefined) return [];
      return [{ name: `${path}mid_block.attentions.0.${part}`, shape: matrixOrConvolution(shape, "matrix") }];
    }
    const numbered = stored
      .replace(/^encoder\.down\.(\d+)\./, "encoder.down_blocks.$1.")
      // The original code counts the decoder's levels as the encoder's: the highest resolution, which comes last, is 0.
      .replace(/^decoder\.up\.(\d+)\./, (_, level: string) => `decoder.up_blocks.${lastLevel - Number(level)}.`);
    return [{ name: partsOfAName.reduce((name, [from, to]) => name.replace(from, to), numbered) }];
  };
}
