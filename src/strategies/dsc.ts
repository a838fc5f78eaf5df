/**
 * @file Diffusion scores consolidation (Jha et al., ICLR 2025): double distillation of noise predictions and classifier
 * scores.
 */
import { DISTILLATION_OPTIONS, distillationPlan } from "./parts/distillation.ts";
import { defineStrategy } from "../training/strategy.ts";

export const dsc = defineStrategy({
  name: "dsc",
  summary: "double distillation of noise predictions and classifier scores",
  options: DISTILLATION_OPTIONS,
  plan: distillationPlan,
});
