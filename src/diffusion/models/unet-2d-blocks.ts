/**
 * @file The blocks of the UNet's two sides and its middle (diffusers: models/unets/unet_2d_blocks.py). A block with
 * `attention` is the CrossAttn- variant: a transformer follows every residual block.
 */
import { type Tensor, checkpoint, concat } from "../../graph/index.ts";
import { type ModuleContext, observed, scoped } from "../module.ts";
import { type ResnetBlockOptions, downsample2D, resnetBlock2D, upsample2D } from "./resnet.ts";
import { type Transformer2DOptions, transformer2DModel } from "./transformer-2d.ts";

/** What every block of one UNet call shares. */
export interface UNetConditioning {
  /** `[N, width]` */
  readonly timeEmbedding: Tensor;
  /** `[N, S, crossAttentionDim]` */
  readonly encoderHiddenStates: Tensor;
  /** Recompute each residual block and transformer in the backward pass instead of keeping its activations. */
  readonly checkpointing: boolean;
}

export interface UNetBlockOptions {
  readonly layers: number;
  readonly resnet: ResnetBlockOptions;
  /** One for each layer. */
  readonly attention?: readonly Transformer2DOptions[];
}

/**
 * (CrossAttn)DownBlock2D. `states` are the outputs of its layers, which the other side of the UNet will concatenate.
 */
export function downBlock2D(
  context: ModuleContext,
  x: Tensor,
  conditioning: UNetConditioning,
  options: UNetBlockOptions & { readonly downsamplePadding?: number },
): { hidden: Tensor; states: Tensor[] } {
  let hidden = x;
  const states: Tensor[] = [];
  for (let layer = 0; layer < options.layers; layer++) {
    hidden = resnet(context, layer, [hidden], conditioning, options.resnet);
    hidden = crossAttention(context, layer, hidden, conditioning, options.attention?.[layer]);
    states.push(hidden);
  }
  if (options.downsamplePadding !== undefined) {
    hidden = downsample2D(
      scoped(context, "downsamplers.0"),
      hidden,
      options.resnet.outChannels,
      options.downsamplePadding,
    );
    states.push(hidden);
  }
  return { hidden: observed(context, hidden), states };
}

/** UNetMidBlock2DCrossAttn: a residual block, a transformer, a residual block. UNetMidBlock2D: one residual block. */
export function midBlock2D(
  context: ModuleContext,
  x: Tensor,
  conditioning: UNetConditioning,
  options: { readonly resnet: ResnetBlockOptions; readonly attention?: Transformer2DOptions },
): Tensor {
  let hidden = resnet(context, 0, [x], conditioning, options.resnet);
  if (options.attention === undefined) return observed(context, hidden);
  hidden = crossAttention(context, 0, hidden, conditioning, options.attention);
  return observed(context, resnet(context, 1, [hidden], conditioning, options.resnet));
}

/**
 * (CrossAttn)UpBlock2D.
 * @param skips the states of the matching down block, in the order in which they are used (the last one first).
 * @param upsampleTo height and width of the next level; absent in the last block. It is the size of that level's skip
 *   tensors, which is not always twice this one's.
 */
export function upBlock2D(
  context: ModuleContext,
  x: Tensor,
  skips: readonly Tensor[],
  conditioning: UNetConditioning,
  options: UNetBlockOptions & { readonly upsampleTo?: readonly [number, number] },
): Tensor {
  let hidden = x;
  for (const [layer, skip] of skips.entries()) {
    hidden = resnet(context, layer, [hidden, skip], conditioning, options.resnet);
    hidden = crossAttention(context, layer, hidden, conditioning, options.attention?.[layer]);
  }
  if (options.upsampleTo !== undefined) {
    hidden = upsample2D(scoped(context, "upsamplers.0"), hidden, options.resnet.outChannels, options.upsampleTo);
  }
  return observed(context, hidden);
}

/**
 * A residual block on `parts`, joined along the channels: joining is done again in a recomputation, so the joined
 * tensor is not kept.
 */
function resnet(
  context: ModuleContext,
  layer: number,
  parts: readonly Tensor[],
  { timeEmbedding, checkpointing }: UNetConditioning,
  options: ResnetBlockOptions,
): Tensor {
  const block = (time: Tensor, ...hidden: Tensor[]): Tensor =>
    resnetBlock2D(scoped(context, `resnets.${layer}`), concat(hidden, 1), time, options);
  return maybeCheckpoint(checkpointing, block, timeEmbedding, ...parts);
}

function crossAttention(
  context: ModuleContext,
  layer: number,
  x: Tensor,
  { encoderHiddenStates, checkpointing }: UNetConditioning,
  options: Transformer2DOptions | undefined,
): Tensor {
  if (options === undefined) return x;
  const block = (states: Tensor, hidden: Tensor): Tensor =>
    transformer2DModel(scoped(context, `attentions.${layer}`), hidden, states, options);
  return maybeCheckpoint(checkpointing, block, encoderHiddenStates, x);
}

function maybeCheckpoint(checkpointing: boolean, block: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor {
  return checkpointing ? checkpoint(block, inputs) : block(...inputs);
}
