/**
 * @file Joint training: one adapter and all tokens learn from all concepts' photos at once, with the steps of all of
 * them together. The upper bound: it needs every photo at the same time, so it is a yardstick for sequences in memory,
 * not for libraries.
 */
import { defineStrategy } from "../training/strategy.ts";

export const joint = defineStrategy({
  name: "joint",
  summary: "upper bound: all concepts' photos at once; not replay-free",
  options: {},
  order: "together",
});
