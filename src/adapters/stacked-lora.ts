/**
 * @file A LoRA that carries a whole matrix besides its low-rank part: ΔW = scale · (D + B A), laid out as an ordinary
 * LoRA of rank in + r whose first `in` rows of A are the identity, so that the first `in` columns of B are D. Whatever
 * was learned before can be folded into D without loss, and every program and file that knows LoRA knows this one. The
 * price is size: D is as large as the layer.
 */
import { KeepsakeError } from "../errors.ts";
import type { Adapter, AdapterForm } from "./adapter.ts";
import { Lora, loraDelta, requireLora, type LoraLayer } from "./lora.ts";

/**
 * Which numbers of an adapter are trained.
 * - `low-rank`: all;
 * - `stacked`: A and B, not the D below them;
 * - `full`: D;
 * - `frozen`: none, of an adapter of the form `low-rank`.
 */
export type TrainedForm = AdapterForm | "frozen";

/** The rows of A, and columns of B, that make up D. */
function identityRows({ form }: Lora, { inFeatures }: LoraLayer): number {
  return form === "low-rank" ? 0 : inFeatures;
}

/** The rank of what lies on top of D, or of all of a LoRA without one. */
export function trainedRank(lora: Lora): number {
  const [layer] = lora.layers;
  return layer.rank - identityRows(lora, layer);
}

/**
 * A new adapter on top of a whole matrix.
 *
 * @param fresh - its A, B, alpha
 * @param carried - what is folded into D: an adapter of the same layers, of any form. Absent: D is zero.
 * @throws KeepsakeError ("usage") if the layers read inputs of different widths
 */
export function stackedLora(fresh: Lora, carried?: Lora): Lora {
  const width = commonWidth(fresh);
  return new Lora(
    fresh.layers.map((layer, i) => {
      const { rank, outFeatures, loraAlpha } = layer;
      const total = width + rank;
      const loraA = new Float32Array(total * width);
      for (let k = 0; k < width; k++) loraA[k * width + k] = 1;
      loraA.set(layer.loraA, width * width);
      const loraB = new Float32Array(outFeatures * total);
      writeColumns(loraB, total, 0, scaled(carried && weightChange(carried, i), rank / loraAlpha), width);
      writeColumns(loraB, total, width, layer.loraB, rank);
      return { ...layer, rank: total, loraAlpha: (loraAlpha / rank) * total, loraA, loraB };
    }),
    "stacked",
  );
}

/** A whole matrix in each layer of `layout` and nothing else; arguments and errors as for {@link stackedLora}. */
export function fullMatrix(layout: Lora, carried?: Lora): Lora {
  const width = commonWidth(layout);
  return new Lora(
    layout.layers.map((layer, i) => {
      const loraA = new Float32Array(width * width);
      for (let k = 0; k < width; k++) loraA[k * width + k] = 1;
      const loraB = carried === undefined ? undefined : weightChange(carried, i);
      const zero = new Float32Array(layer.outFeatures * width);
      return { ...layer, rank: width, loraAlpha: width, loraA, loraB: loraB ?? zero };
    }),
    "full",
  );
}

/**
 * What one layer adds to its weight, `[outFeatures, inFeatures]`: as {@link loraDelta}, without multiplying D by the
 * identity.
 */
export function weightChange(lora: Lora, index: number): Float32Array {
  const layer = lora.layers[index];
  const { rank, inFeatures, outFeatures, loraAlpha, loraA, loraB } = layer;
  if (lora.form === "low-rank") return loraDelta(layer);
  const scale = loraAlpha / rank;
  const change = new Float32Array(outFeatures * inFeatures);
  for (let row = 0; row < outFeatures; row++) {
    for (let column = 0; column < inFeatures; column++) {
      let sum = loraB[row * rank + column];
      for (let k = inFeatures; k < rank; k++) sum += loraB[row * rank + k] * loraA[k * inFeatures + column];
      change[row * inFeatures + column] = scale * sum;
    }
  }
  return change;
}

/** Where the trained numbers of an adapter lie in its `parameters`, ascending; undefined: all of them. */
export function trainedIndices(adapter: Adapter, form: TrainedForm): Uint32Array | undefined {
  if (form === "low-rank") return undefined;
  if (form === "frozen") return new Uint32Array();
  const lora = requireLora(adapter);
  // No growing list: there may be hundreds of millions.
  const indices = new Uint32Array(lora.parameters.length);
  let count = 0;
  lora.layers.forEach(({ rank, inFeatures, outFeatures }, i) => {
    const [a, b] = [lora.slots[2 * i].offset, lora.slots[2 * i + 1].offset];
    if (form === "stacked") for (let k = inFeatures * inFeatures; k < rank * inFeatures; k++) indices[count++] = a + k;
    for (let row = 0; row < outFeatures; row++) {
      for (let k = form === "full" ? 0 : inFeatures; k < rank; k++) indices[count++] = b + row * rank + k;
    }
  });
  return indices.slice(0, count);
}

