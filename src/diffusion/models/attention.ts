/**
 * @file Attention, feed-forward, and the transformer block made of them (diffusers: models/attention.py,
 * models/attention_processor.py).
 */
import { type Tensor, add, attention, checkpoint, gelu, mul, split } from "../../graph/index.ts";
import { type ModuleContext, layerNormLayer, linearLayer, observed, scoped } from "../module.ts";

const layerNormEps = 1e-5;

/**
 * Attention: softmax(q k^T / sqrt(d)) v with projections.
 * @param hiddenStates `[N, T, C]`, the queries.
 * @param encoderHiddenStates `[N, S, K]`, keys and values; `hiddenStates` itself for self-attention.
 * @param options `qkvBias` as in the VAE; the UNet's projections have none.
 */
export function attentionLayer(
  context: ModuleContext,
  hiddenStates: Tensor,
  encoderHiddenStates: Tensor,
  options: { readonly heads: number; readonly qkvBias?: boolean },
): Tensor {
  const width = hiddenStates.shape[2];
  const bias = options.qkvBias ?? false;
  const query = linearLayer(context, "to_q", hiddenStates, width, { bias });
  const key = linearLayer(context, "to_k", encoderHiddenStates, width, { bias });
  const value = linearLayer(context, "to_v", encoderHiddenStates, width, { bias });
  const attended = attention(query, key, value, { heads: options.heads });
  return observed(context, linearLayer(context, "to_out.0", attended, width));
}

/**
 * FeedForward with GEGLU (Shazeer 2020): W2 (a * gelu(b)), where a and b are the halves of W1 x; inner width 4C; exact
 * (erf) GELU.
 */
export function feedForward(context: ModuleContext, x: Tensor): Tensor {
  const width = x.shape[2];
  const inner = 4 * width;
  const [hidden, gate] = split(linearLayer(context, "net.0.proj", x, 2 * inner), [inner, inner], 2);
  // Keeping gelu(gate) for the backward pass would cost as much memory as the rest of the block; it is cheap to compute
  // again.
  const gated = checkpoint((g) => mul(hidden, gelu(g)), [gate]);
  return observed(context, linearLayer(context, "net.2", gated, width));
}

/**
 * BasicTransformerBlock: self-attention, cross-attention and feed-forward, each after a layer norm and added to its
 * input. `[N, T, C]`.
 */
export function basicTransformerBlock(
  context: ModuleContext,
  x: Tensor,
  encoderHiddenStates: Tensor,
  heads: number,
): Tensor {
  const norm1 = layerNormLayer(context, "norm1", x, layerNormEps);
  let hidden = add(attentionLayer(scoped(context, "attn1"), norm1, norm1, { heads }), x);
  const norm2 = layerNormLayer(context, "norm2", hidden, layerNormEps);
  hidden = add(attentionLayer(scoped(context, "attn2"), norm2, encoderHiddenStates, { heads }), hidden);
  const norm3 = layerNormLayer(context, "norm3", hidden, layerNormEps);
  return observed(context, add(feedForward(scoped(context, "ff"), norm3), hidden));
}
