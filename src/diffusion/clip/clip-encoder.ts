/**
 * @file The transformer that CLIP's text and vision towers share (Radford et al. 2021; transformers:
 * models/clip/modeling_clip.py, `CLIPEncoder`).
 */
import { type Tensor, add, attention, gelu, quickGelu } from "../../graph/index.ts";
import type { ClipEncoderConfig } from "../config/clip-config.ts";
import { type ModuleContext, layerNormLayer, linearLayer, observed, scoped } from "../module.ts";

/**
 * @param x `[N, T, hiddenSize]`
 * @param options `causal`: every position sees only itself and earlier ones (text).
 * @returns the hidden states: the input, then the output of every layer.
 */
export function clipEncoder(
  context: ModuleContext,
  config: ClipEncoderConfig,
  x: Tensor,
  options: { readonly causal: boolean },
): [Tensor, ...Tensor[]] {
  const hiddenStates: [Tensor, ...Tensor[]] = [x];
  let hidden = x;
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    hidden = clipEncoderLayer(scoped(context, `layers.${layer}`), config, hidden, options.causal);
    hiddenStates.push(hidden);
  }
  return hiddenStates;
}

function clipEncoderLayer(context: ModuleContext, config: ClipEncoderConfig, x: Tensor, causal: boolean): Tensor {
  const norm1 = layerNormLayer(context, "layer_norm1", x, config.layerNormEps);
  const hidden = add(clipAttention(scoped(context, "self_attn"), config, norm1, causal), x);
  const norm2 = layerNormLayer(context, "layer_norm2", hidden, config.layerNormEps);
  return observed(context, add(clipMlp(scoped(context, "mlp"), config, norm2), hidden));
}

function clipAttention(context: ModuleContext, config: ClipEncoderConfig, x: Tensor, causal: boolean): Tensor {
  const width = config.hiddenSize;
  const query = linearLayer(context, "q_proj", x, width);
  const key = linearLayer(context, "k_proj", x, width);
  const value = linearLayer(context, "v_proj", x, width);
  const attended = attention(query, key, value, { heads: config.numAttentionHeads, causal });
  return observed(context, linearLayer(context, "out_proj", attended, width));
}

function clipMlp(context: ModuleContext, config: ClipEncoderConfig, x: Tensor): Tensor {
  const activation = config.hiddenAct === "gelu" ? gelu : quickGelu;
  const hidden = activation(linearLayer(context, "fc1", x, config.intermediateSize));
  return observed(context, linearLayer(context, "fc2", hidden, config.hiddenSize));
}
