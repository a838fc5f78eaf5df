/**
 * @file C-LoRA (Smith et al., "Continual Diffusion", TMLR 2024): each concept has a new LoRA on the sum of the earlier
 * ones, and is kept from changing weights that they changed: λ ‖ |Σ B_n' A_n'| ⊙ B_n A_n ‖²_F. The token begins at
 * random, and prompts say nothing of the class.
 */
import { requireLora, type Lora } from "../adapters/lora.ts";
import { addToTrainedPart, stackedLayer, trainedPart } from "../adapters/stacked-lora.ts";
import { product, transposed } from "../numeric/matrices.ts";
import { defineStrategy, type Penalty } from "../training/strategy.ts";

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
  plan: ({ adapter: lora, earlier }, { lambda }) =>
    earlier.length === 0 || lambda === 0 ? {} : { penalty: selfRegularisation(requireLora(lora), lambda) },
});

/**
 * λ Σ_l ‖ |S_l| ⊙ ΔW_l ‖²_F with S = s D, what the earlier concepts changed, and ΔW = s B A, what this one does (s: the
 * LoRA's scale). With G = 2 λ s² S² ⊙ B A: d/dB = G Aᵀ, d/dA = Bᵀ G.
 *
 * @param lora - a stacked adapter; its D is read once
 */
export function selfRegularisation(lora: Lora, lambda: number): Penalty {
  // λ s² S², entry by entry, of each layer.
  const weights = lora.layers.map((_, i) => {
    const { matrix, scale } = stackedLayer(lora, i, lora.parameters);
    return matrix.map((value) => lambda * scale * scale * (scale * value) ** 2);
  });
  const change = (i: number, parameters: Float32Array) => {
    const part = trainedPart(lora, i, parameters);
    return { ...part, product: product(part.b, part.a, part.outFeatures, part.rank, part.inFeatures) };
  };
  return {
    value: (parameters) =>
      weights.reduce((total, own, i) => {
        const { product: added } = change(i, parameters);
        return total + added.reduce((sum, value, k) => sum + own[k] * value * value, 0);
      }, 0),
    addGradient: (gradient, parameters) => {
      weights.forEach((own, i) => {
        const { a, b, rank, outFeatures, inFeatures, product: added } = change(i, parameters);
        const g = added.map((value, k) => 2 * own[k] * value);
        const da = product(transposed(b, outFeatures, rank), g, rank, outFeatures, inFeatures);
        const db = product(g, transposed(a, rank, inFeatures), outFeatures, inFeatures, rank);
        addToTrainedPart(lora, i, gradient, da, db);
      });
    },
  };
}
