/**
 * @file The UNet of Stable Diffusion 1.x, 2.x, SDXL, BK-SDM, SSD-1B and LCM (diffusers:
 * models/unets/unet_2d_condition.py; Rombach et al. 2022, Podell et al. 2023).
 */
import { KeepsakeError } from "../../errors.ts";
import { type Tensor, add, concat, mul, silu, sub } from "../../graph/index.ts";
import type { UNet2DConditionConfig } from "../config/unet-2d-condition-config.ts";
import { type ModuleContext, conv2dLayer, groupNormLayer, scoped } from "../module.ts";
import { timestepEmbedding } from "./embeddings.ts";
import { spatialSize } from "./resnet.ts";
import type { Transformer2DOptions } from "./transformer-2d.ts";
import { type UNetConditioning, downBlock2D, midBlock2D, upBlock2D } from "./unet-2d-blocks.ts";

export interface UNet2DConditionInputs {
  /** Noisy latents `[N, inChannels, H, W]`, of any height and width. */
  readonly sample: Tensor;
  /** `[N, blockOutChannels[0]]`, made by `timestepProjection`. */
  readonly timestepProjection: Tensor;
  /** `[N, S, crossAttentionDim]`, any number S of context tokens. */
  readonly encoderHiddenStates: Tensor;
  /** SDXL: pooled text embeddings `[N, width]`. */
  readonly textEmbeds?: Tensor;
  /** SDXL: `[N, 6 * additionTimeEmbedDim]`, the `timestepProjection` of each of the six time ids, side by side. */
  readonly timeIdsProjection?: Tensor;
  /**
   * LCM: `[N, timeCondProjDim]`, the `guidanceScaleEmbedding` of each item. Without it, guidance has no part in the
   * prediction.
   */
  readonly timestepCond?: Tensor;
}

/**
 * Predicts the noise, or whatever the scheduler's prediction type says, `[N, outChannels, H, W]`.
 * @param options `checkpointing`: recompute residual blocks and transformers in the backward pass (less memory, about a
 *   third more time).
 * @throws KeepsakeError when the checkpoint does not fit the config, or SDXL's additional inputs are missing.
 */
export function unet2DConditionModel(
  context: ModuleContext,
  config: UNet2DConditionConfig,
  inputs: UNet2DConditionInputs,
  options: { readonly checkpointing?: boolean } = {},
): Tensor {
  checkSize(inputs.sample, config);
  const conditioning: UNetConditioning = {
    timeEmbedding: timeEmbedding(context, config, inputs),
    encoderHiddenStates: inputs.encoderHiddenStates,
    checkpointing: options.checkpointing ?? false,
  };
  const levels = levelOptions(config);
  const lastLevel = levels.length - 1;
  const { transformerLayers } = config;
  /** The transformers of a block, or of none. */
  const transformers = (isWanted: boolean, level: number, depths: readonly number[]) =>
    isWanted ? depths.map((layers) => ({ ...at(levels, level).attention, layers })) : undefined;

  const sample = config.centerInputSample ? sub(mul(inputs.sample, 2), 1) : inputs.sample;
  let hidden = conv2dLayer(context, "conv_in", sample, at(levels, 0).resnet.outChannels, config.convInKernel, {
    padding: (config.convInKernel - 1) / 2,
  });

  const skips = [hidden];
  for (const [level, { layers, resnet }] of levels.entries()) {
    const down = downBlock2D(scoped(context, `down_blocks.${level}`), hidden, conditioning, {
      layers,
      resnet,
      attention: transformers(
        config.downBlockTypes[level] === "CrossAttnDownBlock2D",
        level,
        at(transformerLayers.down, level),
      ),
      downsamplePadding: level < lastLevel ? config.downsamplePadding : undefined,
    });
    hidden = down.hidden;
    skips.push(...down.states);
  }

  if (config.midBlockType !== null) {
    const isCrossAttn = config.midBlockType === "UNetMidBlock2DCrossAttn";
    hidden = midBlock2D(scoped(context, "mid_block"), hidden, conditioning, {
      resnet: at(levels, lastLevel).resnet,
      attention: transformers(isCrossAttn, lastLevel, [transformerLayers.mid])?.[0],
    });
  }

  for (const [block, type] of config.upBlockTypes.entries()) {
    const { layers, resnet } = at(levels, lastLevel - block);
    const blockSkips = skips.splice(-(layers + 1)).reverse();
    const nextSkip = skips.at(-1);
    hidden = upBlock2D(scoped(context, `up_blocks.${block}`), hidden, blockSkips, conditioning, {
      layers: layers + 1,
      resnet,
      attention: transformers(type === "CrossAttnUpBlock2D", lastLevel - block, at(transformerLayers.up, block)),
      upsampleTo: nextSkip && spatialSize(nextSkip),
    });
  }

  hidden = silu(groupNormLayer(context, "conv_norm_out", hidden, config.normNumGroups, config.normEps));
  return conv2dLayer(context, "conv_out", hidden, config.outChannels, config.convOutKernel, {
    padding: (config.convOutKernel - 1) / 2,
  });
}

function timeEmbedding(context: ModuleContext, config: UNet2DConditionConfig, inputs: UNet2DConditionInputs): Tensor {
  const width = config.timeEmbeddingDim;
  const { timestepProjection, timestepCond } = inputs;
  const embedding = timestepEmbedding(scoped(context, "time_embedding"), timestepProjection, width, timestepCond);
  if (config.textTime === undefined) return embedding;
  if (inputs.textEmbeds === undefined || inputs.timeIdsProjection === undefined) {
    throw new KeepsakeError("input", "This UNet (addition_embed_type text_time) needs textEmbeds and time ids.");
  }
  const added = concat([inputs.textEmbeds, inputs.timeIdsProjection], 1);
  return add(embedding, timestepEmbedding(scoped(context, "add_embedding"), added, width));
}

/** The options of each level, from the highest resolution to the lowest. */
function levelOptions(config: UNet2DConditionConfig) {
  const groups = config.normNumGroups;
  return config.blockOutChannels.map((outChannels, level) => {
    const attention: Omit<Transformer2DOptions, "layers"> = {
      heads: at(config.attentionHeads, level),
      groups,
      useLinearProjection: config.useLinearProjection,
    };
    return {
      layers: at(config.layersPerBlock, level),
      resnet: { outChannels, groups, eps: config.normEps },
      attention,
    };
  });
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`No level ${index} of ${items.length}`);
  return item;
}

/**
 * @throws KeepsakeError ("usage") for latents that become smaller than a convolution on their way down; with padding
 * none do
 */
function checkSize(sample: Tensor, { downsamplePadding, blockOutChannels }: UNet2DConditionConfig): void {
  const [height, width] = spatialSize(sample);
  const least = 2 ** (blockOutChannels.length - 1);
  if (downsamplePadding > 0 || Math.min(height, width) >= least) return;
  const fault = `A picture with latents of ${width}x${height} is too small for this UNet`;
  throw new KeepsakeError("usage", `${fault}, which needs ${least}x${least} (its downsample_padding is 0); ask for a larger one.`);
}
