/**
 * @file CLIP's vision transformer (transformers: models/clip/modeling_clip.py, `CLIPVisionModel`; Dosovitskiy et al.
 * 2021).
 */
import { type Tensor, add, broadcastTo, concat, reshape, slice } from "../../graph/index.ts";
import type { ClipVisionConfig } from "../config/clip-config.ts";
import { type ModuleContext, conv2dLayer, layerNormLayer, observed, scoped } from "../module.ts";
import { clipEncoder } from "./clip-encoder.ts";
import { toTokens } from "../models/transformer-2d.ts";

export interface ClipVisionOutputs {
  /** `[N, 1 + patches, hiddenSize]`: the class token, then the patches. */
  readonly lastHiddenState: Tensor;
  /** `[N, hiddenSize]`: the class token after post_layernorm. */
  readonly poolerOutput: Tensor;
}

/**
 * @param pixelValues `[N, numChannels, imageSize, imageSize]`, normalised as `clipImageProcessor` does.
 * @throws KeepsakeError when the checkpoint does not fit the config.
 */
export function clipVisionModel(
  context: ModuleContext,
  config: ClipVisionConfig,
  pixelValues: Tensor,
): ClipVisionOutputs {
  const model = scoped(context, "vision_model");
  const embedded = visionEmbeddings(scoped(model, "embeddings"), config, pixelValues);
  // The misspelt name is transformers' own.
  const normed = layerNormLayer(model, "pre_layrnorm", embedded, config.layerNormEps);
  const hiddenStates = clipEncoder(scoped(model, "encoder"), config, normed, { causal: false });
  const lastHiddenState = hiddenStates.at(-1) ?? normed;
  const [batch, , width] = lastHiddenState.shape;
  const classToken = reshape(slice(lastHiddenState, [0, 0, 0], [batch, 1, width]), [batch, width]);
  return { lastHiddenState, poolerOutput: layerNormLayer(model, "post_layernorm", classToken, config.layerNormEps) };
}

function visionEmbeddings(context: ModuleContext, config: ClipVisionConfig, pixelValues: Tensor): Tensor {
  const { hiddenSize, patchSize } = config;
  const batch = pixelValues.shape[0];
  const patches = toTokens(
    conv2dLayer(context, "patch_embedding", pixelValues, hiddenSize, patchSize, { stride: patchSize, bias: false }),
  );
  const classToken = broadcastTo(context.parameter("class_embedding", [hiddenSize]), [batch, 1, hiddenSize]);
  const positions = 1 + (config.imageSize / patchSize) ** 2;
  const positionTable = context.parameter("position_embedding.weight", [positions, hiddenSize]);
  return observed(context, add(concat([classToken, patches], 1), positionTable));
}
