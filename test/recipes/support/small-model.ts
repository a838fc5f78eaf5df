/**
 * @file A small model with what a UNet has: convolutions with and without a stride, normalisation, attention, a scalar.
 */
import { conv2dLayer, groupNormLayer, linearLayer, type ModuleContext } from "../../../src/diffusion/module.ts";
import {
  add,
  attention,
  input,
  meanSquaredError,
  mul,
  reshape,
  silu,
  transpose,
  type Tensor,
} from "../../../src/graph/index.ts";
import { RandomStream } from "../../../src/random/random.ts";

const SIDE = 16;
const HALF = SIDE / 2;
const CHANNELS = 8;

/** The loss over `count` pictures. */
export function smallModel(context: ModuleContext, count: number): { loss: Tensor } {
  const x = input("x", [count, 3, SIDE, SIDE]);
  const activated = (name: string, y: Tensor) => silu(groupNormLayer(context, name, y, 4, 1e-5));
  const first = activated("norm1", conv2dLayer(context, "conv1", x, CHANNELS, 3, { padding: 1 }));
  const halved = conv2dLayer(context, "halve", first, CHANNELS, 3, { stride: 2, padding: 1 });
  const second = conv2dLayer(context, "conv2", halved, CHANNELS, 3, { padding: 1 });
  const tokens = transpose(reshape(second, [count, CHANNELS, HALF * HALF]), [0, 2, 1]); // [count, HALF × HALF, CHANNELS]
  const [q, k, v] = ["q", "k", "v"].map((name) => linearLayer(context, name, tokens, CHANNELS, { bias: false }));
  const attended = transpose(attention(q, k, v, { heads: 2 }), [0, 2, 1]);
  const joined = add(second, reshape(attended, second.shape));
  const last = conv2dLayer(context, "out", activated("norm2", joined), 3, 3, { padding: 1 });
  const scaled = mul(last, context.parameter("logit_scale", []));
  return { loss: meanSquaredError(scaled, input("y", [count, 3, HALF, HALF])) };
}

/** A batch for it. */
export function smallModelFeeds(count: number, step: number) {
  const random = new RandomStream(5, "small model", step);
  return { x: random.normal(count * 3 * SIDE * SIDE), y: random.normal(count * 3 * HALF * HALF) };
}
