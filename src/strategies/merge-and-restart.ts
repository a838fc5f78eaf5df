/**
 * @file Merge and restart (Staniszewski et al., arXiv 2410.04891): after each concept the LoRA is merged into the
 * weights, and the next one begins anew. The adapter's form does it; the merged weights are kept as a whole matrix, so
 * nothing is lost.
 */
import { defineStrategy } from "../training/strategy.ts";

export const mergeAndRestart = defineStrategy({
  name: "merge-and-restart",
  summary: "each concept's LoRA is merged, the next begins anew",
  options: {},
  form: "stacked",
  loraOnly: "it merges the products B A of earlier concepts",
});
