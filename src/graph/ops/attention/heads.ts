/**
 * @file What forward and backward pass of attention share: its extents, the order by head, and the probabilities.
 */
import type { OnnxBuilder, Operand } from "../../onnx/builder.ts";
import type { Shape } from "../../shape.ts";

/** Extents and options of one attention. */
export interface AttentionGeometry {
  readonly batch: number;
  readonly heads: number;
  readonly causal: boolean;
  /** As of `AttentionOptions`. */
  readonly probabilitiesAtOnce: number;
  /** Query positions. */
  readonly targets: number;
  /** Key and value positions. */
  readonly sources: number;
  /** Width of one head. */
  readonly width: number;
  readonly scale: number;
}

/** softmax(scale · q·kᵀ), `[..., targets, sources]` */
export function probabilitiesOf(
  onnx: OnnxBuilder,
  q: Operand,
  k: Operand,
  { causal, scale, targets }: AttentionGeometry,
): string {
  const scores = onnx.matmul(q, { ...k, transposed: true }, scale);
  const masked = causal ? onnx.node("Add", [scores, onnx.constant(causalMask(targets), [targets, targets])]) : scores;
  return onnx.node("Softmax", [masked], { axis: -1 });
}

/** Of each head, as an operand. */
export const matrices = (name: string): Operand => ({ name, rank: 4 });

/** [batch, positions, heads · d] → [batch, heads, positions, d] */
export function toHeads(onnx: OnnxBuilder, name: string, { batch, heads, width }: AttentionGeometry): string {
  const shape: Shape = [batch, -1, heads, width];
  return onnx.node("Transpose", [onnx.reshape(name, shape)], { perm: [0, 2, 1, 3] });
}

/** [batch, heads, positions, d] → [batch, positions, heads · d] */
export function fromHeads(onnx: OnnxBuilder, name: string, { batch, heads, width }: AttentionGeometry): string {
  return onnx.reshape(onnx.node("Transpose", [name], { perm: [0, 2, 1, 3] }), [batch, -1, heads * width]);
}

/** 0 where source ≤ target, else a number so low that its exponential is 0. */
function causalMask(size: number): Float32Array {
  return Float32Array.from({ length: size * size }, (_, i) => (i % size <= Math.floor(i / size) ? 0 : -1e9));
}
