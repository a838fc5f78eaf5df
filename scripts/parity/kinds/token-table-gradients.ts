/**
 * @file The derivative of a loss in the token embeddings of two text encoders, from those in what the UNet gets of
 * them.
 */
import { clipTextModel, textProjection } from "../../../src/diffusion/clip/clip-text-model.ts";
import { endOfTextRows } from "../../../src/diffusion/clip/text-inputs.ts";
import { type Tensor, add, concat, input, mul, sum } from "../../../src/graph/index.ts";
import type { TensorCase } from "../tensor-case.ts";
import type { Tree } from "../tree.ts";
import { ID_TENSORS, TOKEN_TABLE } from "./denoising.ts";
import { namedGradients } from "./gradients.ts";

/** d loss / d encoder_hidden_states and d loss / d text_embeds. */
export type Upstream = Readonly<Record<"encoder_hidden_states" | "text_embeds", Float32Array>>;

/** Of each text encoder: `[vocabulary, width]`. */
export async function tokenTableGradients(test: TensorCase, tree: Tree, upstream: Upstream): Promise<Float32Array[]> {
  const { encoders } = await tree.text(test.fields.string("model"));
  const feeds: Record<string, Float32Array | Int32Array> = { ...upstream };
  const tables = new Map<string, Tensor>();
  const states: Tensor[] = [];
  let pooled: Tensor | undefined;
  for (const [i, { config, weights }] of encoders.entries()) {
    const name = ID_TENSORS[i];
    const { context, inputs } = weights.trainable({ select: (each) => each === TOKEN_TABLE, prefix: `${i} ` });
    for (const table of inputs.values()) tables.set(name, table);
    feeds[`${i} ${TOKEN_TABLE}`] = await weights.readFloat32(TOKEN_TABLE);
    feeds[name] = test.ints(name);
    const inputIds = input(name, test.shape(name), "int32");
    const { lastHiddenState, hiddenStates } = clipTextModel(context, config, { inputIds });
    states.push(hiddenStates[hiddenStates.length - 2]);
    if (config.projectionDim === undefined) continue;
    feeds.rows = endOfTextRows(test.rows(name), config);
    const rows = input("rows", [test.shape(name)[0]], "int32");
    pooled = textProjection(context, config.projectionDim, lastHiddenState, rows);
  }
  if (pooled === undefined) throw new Error("the model has no projection");
  const times = (value: Tensor, name: keyof Upstream) => sum(mul(value, input(name, value.shape)));
  const loss = add(times(concat(states, 2), "encoder_hidden_states"), times(pooled, "text_embeds"));
  const gradients = await tree.evaluate(namedGradients(loss, tables), feeds);
  return encoders.map((_, i) => gradients[`grad.${ID_TENSORS[i]}`]);
}
