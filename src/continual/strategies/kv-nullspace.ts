/**
 * @file Text-side null space (METHOD.md, "Beyond the paper", 1): keys and values of the cross-attention see nothing but the text encoder's outputs. Kept orthogonal
 * to those of protected prompts, a new LoRA leaves the UNet's output under them as it is: no teacher, no Fisher, no photo. Related: gradient projection
 * memory (Saha et al., ICLR 2021).
 */
import { stackedRowsOfA } from "../../adapters/stacked-lora.ts";
import { KeepsakeError } from "../../errors.ts";
import { leadingDirections, projectOut, secondMoment } from "./directions.ts";
import { conceptPrompts, genericPrompts, MOST_CONTEXTS } from "./protected-prompts.ts";
import { outputCount, requireTextSide, responsePenalty } from "./response-penalty.ts";
import { defineStrategy } from "./strategy.ts";

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
    const lora = requireTextSide(adapter, "kv-nullspace");
    const tokens = earlier.map(({ token }) => token);
    const nouns = [...earlier.map((concept) => concept.classNoun), classNoun];
    const prompts = [...conceptPrompts(tokens, contexts), ...(generic ? genericPrompts(nouns) : [])];
    if (prompts.length === 0) return {};
    const width = lora.layers[0].inFeatures;
    const moment = secondMoment(await encodePrompts(prompts), width);
    if (mode === "soft") {
      const everything = leadingDirections(moment, width, 1);
      const alike = new Float32Array(outputCount(lora)).fill(1);
      return lambda === 0 ? {} : { penalty: responsePenalty(lora, everything, alike, lambda) };
    }
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
