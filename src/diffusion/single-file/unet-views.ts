/**
 * @file A UNet in the layout of the original code (CompVis/stable-diffusion:
 * ldm/modules/diffusionmodules/openaimodel.py), which numbers its blocks through: the names that diffusers has for
 * them.
 */
import type { TensorInfo } from "../../io/safetensors/safetensors.ts";
import type { UNet2DConditionConfig } from "../config/unet-2d-condition-config.ts";
import type { TensorView } from "../weights.ts";
import { matrixOrConvolution, renamedParts } from "./views.ts";

/** Where a numbered block stands; without a layer it is what follows the layers: a downsampler. */
interface Place {
  readonly block: string;
  readonly layer?: number;
}

const resnetParts: Readonly<Record<string, string>> = {
  "in_layers.0": "norm1",
  "in_layers.2": "conv1",
  "emb_layers.1": "time_emb_proj",
  "out_layers.0": "norm2",
  "out_layers.3": "conv2",
  skip_connection: "conv_shortcut",
};

const partsOutside: Readonly<Record<string, string>> = {
  "time_embed.0": "time_embedding.linear_1",
  "time_embed.2": "time_embedding.linear_2",
  "label_emb.0.0": "add_embedding.linear_1",
  "label_emb.0.2": "add_embedding.linear_2",
  "input_blocks.0.0": "conv_in",
  "out.0": "conv_norm_out",
  "out.2": "conv_out",
};

/**
 * What a tensor of the file is to a UNet of this config; nothing if it is no part of it.
 * @param name the stored name without the UNet's prefix.
 */
export function unetViews(
  config: Pick<UNet2DConditionConfig, "layersPerBlock" | "useLinearProjection">,
): (name: string, stored: TensorInfo) => readonly TensorView[] {
  const nameOf = unetNames(config.layersPerBlock);
  return (stored, { shape }) => {
    const name = nameOf(stored);
    if (name === undefined) return [];
    if (!/\.proj_(in|out)\.weight$/.test(name)) return [{ name }];
    return [{ name, shape: matrixOrConvolution(shape, config.useLinearProjection ? "matrix" : "convolution") }];
  };
}

function unetNames(layersPerBlock: readonly number[]): (name: string) => string | undefined {
  const levels = layersPerBlock.length;
  const down = layersPerBlock.flatMap((layers, level): Place[] => {
    const block = `down_blocks.${level}`;
    const places = Array.from({ length: layers }, (_, layer): Place => ({ block, layer }));
    return level < levels - 1 ? [...places, { block }] : places;
  });
  const up = layersPerBlock
    .toReversed()
    .flatMap((layers, level) =>
      Array.from({ length: layers + 1 }, (_, layer): Place => ({ block: `up_blocks.${level}`, layer })),
    );
  return (name) => {
    const outside = renamedParts(name, partsOutside);
    if (outside !== undefined) return outside;
    const [, side = "", first = "", second = "", rest = ""] =
      /^(input_blocks|output_blocks|middle_block)\.(\d+)(?:\.(\d+))?\.(.+)$/.exec(name) ?? [];
    if (side === "middle_block") return middleName(Number(first), name.slice(`middle_block.${first}.`.length));
    const places = side === "input_blocks" ? [undefined, ...down] : up;
    const place = places[Number(first)];
    return side === "" || place === undefined ? undefined : placedName(place, Number(second), rest);
  };
}

function placedName({ block, layer }: Place, part: number, rest: string): string | undefined {
  if (layer === undefined) return rest.startsWith("op.") ? `${block}.downsamplers.0.conv.${rest.slice(3)}` : undefined;
  if (part === 0) return resnetName(`${block}.resnets.${layer}`, rest);
  // The last layer of an up block has its upsampler after what attention there may be.
  return rest.startsWith("conv.") ? `${block}.upsamplers.0.${rest}` : `${block}.attentions.${layer}.${rest}`;
}

function middleName(part: number, rest: string): string | undefined {
  if (part === 1) return `mid_block.attentions.0.${rest}`;
  return resnetName(`mid_block.resnets.${part === 0 ? 0 : 1}`, rest);
}

function resnetName(resnet: string, rest: string): string | undefined {
  const part = renamedParts(rest, resnetParts);
  return part === undefined ? undefined : `${resnet}.${part}`;
}
