/**
 * @file Scaled dot-product attention with several heads. The probabilities are never kept.
 */
import type { LoweringTarget, OnnxBuilder } from "../onnx/builder.ts";
import { ShapeError } from "../shape.ts";
import { apply, applyOne, type Tensor } from "../tensor.ts";
import { backward, backwardScratch } from "./attention/gradient.ts";
import { fromHeads, matrices, probabilitiesOf, toHeads, type AttentionGeometry } from "./attention/heads.ts";

export interface AttentionOptions {
  readonly heads: number;
  /** Position t sees positions ≤ t only. */
  readonly causal?: boolean;
  /**
   * How many probabilities the backward pass on the CPU has at once. Where there are more of them (batch · heads
   * · targets · sources) it goes head by head, and where a head has more, by blocks of its targets. Default: 2^21, 8 MB
   * for each of the three matrices of that size.
   */
  readonly probabilitiesAtOnce?: number;
}

const PROBABILITIES_AT_ONCE = 2 ** 21;

/**
 * softmax(q·kᵀ/√d)·v for each head (Vaswani et al. 2017). With P the probabilities and O the output, the derivative is
 * dV = Pᵀ·dO, dP = dO·Vᵀ, dS = P ∘ (dP - rowsum(dO ∘ O)), dQ = dS·K/√d, dK = dSᵀ·Q/√d (Dao et al. 2022, app. B.2).
 *
 * @param q - `[batch, targets, heads · d]`
 * @param k - `[batch, sources, heads · d]`
 * @param v - `[batch, sources, heads · d]`
 * @returns `[batch, targets, heads · d]`
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const { heads, causal = false, probabilitiesAtOnce = PROBABILITIES_AT_ONCE } = options;
  const [batch, targets, hidden] = q.shape;
  const sources = k.shape[1];
  const fits =
    k.shape[0] === batch && k.shape[2] === hidden && v.shape.join() === k.shape.join() && hidden % heads === 0;
  if (q.shape.length !== 3 || !fits || (causal && targets !== sources)) {
    throw new ShapeError("attention", [q.shape, k.shape, v.shape], `they do not fit ${heads} heads`);
  }
  const width = hidden / heads;
  const scale = 1 / Math.sqrt(width);
  const geometry = { batch, targets, sources, heads, width, causal, probabilitiesAtOnce, scale };
  const product = 2 * batch * heads * targets * sources * width;
  const attributes = { heads, causal };
  const y: Tensor = applyOne(
    "attention",
    [q, k, v],
    { shape: q.shape },
    {
      attributes,
      lower: (onnx, names) => [
        onnx.target === "cpu" ? fusedForward(onnx, names, geometry) : plainForward(onnx, names, geometry),
      ],
      vjp: ([dy]) =>
        dy === undefined
          ? []
          : apply("attentionGradient", [dy, q, k, v, y], [q, k, v], {
              attributes,
              lower: (onnx, names, isUsed) => backward(onnx, names, geometry, isUsed),
              flops: ([dq, dk, dv]) => product * ((dq || dk ? 1 : 0) + [dq, dk, dv].filter(Boolean).length),
              scratch: (target) => backwardScratch(geometry, target),
            }),
      flops: () => 2 * product,
      scratch: (target) => forwardScratch(geometry, target),
    },
  );
  return y;
}

/** Q, K and V ordered by head; the probabilities too, where no fused operator goes through them in blocks. */
function forwardScratch(geometry: AttentionGeometry, target: LoweringTarget): number {
  const { batch, heads, targets, sources, width, causal } = geometry;
  const byHead = batch * heads * width * (targets + 2 * sources);
  const isInBlocks = target === "cpu" && !causal;
  return byHead + (isInBlocks ? 0 : (target === "cpu" ? 1 : 2) * batch * heads * targets * sources);
}

/** ONNX Runtime's fused operator. */
function fusedForward(
  onnx: OnnxBuilder,
  names: readonly string[],
  { heads, causal, scale }: AttentionGeometry,
): string {
  const attributes = { num_heads: heads, scale: { float: scale }, ...(causal && { unidirectional: 1 }) };
  return onnx.fused("MultiHeadAttention", names, attributes);
}

function plainForward(onnx: OnnxBuilder, [q, k, v]: readonly string[], geometry: AttentionGeometry): string {
  const [qh, kh, vh] = [toHeads(onnx, q, geometry), toHeads(onnx, k, geometry), toHeads(onnx, v, geometry)];
  const probabilities = probabilitiesOf(onnx, matrices(qh), matrices(kh), geometry);
  return fromHeads(onnx, onnx.matmul(matrices(probabilities), matrices(vh)), geometry);
}
