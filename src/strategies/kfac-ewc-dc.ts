/**
 * @file EWC-DC with a Kronecker-factored Fisher information in place of the diagonal one: text embeddings of earlier
 * and generic prompts times diffusion-classifier gradients at the outputs of the layers that read them (docs/method.md,
 * "Kronecker-factored Fisher information"). What is to be kept is a function, not the numbers A and B, so they are free
 * to move where no prompt sees it. The embeddings are computed anew from the tokens; between concepts one number for
 * each output is kept, and no anchor: a concept starts where the last one ended.
 */
import type { Lora } from "../adapters/lora.ts";
import { KeepsakeError } from "../errors.ts";
import { classifierObjective, SCORE_OPTIONS } from "./parts/candidates.ts";
import { leadingDirections } from "../numeric/directions.ts";
import { ELASTIC_OPTIONS } from "./parts/elastic.ts";
import { checkFisherUnit, fisherUnit } from "./parts/fisher-unit.ts";
import { protectedMoment } from "./parts/protected-prompts.ts";
import {
  firstOutputs,
  outputCount,
  outputFisher,
  PENALISED_ENERGY,
  RESPONSE_LAMBDA,
  requireTextSide,
  TEXT_SIDE,
  responsePenalty,
} from "./parts/response-penalty.ts";
import { defineStrategy } from "../training/strategy.ts";

export const kfacEwcDc = defineStrategy({
  name: "kfac-ewc-dc",
  summary: "EWC-DC with a Fisher information of text embeddings times gradients at outputs",
  options: {
    lambda: RESPONSE_LAMBDA,
    gamma: ELASTIC_OPTIONS.gamma,
    draws: ELASTIC_OPTIONS.draws,
    ...SCORE_OPTIONS,
    eta: {
      type: "number",
      default: 0,
      min: 0,
      max: Infinity,
      help: "weight of the classifier's cross-entropy while a concept is learned; it takes further UNet evaluations",
    },
    weights: {
      type: "choice",
      default: "outputs",
      choices: ["outputs", "layers"],
      help: "what the Fisher information tells apart: single outputs of layers, or layers",
    },
    energy: {
      type: "number",
      default: PENALISED_ENERGY,
      min: 0,
      max: 1,
      help: "part of the embeddings' energy that the penalty sees: more takes longer",
    },
  },
  targets: TEXT_SIDE,
  loraOnly: "it weighs what the product B A does to text embeddings",
  async plan(context, options) {
    const { lambda, gamma, draws, energy, weights, eta } = options;
    const lora = requireTextSide(context.adapter, "kfac-ewc-dc");
    const width = lora.layers[0].inFeatures;
    const objective = classifierObjective(options);
    const before = checkedMemory(context.memory.get("output-fisher")?.data, lora);
    if (before !== undefined) checkFisherUnit(context.memory, objective);
    const directions = leadingDirections(await protectedMoment(context, width), width, energy);
    return {
      penalty: lambda > 0 ? responsePenalty(lora, directions, outputWeights(lora, before, weights), lambda) : undefined,
      objective: eta > 0 ? classifierObjective(options, eta) : undefined,
      fisher: { objective, draws },
      keep: ({ parameters, fisher }) => {
        if (fisher === undefined) throw new Error("the Fisher information was not computed");
        const now = outputFisher(lora, parameters, fisher, directions);
        const data = now.map((value, i) => gamma * (before?.[i] ?? 0) + value);
        return new Map([["output-fisher", { shape: [data.length], data }], fisherUnit(objective)]);
      },
    };
  },
});

/**
 * Scaled to a mean of 1, so that λ means the same for the first concept, of which there is no Fisher information yet,
 * and for every loss.
 */
function outputWeights(lora: Lora, fisher: Float32Array | undefined, by: "outputs" | "layers"): Float32Array {
  const count = outputCount(lora);
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const overall = fisher === undefined ? 0 : mean(fisher);
  if (fisher === undefined || overall === 0) return new Float32Array(count).fill(1);
  const weights = fisher.map((value) => value / overall);
  if (by === "outputs") return weights;
  firstOutputs(lora).forEach((first, i) => {
    const own = weights.subarray(first, first + lora.layers[i].outFeatures);
    own.fill(mean(own));
  });
  return weights;
}

/** @throws KeepsakeError ("state") for numbers of an adapter of another size */
function checkedMemory(fisher: Float32Array | undefined, lora: Lora): Float32Array | undefined {
  const count = outputCount(lora);
  if (fisher === undefined || fisher.length === count) return fisher;
  const fault = `its Fisher information is of ${fisher.length} outputs, its adapter has ${count}`;
  throw new KeepsakeError("state", `The library's memory does not fit: ${fault}; restore the library from a backup.`);
}
