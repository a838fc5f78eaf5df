/**
 * @file Text-side null space (docs/method.md, "Text-side null space"): keys and values of the cross-attention see
 * nothing but the text encoder's outputs. Kept orthogonal to those of protected prompts, a new LoRA leaves the UNet's
 * output under them as it is: no teacher, no Fisher, no photo. Related: gradient projection memory (Saha et al., ICLR
 * 2021). The soft form trains on one LoRA that lives through all concepts, and is no larger than that.
 */
import { stackedRowsOfA } from "../adapters/stacked-lora.ts";
import { KeepsakeError } from "../errors.ts";
import { leadingDirections, projectOut, secondMoment } from "../numeric/directions.ts";
import { conceptPrompts, genericPrompts, MOST_CONTEXTS, protectedMoment } from "./parts/protected-prompts.ts";
import {
  outputCount,
  PENALISED_ENERGY,
  RESPONSE_LAMBDA,
  requireTextSide,
  TEXT_SIDE,
  responsePenalty,
} from "./parts/response-penalty.ts";
import { defineStrategy } from "../training/strategy.ts";

/**
 * The hard form carries whole matrices, and a run holds them five times: 153 MB at the size of Stable Diffusion 1,
 * whose text is 768 wide, about 4 GB at SDXL's, with 2048. Above this width the soft form is the usual one.
 */
const WIDEST_FOR_MATRICES = 1024;

export const kvNullspace = defineStrategy({
  name: "kv-nullspace",
  summary: "each concept's LoRA kept orthogonal to the text embeddings of earlier and generic prompts",
  options: {
    mode: {
      type: "choice",
      default: "hard",
      choices: ["hard", "soft"],
      help: "hard: a new A in the null space for each concept; soft: one LoRA, penalised for changes under protected prompts",
    },
    energy: {
      type: "number",
      default: 0.97,
      min: 0,
      max: 1,
      countsWith: { mode: "hard" },
      help: "hard: part of the protected embeddings' energy that is protected; 1 protects them exactly and leaves least room",
    },
    rank: {
      type: "integer",
      default: 0,
      min: 0,
      max: 1_000_000,
      countsWith: { mode: "hard" },
      help: "hard: most directions that are protected; 0: as many as the energy asks for",
    },
    lambda: { ...RESPONSE_LAMBDA, countsWith: { mode: "soft" }, help: `soft: ${RESPONSE_LAMBDA.help}` },
    contexts: {
      type: "integer",
      default: MOST_CONTEXTS,
      min: 1,
      max: MOST_CONTEXTS,
      help: "prompts for each earlier concept",
    },
    generic: { type: "flag", default: true, help: "protect class nouns, common captions and the empty prompt too" },
  },
  usualOptions: (textWidth) => ({ mode: textWidth > WIDEST_FOR_MATRICES ? "soft" : "hard" }),
  form: "stacked",
  traits: ({ mode }) => (mode === "soft" ? { form: "low-rank" } : {}),
  targets: TEXT_SIDE,
  loraOnly: "it keeps each concept's A in a null space; VeRA's is frozen, and DoRA's norm sees the whole weight",
  async plan(context, { mode, energy, rank, lambda, contexts, generic }) {
    const { earlier, classNoun, encodePrompts } = context;
    const lora = requireTextSide(context.adapter, "kv-nullspace");
    const width = lora.layers[0].inFeatures;
    if (mode === "soft") {
      if (lambda === 0 || (!generic && earlier.length === 0)) return {};
      const moment = await protectedMoment(context, width, { contexts, generic });
      const alike = new Float32Array(outputCount(lora)).fill(1);
      return {
        penalty: responsePenalty(lora, leadingDirections(moment, width, PENALISED_ENERGY), alike, lambda),
      };
    }
    const tokens = earlier.map(({ token }) => token);
    const nouns = [...earlier.map((concept) => concept.classNoun), classNoun];
    const prompts = [...conceptPrompts(tokens, contexts), ...(generic ? genericPrompts(nouns) : [])];
    if (prompts.length === 0) return {};
    const moment = secondMoment(await encodePrompts(prompts), width);
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
