/**
 * @file An adapter of its own for each concept, chosen by hand when drawing: the oracle that cannot forget. Its storage
 * grows with every concept, so it is a yardstick for sequences in memory, not for libraries.
 */
import { defineStrategy } from "../training/strategy.ts";

export const separate = defineStrategy({
  name: "separate",
  summary: "oracle: an adapter for each concept; storage grows with every concept",
  options: {},
  order: "separate",
});
