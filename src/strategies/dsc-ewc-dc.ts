/** @file Double distillation with the penalty of EWC-DC: the best method of Jha et al., ICLR 2025. */
import { classifierObjective } from "./parts/candidates.ts";
import { DISTILLATION_OPTIONS, distillationPlan } from "./parts/distillation.ts";
import { ELASTIC_OPTIONS, elasticPlan, LAMBDA_WITH_SCORES } from "./parts/elastic.ts";
import { defineStrategy } from "../training/strategy.ts";

export const dscEwcDc = defineStrategy({
  name: "dsc-ewc-dc",
  summary: "double distillation and elastic weight consolidation with diffusion-classifier scores",
  options: { ...DISTILLATION_OPTIONS, ...ELASTIC_OPTIONS, lambda: LAMBDA_WITH_SCORES },
  plan: async (context, options) => ({
    ...(await distillationPlan(context, options)),
    ...elasticPlan(context, options, classifierObjective(options)),
  }),
});
