/**
 * @file The backward pass of attention. The probabilities are computed again, for long sequences one head and one block
 * of query positions at a time, so that few are in memory at once.
 */
import {
  type LoweringTarget,
  type OnnxBuilder,
  type Operand,
  OnnxBuilder as SubgraphBuilder,
} from "../../onnx/builder.ts";
import { fromHeads, matrices, probabilitiesOf, toHeads, type AttentionGeometry } from "./heads.ts";

/** Its five operands and its results ordered by head, and three matrices of probabilities: P, dP, dS. */
export function backwardScratch(geometry: AttentionGeometry, target: LoweringTarget): number {
  const { batch, heads, targets, sources, width } = geometry;
  const byHead = batch * heads * width * (4 * targets + 4 * sources);
  const rows = isHeadByHead(geometry, target) ? targets / blocksOf(geometry) : batch * heads * targets;
  return byHead + 3 * rows * sources;
}

function isHeadByHead(
  { batch, heads, targets, sources, probabilitiesAtOnce }: AttentionGeometry,
  target: LoweringTarget,
) {
  return target === "cpu" && batch * heads * targets * sources > probabilitiesAtOnce;
}

/** Into how many blocks the targets of a head are cut; a causal mask is not cut. */
function blocksOf({ targets, sources, causal, probabilitiesAtOnce }: AttentionGeometry): number {
  if (causal) return 1;
  let blocks = Math.min(targets, Math.ceil((targets * sources) / probabilitiesAtOnce));
  while (targets % blocks !== 0) blocks++;
  return blocks;
}

/** dQ, dK, dV from dO, Q, K, V, O; those that nobody reads are not computed. */
export function backward(
  onnx: OnnxBuilder,
  names: readonly string[],
  geometry: AttentionGeometry,
  isUsed: readonly boolean[],
): readonly string[] {
  const byHead = names.map((name) => toHeads(onnx, name, geometry));
  const { batch, heads, targets, sources, width } = geometry;
  const wanted = slotsOf(isUsed);
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
  const { batch, heads, sources } = geometry;
  const p: Operand = { ...q, name: probabilitiesOf(onnx, q, k, geometry) };
  const results: string[] = [];
  if (dqUsed || dkUsed) {
    const rowSum = onnx.node("ReduceSum", [onnx.node("Mul", [dO.name, o.name]), onnx.ints([-1])]);
    // One more column on either side takes the sum off within the product: no pass over a matrix of probabilities for
    // it.
    const wider = (x: Operand, column: string) => ({ ...x, name: onnx.node("Concat", [x.name, column], { axis: -1 }) });
    const minusOne = onnx.filled(-1, v.rank === 2 ? [sources, 1] : [batch, heads, sources, 1]);
    const difference = onnx.matmul(wider(dO, rowSum), { ...wider(v, minusOne), transposed: true });
    const dS: Operand = { ...p, name: onnx.node("Mul", [p.name, difference]) };
    if (dqUsed) results.push(onnx.matmul(dS, k, geometry.scale));
    if (dkUsed) results.push(onnx.matmul({ ...dS, transposed: true }, q, geometry.scale));
  }
  if (dvUsed) results.push(onnx.matmul({ ...p, transposed: true }, dO));
  return results;
}

/** The body of a Scan over batch · heads. */
function oneHeadBody(geometry: AttentionGeometry, extents: readonly number[], isUsed: readonly boolean[]) {
  const { targets, sources, width } = geometry;
  const body = new SubgraphBuilder("cpu", { prefix: "%h" });
  const inputs = extents.map((extent, i) => matrixValue(`%head${i}`, extent, width));
  const operands = inputs.map(({ name }) => ({ name, rank: 2 }));
  const gradients =
    blocksOf(geometry) === 1
      ? headGradients(body, operands, geometry, isUsed)
      : blockwiseGradients(body, operands, geometry, isUsed);
  const outputs = gradients.map((name, i) => {
    const extent = slotsOf(isUsed)[i] === 0 ? targets : sources;
    return matrixValue(body.output(`%grad${i}`, name), extent, width);
  });
  return body.build("attentionGradientOfOneHead", inputs, outputs);
}

/** `headGradients` of one head by blocks of its targets: each has its own rows of dQ, and adds to dK and dV. */
function blockwiseGradients(
  onnx: OnnxBuilder,
  [dO, q, k, v, o]: readonly Operand[],
  geometry: AttentionGeometry,
  isUsed: readonly boolean[],
): string[] {
  const { targets, sources, width } = geometry;
  const rows = targets / blocksOf(geometry);
  const block = new SubgraphBuilder("cpu", { prefix: "%b" });
  const cut = [dO, q, o].map(({ name }) => onnx.reshape(name, [-1, rows, width]));
  const [dOBlock, qBlock, oBlock] = ["%dO", "%q", "%o"].map((name) => ({ name, rank: 2 }));
  // k and v are those of the head, seen from inside.
  const gradients = headGradients(block, [dOBlock, qBlock, k, v, oBlock], geometry, isUsed);
  const slots = slotsOf(isUsed);
  const sums = slots.flatMap((slot, i) => (slot === 0 ? [] : [{ before: `%sum${slot}`, added: gradients[i] }]));
  const inputs = [
    ...sums.map(({ before }) => matrixValue(before, sources, width)),
    ...[dOBlock, qBlock, oBlock].map(({ name }) => matrixValue(name, rows, width)),
  ];
  const outputs = [
    ...sums.map(({ before, added }, i) =>
      matrixValue(block.output(`%total${i}`, block.node("Add", [before, added])), sources, width),
    ),
    ...(slots[0] === 0 ? [matrixValue(block.output("%rows", gradients[0]), rows, width)] : []),
  ];
  const body = { graph: block.build("attentionGradientOfOneBlock", inputs, outputs) };
  const zeros = sums.map(() => onnx.filled(0, [sources, width]));
  const scanned = onnx.nodes("Scan", [...zeros, ...cut], slots.length, { num_scan_inputs: cut.length, body });
  const totals = scanned.slice(0, sums.length);
  return slots[0] === 0 ? [onnx.reshape(scanned[sums.length], [targets, width]), ...totals] : totals;
}

/** Which of dQ, dK and dV are computed. */
function slotsOf(isUsed: readonly boolean[]): number[] {
  return isUsed.flatMap((used, i) => (used ? [i] : []));
}

function matrixValue(name: string, rows: number, columns: number) {
  return { name, type: "float32" as const, shape: [rows, columns] };
}
