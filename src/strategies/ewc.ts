/**
 * @file Elastic weight consolidation (Kirkpatrick et al., 2017) in the adapter's parameters, with the Fisher
 * information of the denoising error.
 */
import { ELASTIC_OPTIONS, elasticPlan } from "./parts/elastic.ts";
import { defineStrategy, DENOISING } from "../training/strategy.ts";

export const ewc = defineStrategy({
  name: "ewc",
  summary: "elastic weight consolidation of the adapter",
  options: ELASTIC_OPTIONS,
  plan: (context, options) => elasticPlan(context, options, DENOISING),
});
