/**
 * @file CLIP's text model, the text encoder of Stable Diffusion (transformers: models/clip/modeling_clip.py,
 * `CLIPTextModel`): SD 1.x with quick_gelu, SD 2.x with gelu, SDXL with one of each. Its second one has a projection
 * (`CLIPTextModelWithProjection`). Embeddings of learned tokens (textual inversion, Gal et al. 2023) enter beside the
 * frozen table.
 */
import { type Tensor, add, embedding, mul, reshape, slice, sub } from "../../graph/index.ts";
import type { ClipTextConfig } from "../config/clip-config.ts";
import { type ModuleContext, layerNormLayer, linearLayer, observed, scoped } from "../module.ts";
import { clipEncoder } from "./clip-encoder.ts";

export interface ClipTextInputs {
  /** int32 `[N, T]`, ids into the frozen table; T <= maxPositionEmbeddings. */
  readonly inputIds: Tensor;
  /** Rows for tokens that the vocabulary lacks. The frozen table is not copied, and gradients reach only these rows. */
  readonly learned?: {
    /** `[k, hiddenSize]` */
    readonly embeddings: Tensor;
    /** int32 `[N, T]`, made by `learnedTokenFeeds`. */
    readonly ids: Tensor;
    /** `[N, T]` of 0 and 1, made by `learnedTokenFeeds`. */
    readonly mask: Tensor;
  };
}

export interface ClipTextOutputs {
  /** `[N, T, hiddenSize]`, after the final norm: what the UNet is conditioned on. */
  readonly lastHiddenState: Tensor;
  /** Token plus position embeddings, then the output of every layer, all before the final norm. */
  readonly hiddenStates: readonly [Tensor, ...Tensor[]];
}

/** @throws KeepsakeError when the checkpoint does not fit the config. */
export function clipTextModel(context: ModuleContext, config: ClipTextConfig, inputs: ClipTextInputs): ClipTextOutputs {
  const model = scoped(context, "text_model");
  const embedded = textEmbeddings(scoped(model, "embeddings"), config, inputs);
  const hiddenStates = clipEncoder(scoped(model, "encoder"), config, embedded, { causal: true });
  const last = hiddenStates.at(-1) ?? hiddenStates[0];
  return { lastHiddenState: textFinalNorm(context, config, last), hiddenStates };
}

/**
 * The final layer norm of the text model: for conditioning on an earlier layer's output ("clip skip"), which takes the
 * norm as well.
 */
export function textFinalNorm(context: ModuleContext, config: ClipTextConfig, hiddenState: Tensor): Tensor {
  return layerNormLayer(scoped(context, "text_model"), "final_layer_norm", hiddenState, config.layerNormEps);
}

/**
 * The hidden state at the end-of-text token of each prompt, `[N, hiddenSize]`.
 * @param endOfTextRows int32 `[N]`, made by `endOfTextRows`.
 */
export function textPooledOutput(lastHiddenState: Tensor, endOfTextRows: Tensor): Tensor {
  const [batch, positions, width] = lastHiddenState.shape;
  return embedding(reshape(lastHiddenState, [batch * positions, width]), endOfTextRows);
}

/**
 * The projected hidden state at the end-of-text token of each prompt, `[N, projectionDim]`.
 * @param endOfTextRows int32 `[N]`, made by `endOfTextRows`.
 */
export function textProjection(
  context: ModuleContext,
  projectionDim: number,
  lastHiddenState: Tensor,
  endOfTextRows: Tensor,
): Tensor {
  const pooled = textPooledOutput(lastHiddenState, endOfTextRows);
  return linearLayer(context, "text_projection", pooled, projectionDim, { bias: false });
}

function textEmbeddings(context: ModuleContext, config: ClipTextConfig, { inputIds, learned }: ClipTextInputs): Tensor {
  const [batch, positions] = inputIds.shape;
  const width = config.hiddenSize;
  const table = context.parameter("token_embedding.weight", [config.vocabSize, width]);
  let tokens = embedding(table, inputIds);
  if (learned !== undefined) {
    const mask = reshape(learned.mask, [batch, positions, 1]);
    tokens = add(mul(tokens, sub(1, mask)), mul(embedding(learned.embeddings, learned.ids), mask));
  }
  const positionTable = context.parameter("position_embedding.weight", [config.maxPositionEmbeddings, width]);
  return observed(context, add(tokens, slice(positionTable, [0, 0], [positions, width])));
}
