/**
 * @file Scaled dot-product attention with several heads. The probabilities are never kept: the backward pass computes
 * them again, and for long sequences one head at a time.
 */
import {
  type LoweringTarget,
  type OnnxBuilder,
  type Operand,
  OnnxBuilder as SubgraphBuilder,
} from "../onnx/builder.ts";
import { ShapeError, type Shape } from "../shape.ts";
import { apply, applyOne, type Tensor } from "../tensor.ts";

export interface AttentionOptions {
  readonly heads: number;
  /** Position t sees positions ≤ t only. */
  readonly causal?: boolean;
  /**
   * Above this many probabilities (batch · heads · targets · sources) the backward pass on the CPU runs head by head, which
   * keeps those of two heads in memory instead of all. Default: 20 million, 80 MB for each of the tensors of that size.
   */
  readonly headByHeadAbove?: number;
}

interface AttentionGeometry extends Required<AttentionOptions> {
  readonly batch: number;
  /** Query positions. */
  readonly targets: number;
  /** Key and value positions. */
  readonly sources: number;
  /** Width of one head. */
  readonly width: number;
  readonly scale: number;
}

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
  const { heads, causal = false, headByHeadAbove = 20_000_000 } = options;
  const [batch, targets, hidden] = q.shape;
  const sources = k.shape[1];
  const fits =
    k.shape[0] === batch && k.shape[2] === hidden && v.shape.join() === k.shape.join() && hidden % heads === 0;
  if (q.shape.length !== 3 || !fits || (causal && targets !== sources)) {
    throw new ShapeError("attention", [q.shape, k.shape, v.shape], `they do not fit ${heads} heads`);
  }
  const width = hidden / heads;
  const scale = 1 / Math.sqrt(width);
  const geometry = { batch, targets, sources, heads, width, causal, headByHeadAbove, scale };
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

/** Its five operands and its results ordered by head, and three matrices of the size of the probabilities: P, dP, dS. */
function backwardScratch(geometry: AttentionGeometry, target: LoweringTarget): number {
  const { batch, heads, targets, sources, width } = geometry;
  const byHead = batch * heads * width * (4 * targets + 4 * sources);
  const rows = isHeadByHead(geometry, target) ? 1 : batch * heads;
  return byHead + 3 * rows * targets * sources;
}

function isHeadByHead({ batch, heads, targets, sources, headByHeadAbove }: AttentionGeometry, target: LoweringTarget) {
  return target === "cpu" && batch * heads * targets * sources > headByHeadAbove;
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

function probabilitiesOf(
  onnx: OnnxBuilder,
  q: Operand,
  k: Operand,
  { causal, scale, targets }: AttentionGeometry,
): string {
  const scores = onnx.matmul(q, { ...k, transposed: true }, scale);
  const masked = causal ? onnx.node("Add", [scores, onnx.constant(causalMask(targets), [targets, targets])]) : scores;
  return onnx.node("Softmax", [masked], { axis: -1 });
}

/** dQ, dK, dV from dO, Q, K, V, O; those that nobody reads are not computed. */
function backward(
  onnx: OnnxBuilder,
  names: readonly string[],
  geometry: AttentionGeometry,
  isUsed: readonly boolean[],
): readonly string[] {
  const byHead = names.map((name) => toHeads(onnx, name, geometry));
  const { batch, heads, targets, sources, width } = geometry;
  const wanted = isUsed.flatMap((used, i) => (used ? [i] : []));
  let gradients: readonly string[];
  if (isHeadByHead(geometry, onnx.target)) {
    const rows = batch * heads;
    const extents = [targets, targets, sources, sources, targets];
    const flat = byHead.map((name, i) => onnx.reshape(name, [rows, extents[i], width]));
    const body = oneHeadBody(geometry, extents, isUsed);
    const scanned = onnx.nodes("Scan", flat, wanted.length, { num_scan_inputs: flat.length, body: { graph: body } });
    gradients = scanned.map((name, i) => {
      const extent = wanted[i] === 0 ? targets : sources;
      return onnx.reshape(name, [batch, heads, extent, width]);
    });
  } else {
    gradients = headGradients(onnx, byHead.map(matrices), geometry, isUsed);
  }
  const results = ["", "", ""];
  wanted.forEach((slot, i) => (results[slot] = fromHeads(onnx, gradients[i], geometry)));
  return results;
}

/** The formulas of `attention`, on [batch, heads, positions, d] or on the matrices of a single head. */
function headGradients(
  onnx: OnnxBuilder,
  [dO, q, k, v, o]: readonly Operand[],
  geometry: AttentionGeometry,
  [dqUsed, dkUsed, dvUsed]: readonly boolean[],
): string[] {
  const p: Operand = { ...q, name: probabilitiesOf(onnx, q, k, geometry) };
  const results: string[] = [];
  if (dqUsed || dkUsed) {
    const dP = onnx.matmul(dO, { ...v, transposed: true });
    const rowSum = onnx.node("ReduceSum", [onnx.node("Mul", [dO.name, o.name]), onnx.ints([-1])]);
    const dS: Operand = { ...p, name: onnx.node("Mul", [p.name, onnx.node("Sub", [dP, rowSum])]) };
    if (dqUsed) results.push(onnx.matmul(dS, k, geometry.scale));
    if (dkUsed) results.push(onnx.matmul({ ...dS, transposed: true }, q, geometry.scale));
  }
  if (dvUsed) results.push(onnx.matmul({ ...p, transposed: true }, dO));
  return results;
}

/** The body of a Scan over batch · heads. */
function oneHeadBody(geometry: AttentionGeometry, extents: readonly number[], isUsed: readonly boolean[]) {
  const body = new SubgraphBuilder("cpu", "%h");
  const inputs = extents.map((extent, i) => ({
    name: `%head${i}`,
    type: "float32" as const,
    shape: [extent, geometry.width],
  }));
  const operands = inputs.map(({ name }) => ({ name, rank: 2 }));
  const slots = isUsed.flatMap((used, i) => (used ? [i] : []));
  const outputs = headGradients(body, operands, geometry, isUsed).map((name, i) => ({
    name: body.output(`%grad${i}`, name),
    type: "float32" as const,
    shape: [slots[i] === 0 ? geometry.targets : geometry.sources, geometry.width],
  }));
  return body.build("attentionGradientOfOneHead", inputs, outputs);
}

const matrices = (name: string): Operand => ({ name, rank: 4 });

/** [batch, positions, heads · d] → [batch, heads, positions, d] */
function toHeads(onnx: OnnxBuilder, name: string, { batch, heads, width }: AttentionGeometry): string {
  const shape: Shape = [batch, -1, heads, width];
  return onnx.node("Transpose", [onnx.reshape(name, shape)], { perm: [0, 2, 1, 3] });
}

/** [batch, heads, positions, d] → [batch, positions, heads · d] */
function fromHeads(onnx: OnnxBuilder, name: string, { batch, heads, width }: AttentionGeometry): string {
  return onnx.reshape(onnx.node("Transpose", [name], { perm: [0, 2, 1, 3] }), [batch, -1, heads * width]);
}

/** 0 where source ≤ target, else a number so low that its exponential is 0. */
function causalMask(size: number): Float32Array {
  return Float32Array.from({ length: size * size }, (_, i) => (i % size <= Math.floor(i / size) ? 0 : -1e9));
}
