/**
 * @file Reference kernels of attention, one head and one position at a time.
 */
import { at, flagAttribute, numberAttribute, operand, position, zeros, type Kernel, type NdArray } from "./array.ts";
import type { Node } from "../../../../src/graph/tensor.ts";

/** Calls `visit` for each head and query position with its channels and its probabilities over the source positions. */
function forEachQuery(
  q: NdArray,
  k: NdArray,
  node: Node,
  visit: (batch: number, target: number, channels: readonly number[], probabilities: readonly number[]) => void,
): void {
  const heads = numberAttribute(node, "heads");
  const causal = flagAttribute(node, "causal");
  const [batches, targets, hidden] = q.shape;
  const width = hidden / heads;
  const sources = Array.from({ length: k.shape[1] }, (_, s) => s);
  for (let b = 0; b < batches; b++) {
    for (let head = 0; head < heads; head++) {
      const channels = Array.from({ length: width }, (_, d) => head * width + d);
      for (let t = 0; t < targets; t++) {
        const scores = sources.map((s) =>
          causal && s > t
            ? -Infinity
            : channels.reduce((sum, c) => sum + at(q, [b, t, c]) * at(k, [b, s, c]), 0) / Math.sqrt(width),
        );
        const largest = Math.max(...scores);
        const exponentials = scores.map((score) => Math.exp(score - largest));
        const total = exponentials.reduce((a, e) => a + e, 0);
        visit(
          b,
          t,
          channels,
          exponentials.map((e) => e / total),
        );
      }
    }
  }
}

function accumulate(x: NdArray, index: readonly number[], value: number): void {
  const cell = position(x.shape, index);
  x.data[cell] = x.data[cell] + value;
}

export const attentionKernels: Readonly<Record<string, Kernel>> = {
  attention: (operands, node) => {
    const [q, k, v] = [operand(operands, 0), operand(operands, 1), operand(operands, 2)];
    const y = zeros(q.shape);
    forEachQuery(q, k, node, (b, t, channels, probabilities) => {
      for (const c of channels)
        probabilities.forEach((p, s) => {
          accumulate(y, [b, t, c], p * at(v, [b, s, c]));
        });
    });
    return [y];
  },

  // From the derivative of softmax: dS = P ∘ (dP - Σ P ∘ dP). The forward result, its fifth operand, is not needed
  // here.
  attentionGradient: (operands, node) => {
    const [dy, q, k, v] = [operand(operands, 0), operand(operands, 1), operand(operands, 2), operand(operands, 3)];
    const [dq, dk, dv] = [zeros(q.shape), zeros(k.shape), zeros(v.shape)];
    forEachQuery(q, k, node, (b, t, channels, probabilities) => {
      const scale = 1 / Math.sqrt(channels.length);
      const dP = probabilities.map((_, s) =>
        channels.reduce((sum, c) => sum + at(dy, [b, t, c]) * at(v, [b, s, c]), 0),
      );
      const expected = probabilities.reduce((sum, p, s) => sum + p * dP[s], 0);
      probabilities.forEach((p, s) => {
        const dS = p * (dP[s] - expected) * scale;
        for (const c of channels) {
          accumulate(dq, [b, t, c], dS * at(k, [b, s, c]));
          accumulate(dk, [b, s, c], dS * at(q, [b, t, c]));
          accumulate(dv, [b, s, c], p * at(dy, [b, t, c]));
        }
      });
    });
    return [dq, dk, dv];
  },
};
