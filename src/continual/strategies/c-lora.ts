/**
 * @file C-LoRA (Smith et al., "Continual Diffusion", TMLR 2024): each concept has a new LoRA on the sum of the earlier ones, and is kept from changing weights
 * that they changed: λ ‖ |Σ B_n' A_n'| ⊙ B_n A_n ‖²_F. The token begins at random, and prompts say nothing of the class.
 */
import { requireLora, type Lora } from "../../adapters/lora.ts";
import { addToStackedLayer, stackedLayer } from "../../adapters/stacked-lora.ts";
import { defineStrategy, type Penalty } from "./strategy.ts";

export const cLora = defineStrategy({
  name: "c-lora",
  summary: "a new LoRA for each concept, kept from weights that earlier ones changed",
  options: {
    lambda: {
      type: "number",
      default: 1e8,
      min: 0,
      max: Infinity,
      help: "strength of the self-regularisation: larger forgets less and learns less",
    },
    "token-start": {
      type: "choice",
      default: "noise",
      choices: ["noise", "class-noun"],
      help: "where the token's embedding begins",
    },
  },
  form: "stacked",
  loraOnly: "its penalty compares the products B A of the concepts",
  traits: (options) => ({ tokenStart: options["token-start"] }),
  plan: ({ lora, earlier }, { lambda }) =>
    earlier.length === 0 || lambda === 0 ? {} : { penalty: selfRegularisation(requireLora(lora), lambda) },
});

/**
 * λ Σ_l ‖ |S_l| ⊙ ΔW_l ‖²_F with S = s D, what the earlier concepts changed, and ΔW = s B A, what this one does (s: the LoRA's scale).
 * With G = 2 λ s² S² ⊙ B A: d/dB = G Aᵀ, d/dA = Bᵀ G.
 *
 * @param lora - a stacked adapter; its D is read once
 */
export function selfRegularisation(lora: Lora, lambda: number): Penalty {
  // λ s² S², entry by entry, of each layer.
  const weights = lora.layers.map((_, i) => {
    const { matrix, scale } = stackedLayer(lora, i, lora.parameters);
    return matrix.map((value) => lambda * scale * scale * (scale * value) ** 2);
  });
  return {
    value: (parameters) => {
      let sum = 0;
      lora.layers.forEach((_, i) => {
        const layer = stackedLayer(lora, i, parameters);
        for (let row = 0; row < layer.outFeatures; row++) {
          const product = productRow(layer, row);
          product.forEach((value, column) => (sum += weights[i][row * layer.inFeatures + column] * value * value));
        }
      });
      return sum;
    },
    addGradient: (gradient, parameters) => {
      lora.layers.forEach((_, i) => {
        const layer = stackedLayer(lora, i, parameters);
        const { a, b, rank, outFeatures, inFeatures: width } = layer;
        const [da, db] = [new Float32Array(a.length), new Float32Array(b.length)];
        for (let row = 0; row < outFeatures; row++) {
          const g = productRow(layer, row).map((value, column) => 2 * weights[i][row * width + column] * value);
          // Along rows of A, which lie together.
          for (let k = 0; k < rank; k++) {
            const factor = b[row * rank + k];
            let sum = 0;
            for (let column = 0; column < width; column++) {
              sum += g[column] * a[k * width + column];
              da[k * width + column] += factor * g[column];
            }
            db[row * rank + k] += sum;
          }
        }
        addToStackedLayer(lora, i, gradient, da, db);
      });
    },
  };
}

/** One row of B A, in float64. */
function productRow({ a, b, rank, inFeatures: width }: ReturnType<typeof stackedLayer>, row: number): Float64Array {
  const product = new Float64Array(width);
  for (let k = 0; k < rank; k++) {
    const factor = b[row * rank + k];
    for (let column = 0; column < width; column++) product[column] += factor * a[k * width + column];
  }
  return product;
}
