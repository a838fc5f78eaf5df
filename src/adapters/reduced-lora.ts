/**
 * @file A LoRA of the rank that its change of the weights has, or of a smaller one: what carries whole matrices
 * (stacked-lora.ts) becomes as small as what it has learned.
 */
import { rankWithin, singularTerms, type SingularTerms } from "../numeric/low-rank.ts";
import { Lora, type LoraLayer } from "./lora.ts";
import { weightChange } from "./stacked-lora.ts";

/** A LoRA in the place of another one. */
export interface ReducedLora {
  readonly lora: Lora;
  /** Of every layer that is not narrower. */
  readonly rank: number;
  /** ‖ΔW - ΔW'‖ / ‖ΔW‖ over all layers, measured on the numbers of the new one. */
  readonly error: number;
}

/**
 * The best LoRA of a rank, by singular values. A and B share the singular values evenly, and the scale is 1.
 *
 * @param rank - of the new one. Default: the smallest that loses no more than float32 numbers do by rounding; where
 *   that saves nothing, the LoRA stays as it is
 */
export function reducedLora(lora: Lora, rank?: number): ReducedLora {
  const decomposed: SingularTerms[] = [];
  for (const [i, layer] of lora.layers.entries()) {
    const { outFeatures, inFeatures } = layer;
    // Of this rank A and B take as much room as the whole matrix.
    const most = rank === undefined ? Math.floor((outFeatures * inFeatures) / (outFeatures + inFeatures)) : undefined;
    const terms = singularTerms(weightChange(lora, i), outFeatures, inFeatures, most);
    if (terms === undefined) return { lora, rank: Math.max(...lora.layers.map((each) => each.rank)), error: 0 };
    decomposed.push(terms);
  }
  const common = rank ?? Math.max(1, ...decomposed.map((terms) => rankWithin(terms)));
  let [lost, all] = [0, 0];
  const layers = lora.layers.map((layer, i) => {
    const terms = decomposed[i];
    const reduced = layerOfRank(layer, terms, Math.min(common, layer.inFeatures, layer.outFeatures));
    // Computed again: those of all layers together may take more memory than there is.
    lost += squaredDistance(weightChange(lora, i), reduced);
    all += terms.norm ** 2;
    return reduced;
  });
  return { lora: new Lora(layers), rank: common, error: all === 0 ? 0 : Math.sqrt(lost / all) };
}

/** Further rows and columns than the change has singular values are zero. */
function layerOfRank(layer: LoraLayer, { values, left, right }: SingularTerms, rank: number): LoraLayer {
  const { inFeatures, outFeatures } = layer;
  const count = values.length;
  const loraA = new Float32Array(rank * inFeatures);
  const loraB = new Float32Array(outFeatures * rank);
  for (let k = 0; k < Math.min(rank, count); k++) {
    const root = Math.sqrt(values[k]);
    for (let column = 0; column < inFeatures; column++) {
      loraA[k * inFeatures + column] = root * right[k * inFeatures + column];
    }
    for (let row = 0; row < outFeatures && root > 0; row++) loraB[row * rank + k] = left[row * count + k] / root;
  }
  return { ...layer, rank, loraAlpha: rank, loraA, loraB };
}

function squaredDistance(change: Float32Array, { rank, inFeatures, outFeatures, loraA, loraB }: LoraLayer): number {
  let distance = 0;
  const row = new Float64Array(inFeatures);
  for (let i = 0; i < outFeatures; i++) {
    row.fill(0);
    for (let k = 0; k < rank; k++) {
      const b = loraB[i * rank + k];
      for (let j = 0; j < inFeatures; j++) row[j] += b * loraA[k * inFeatures + j];
    }
    for (let j = 0; j < inFeatures; j++) distance += (change[i * inFeatures + j] - row[j]) ** 2;
  }
  return distance;
}
