/**
 * @file A quadratic penalty for what an adapter does to text embeddings: λ Σ_l Σ_o ω_lo E_e[(ΔW_l e)_o²] over protected
 * embeddings e, for each output o of each layer l. With the embeddings' second moment M and ω = E[(∂L/∂y_o)²] it is the
 * penalty of a Fisher information that is factored into M and a diagonal (Martens & Grosse, "Optimizing neural networks
 * with Kronecker-factored approximate curvature", ICML 2015; for continual learning: Ritter et al., NeurIPS 2018).
 */
import type { Adapter } from "../../adapters/adapter.ts";
import { requireLora, type Lora } from "../../adapters/lora.ts";
import { addToTrainedPart, trainedPart, type TrainedPart } from "../../adapters/stacked-lora.ts";
import { KeepsakeError } from "../../errors.ts";
import type { Directions } from "../../numeric/directions.ts";
import { product, transposed } from "../../numeric/matrices.ts";
import type { NumberOption } from "../../training/options.ts";
import type { Penalty } from "../../training/strategy.ts";

/** Strength of the penalty, for weights that are 1 on average. Tuned on the built-in model. */
export const RESPONSE_LAMBDA = {
  type: "number",
  default: 1e-4,
  min: 0,
  max: Infinity,
  help: "strength of the penalty: larger forgets less and learns less",
} as const satisfies NumberOption;

/** How much of the embeddings' energy the penalty sees: its time grows with the number of directions. Not tuned. */
export const PENALISED_ENERGY = 0.995;

/** The layers that read text embeddings. */
export const TEXT_SIDE = "crossattn-kv";

/**
 * The adapter as a LoRA whose layers read text embeddings, and nothing else.
 *
 * @throws KeepsakeError ("usage") unless they do
 */
export function requireTextSide(adapter: Adapter, strategy: string): Lora {
  const lora = requireLora(adapter);
  const other = lora.layers.find(({ component, module }) => component !== "unet" || !/\.attn2\.to_[kv]$/.test(module));
  if (other === undefined) return lora;
  const fault = `${other.component}.${other.module} does not read text embeddings`;
  throw new KeepsakeError("usage", `${strategy} needs an adapter of the targets ${TEXT_SIDE}: ${fault}.`);
}

/**
 * With U the directions times the roots of their energy, so that M = U Uᵀ, and R = (ΔW - ΔW_0) U: the penalty is λ Σ
 * ω_o R_ok², its derivatives are d/dB = 2 λ s (ω R) (A U)ᵀ and d/dA = 2 λ s Bᵀ (ω R) Uᵀ, s being the LoRA's scale.
 *
 * @param lora - as it is before learning: ΔW_0
 * @param directions - of the protected embeddings' second moment
 * @param weights - ω of all outputs, layer after layer
 */
export function responsePenalty(lora: Lora, directions: Directions, weights: Float32Array, lambda: number): Penalty {
  const { count, width } = directions;
  const root = rootOfMoment(directions);
  const start = lora.layers.map((_, i) => responseOf(trainedPart(lora, i, lora.parameters), root).response);
  const firstOutput = firstOutputs(lora);
  const change = (i: number, parameters: Float32Array) => {
    const part = trainedPart(lora, i, parameters);
    const { au, response } = responseOf(part, root);
    const own = weights.subarray(firstOutput[i], firstOutput[i] + part.outFeatures);
    return { ...part, au, response: response.map((value, k) => value - start[i][k]), weights: own };
  };
  return {
    value: (parameters) =>
      lora.layers.reduce((total, _, i) => {
        const { response, weights: own } = change(i, parameters);
        return total + lambda * response.reduce((sum, r, k) => sum + own[Math.floor(k / count)] * r * r, 0);
      }, 0),
    addGradient: (gradient, parameters) => {
      lora.layers.forEach((_, i) => {
        const { b, au, response, weights: own, rank, outFeatures, scale } = change(i, parameters);
        const weighted = response.map((r, k) => 2 * lambda * scale * own[Math.floor(k / count)] * r);
        const db = product(weighted, transposed(au, rank, count), outFeatures, count, rank);
        const dau = product(transposed(b, outFeatures, rank), weighted, rank, outFeatures, count);
        addToTrainedPart(lora, i, gradient, product(dau, root.u, rank, count, width), db);
      });
    },
  };
}

/**
 * ω, up to a factor: E[(∂L/∂y_o)²] for each output of each layer, layer after layer, from the Fisher diagonal of B
 * alone. A sample's gradient is dL/dB = s Σ g (A e)ᵀ over the prompt's embeddings e, so Σ_k E[(dL/dB_ok)²] ≈ s² E[g_o²]
 * E‖A e‖²: exact for one embedding, and taken for true on average over the protected ones.
 *
 * @param fisher - E[g²], laid out as `lora.parameters`
 */
export function outputFisher(
  lora: Lora,
  parameters: Float32Array,
  fisher: Float32Array,
  directions: Directions,
): Float32Array {
  const root = rootOfMoment(directions);
  const result = new Float32Array(outputCount(lora));
  const firstOutput = firstOutputs(lora);
  lora.layers.forEach((_, i) => {
    const part = trainedPart(lora, i, parameters);
    const { b: squares, outFeatures, rank } = trainedPart(lora, i, fisher);
    const au = product(part.a, root.transpose, rank, part.inFeatures, root.count);
    const energy = part.scale ** 2 * au.reduce((sum, value) => sum + value * value, 0);
    if (energy === 0) return;
    for (let row = 0; row < outFeatures; row++) {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += squares[row * rank + k];
      result[firstOutput[i] + row] = sum / energy;
    }
  });
  return result;
}

/** Outputs of all layers. */
export function outputCount({ layers }: Lora): number {
  return layers.reduce((sum, { outFeatures }) => sum + outFeatures, 0);
}

/** Where each layer's outputs begin among those of all. */
export function firstOutputs({ layers }: Lora): number[] {
  let next = 0;
  return layers.map(({ outFeatures }) => (next += outFeatures) - outFeatures);
}

interface Root {
  /** Directions times the root of their energy, `[count, width]`: their outer products add up to the second moment. */
  readonly u: Float64Array;
  /** `[width, count]` */
  readonly transpose: Float64Array;
  readonly count: number;
}

function rootOfMoment({ rows, values, width, count }: Directions): Root {
  const u = rows.map((value, i) => value * Math.sqrt(values[Math.floor(i / width)]));
  return { u, transpose: transposed(u, count, width), count };
}

/** A U, `[rank, count]`, and s B A U, `[outFeatures, count]`. */
function responseOf(
  { a, b, rank, outFeatures, inFeatures, scale }: TrainedPart,
  { transpose, count }: Root,
): { au: Float64Array; response: Float64Array } {
  const au = product(a, transpose, rank, inFeatures, count);
  return { au, response: product(b, au, outFeatures, rank, count).map((value) => scale * value) };
}
