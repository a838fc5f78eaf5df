/** @file Double distillation with the penalty of plain elastic weight consolidation. */
import { DISTILLATION_OPTIONS, distillationPlan } from "./parts/distillation.ts";
import { ELASTIC_OPTIONS, elasticPlan } from "./parts/elastic.ts";
import { defineStrategy, DENOISING } from "../training/strategy.ts";

export const dscEwc = defineStrategy({
  name: "dsc-ewc",
  summary: "double distillation and elastic weight consolidation",
  options: { ...DISTILLATION_OPTIONS, ...ELASTIC_OPTIONS },
  plan: async (context, options) => ({
    ...(await distillationPlan(context, options)),
    ...elasticPlan(context, options, DENOISING),
  }),
});
