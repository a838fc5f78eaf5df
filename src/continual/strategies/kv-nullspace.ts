/**
 * @file Text-side null space (METHOD.md, "Beyond the paper", 1): keys and values of the cross-attention see nothing but the text encoder's outputs. Kept orthogonal
 * to those of protected prompts, a new LoRA leaves the UNet's output under them as it is: no teacher, no Fisher, no photo. Related: gradient projection
 * memory (Saha et al., ICLR 2021).
 */
import { requireLora, type Lora } from "../../adapters/lora.ts";
import { addToStackedLayer, stackedLayer, stackedRowsOfA } from "../../adapters/stacked-lora.ts";
import { KeepsakeError } from "../../errors.ts";
import { leadingDirections, projectOut, secondMoment } from "./directions.ts";
import { conceptPrompts, genericPrompts, MOST_CONTEXTS } from "./protected-prompts.ts";
import { defineStrategy, type Penalty } from "./strategy.ts";

export const kvNullspace = defineStrategy({
  name: "kv-nullspace",
  summary: "each concept's LoRA kept orthogonal to the text embeddings of earlier and generic prompts",
  options: {
    mode: {
      type: "choice",
      default: "hard",
      choices: ["hard", "soft"],
      help: "hard: A is projected onto the null space; soft: a penalty for what the LoRA does under protected prompts",
    },
    energy: {
      type: "number",
      default: 0.97,
      min: 0,
      max: 1,
      help: "hard: part of the protected embeddings' energy that is protected; 1 protects them exactly and leaves least room",
    },
    rank: {
      type: "integer",
      default: 0,
      min: 0,
      max: 1_000_000,
      help: "hard: most directions that are protected; 0: as many as the energy asks for",
    },
    lambda: {
      type: "number",
      default: 1,
      min: 0,
      max: Infinity,
      help: "soft: strength of the penalty",
    },
    contexts: {
      type: "integer",
      default: MOST_CONTEXTS,
      min: 1,
      max: MOST_CONTEXTS,
      help: "prompts for each earlier concept",
    },
    generic: { type: "flag", default: true, help: "protect class nouns, common captions and the empty prompt too" },
  },
  form: "stacked",
  loraOnly: "it keeps each concept's A in a null space; VeRA's is frozen, and DoRA's norm sees the whole weight",
  async plan({ lora: adapter, earlier, classNoun, encodePrompts }, { mode, energy, rank, lambda, contexts, generic }) {
    const lora = requireLora(adapter);
    checkLayers(lora);
    const tokens = earlier.map(({ token }) => token);
    const nouns = [...earlier.map((concept) => concept.classNoun), classNoun];
    const prompts = [...conceptPrompts(tokens, contexts), ...(generic ? genericPrompts(nouns) : [])];
    if (prompts.length === 0) return {};
    const width = lora.layers[0].inFeatures;
    const moment = secondMoment(await encodePrompts(prompts), width);
    if (mode === "soft") return lambda === 0 ? {} : { penalty: responsePenalty(lora, moment, lambda) };
    const directions = leadingDirections(moment, width, energy, rank === 0 ? width : rank);
    if (directions.count === width) {
      const fault = `the protected prompts leave no room among the ${width} directions of the text embeddings`;
      throw new KeepsakeError(
        "input",
        `Nothing can be learned: ${fault}; lower energy, rank or contexts of kv-nullspace.`,
      );
    }
    return {
      project: (array) => {
        lora.layers.forEach((_, i) => {
          projectOut(stackedRowsOfA(lora, i, array), directions);
        });
      },
    };
  },
});

/** @throws KeepsakeError unless every layer sees text embeddings alone */
function checkLayers({ layers }: Lora): void {
  const other = layers.find(({ component, module }) => component !== "unet" || !/\.attn2\.to_[kv]$/.test(module));
  if (other === undefined) return;
  const fault = `${other.component}.${other.module} does not read text embeddings`;
  throw new KeepsakeError("usage", `kv-nullspace needs an adapter of the targets crossattn-kv: ${fault}.`);
}

/**
 * λ Σ_l E_e ‖ΔW_l e‖² over protected embeddings e, that is λ Σ_l tr(ΔW M ΔWᵀ) with their second moment M and ΔW = s B A:
 * d/dA = 2 λ s² BᵀB A M, d/dB = 2 λ s² B (A M Aᵀ).
 */
export function responsePenalty(lora: Lora, moment: Float64Array, lambda: number): Penalty {
  const parts = (index: number, parameters: Float32Array) => {
    const { a, b, rank, inFeatures: width, outFeatures, scale } = stackedLayer(lora, index, parameters);
    const am = product(a, moment, rank, width, width);
    const ama = Float64Array.from({ length: rank * rank }, (_, i) => {
      const [j, k] = [Math.floor(i / rank), i % rank];
      let sum = 0;
      for (let c = 0; c < width; c++) sum += am[j * width + c] * a[k * width + c];
      return sum;
    });
    const bb = Float64Array.from({ length: rank * rank }, (_, i) => {
      const [j, k] = [Math.floor(i / rank), i % rank];
      let sum = 0;
      for (let row = 0; row < outFeatures; row++) sum += b[row * rank + j] * b[row * rank + k];
      return sum;
    });
    return { b, am, ama, bb, rank, width, outFeatures, factor: lambda * scale * scale };
  };
  return {
    value: (parameters) =>
      lora.layers.reduce((total, _, i) => {
        const { ama, bb, factor } = parts(i, parameters);
        return total + factor * ama.reduce((sum, value, k) => sum + value * bb[k], 0);
      }, 0),
    addGradient: (gradient, parameters) => {
      lora.layers.forEach((_, i) => {
        const { b, am, ama, bb, rank, width, outFeatures, factor } = parts(i, parameters);
        const da = product(bb, am, rank, rank, width).map((value) => 2 * factor * value);
        const db = product(b, ama, outFeatures, rank, rank).map((value) => 2 * factor * value);
        addToStackedLayer(lora, i, gradient, Float32Array.from(da), Float32Array.from(db));
      });
    },
  };
}

/** `[rows, inner]` times `[inner, columns]`, in float64. */
function product(
  left: Float32Array | Float64Array,
  right: Float64Array,
  rows: number,
  inner: number,
  columns: number,
): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const value = left[i * inner + k];
      for (let j = 0; j < columns; j++) result[i * columns + j] += value * right[k * columns + j];
    }
  }
  return result;
}
