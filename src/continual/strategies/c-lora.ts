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
  const layers = lora.layers.map((_, i) => {
    const { matrix, scale, inFeatures: width } = stackedLayer(lora, i, lora.parameters);
    // λ s² S², entry by entry.
    const weights = matrix.map((value) => lambda * scale * scale * (scale * value) ** 2);
    /** Calls back with every entry of B A and its weight. */
    const visit = (
      { a, b, rank, outFeatures }: ReturnType<typeof stackedLayer>,
      each: (row: number, column: number, weight: number, value: number) => void,
    ) => {
      for (let row = 0; row < outFeatures; row++) {
        for (let column = 0; column < width; column++) {
          const weight = weights[row * width + column];
          if (weight === 0) continue;
          let value = 0;
          for (let k = 0; k < rank; k++) value += b[row * rank + k] * a[k * width + column];
          each(row, column, weight, value);
        }
      }
    };
    return { width, visit };
  });
  return {
    value: (parameters) => {
      let sum = 0;
      layers.forEach(({ visit }, i) => {
        visit(stackedLayer(lora, i, parameters), (_row, _column, weight, value) => (sum += weight * value * value));
      });
      return sum;
    },
    addGradient: (gradient, parameters) => {
      layers.forEach(({ width, visit }, i) => {
        const layer = stackedLayer(lora, i, parameters);
        const { a, b, rank } = layer;
        const [da, db] = [new Float32Array(a.length), new Float32Array(b.length)];
        visit(layer, (row, column, weight, value) => {
          const g = 2 * weight * value;
          for (let k = 0; k < rank; k++) {
            da[k * width + column] += g * b[row * rank + k];
            db[row * rank + k] += g * a[k * width + column];
          }
        });
        addToStackedLayer(lora, i, gradient, da, db);
      });
    },
  };
}