/** The low-rank part of one layer, which is trained: all of it, or what lies on top of D. Arrays are copies. */
export interface TrainedPart {
  readonly rank: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** `loraAlpha / rank` of the LoRA. */
  readonly scale: number;
  /** `[rank, inFeatures]` */
  readonly a: Float32Array;
  /** `[outFeatures, rank]` */
  readonly b: Float32Array;
}

/** Takes the low-rank part out of a layer of any LoRA; `parameters` are laid out as `lora.parameters`. */
export function trainedPart(lora: Lora, index: number, parameters: Float32Array): TrainedPart {
  const layer = lora.layers[index];
  const { rank: total, inFeatures, outFeatures, loraAlpha } = layer;
  const [slotA, slotB] = [lora.slots[2 * index], lora.slots[2 * index + 1]];
  const first = identityRows(lora, layer);
  const loraB = parameters.subarray(slotB.offset, slotB.offset + slotB.length);
  return {
    rank: total - first,
    inFeatures,
    outFeatures,
    scale: loraAlpha / total,
    a: parameters.slice(slotA.offset + first * inFeatures, slotA.offset + slotA.length),
    b: readColumns(loraB, total, first, total - first),
  };
}

/** Adds to the A and B that are trained in a layer of an adapter-sized array, such as a gradient. */
export function addToTrainedPart(
  lora: Lora,
  index: number,
  array: Float32Array,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): void {
  const layer = lora.layers[index];
  const { rank: total, inFeatures, outFeatures } = layer;
  const first = identityRows(lora, layer);
  const rank = total - first;
  const offsetA = lora.slots[2 * index].offset + first * inFeatures;
  const offsetB = lora.slots[2 * index + 1].offset;
  for (let i = 0; i < a.length; i++) array[offsetA + i] += a[i];
  for (let row = 0; row < outFeatures; row++) {
    for (let k = 0; k < rank; k++) array[offsetB + row * total + first + k] += b[row * rank + k];
  }
}

/** One layer of a stacked adapter, seen as D and the low-rank part on it. */
export interface StackedLayer extends TrainedPart {
  /** D, `[outFeatures, inFeatures]`. */
  readonly matrix: Float32Array;
}

/** Takes a layer of a stacked adapter apart; `parameters` are laid out as `lora.parameters`. */
export function stackedLayer(lora: Lora, index: number, parameters: Float32Array): StackedLayer {
  const { rank, inFeatures } = lora.layers[index];
  const { offset, length } = lora.slots[2 * index + 1];
  const matrix = readColumns(parameters.subarray(offset, offset + length), rank, 0, inFeatures);
  return { ...trainedPart(lora, index, parameters), matrix };
}

/** The window on the trained rows of A of a layer, in an array laid out as a stacked adapter's parameters. */
export function stackedRowsOfA(lora: Lora, index: number, array: Float32Array): Float32Array {
  const { inFeatures } = lora.layers[index];
  const { offset, length } = lora.slots[2 * index];
  return array.subarray(offset + inFeatures * inFeatures, offset + length);
}

/** A manifest holds one rank for all layers, and the identity is as wide as the layer's input. */
function commonWidth({ layers: [first, ...rest] }: Lora): number {
  if (rest.every(({ inFeatures }) => inFeatures === first.inFeatures)) return first.inFeatures;
  const fault =
    "this strategy keeps a whole matrix for each layer, and the chosen layers read inputs of different widths";
  throw new KeepsakeError("usage", `${fault}; choose the targets crossattn-kv.`);
}

function scaled(values: Float32Array | undefined, factor: number): Float32Array | undefined {
  return factor === 1 ? values : values?.map((value) => value * factor);
}

/** Writes `[rows, count]` into columns of a matrix of `total` columns; nothing for undefined. */
function writeColumns(
  matrix: Float32Array,
  total: number,
  first: number,
  columns: Float32Array | undefined,
  count: number,
): void {
  columns?.forEach((value, i) => (matrix[Math.floor(i / count) * total + first + (i % count)] = value));
}

function readColumns(matrix: Float32Array, total: number, first: number, count: number): Float32Array {
  const rows = matrix.length / total;
  return Float32Array.from(
    { length: rows * count },
    (_, i) => matrix[Math.floor(i / count) * total + first + (i % count)],
  );
}
