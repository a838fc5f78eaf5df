/**
 * @file Elastic weight consolidation with diffusion-classifier scores (Jha et al., ICLR 2025): the Fisher information
 * takes the classifier's cross-entropy in.
 */
import { classifierObjective, SCORE_OPTIONS } from "./parts/candidates.ts";
import { ELASTIC_OPTIONS, elasticPlan, LAMBDA_WITH_SCORES } from "./parts/elastic.ts";
import { defineStrategy } from "../training/strategy.ts";

export const ewcDc = defineStrategy({
  name: "ewc-dc",
  summary: "elastic weight consolidation with diffusion-classifier scores in the Fisher information",
  options: { ...ELASTIC_OPTIONS, ...SCORE_OPTIONS, lambda: LAMBDA_WITH_SCORES },
  plan: (context, options) => elasticPlan(context, options, classifierObjective(options)),
});
