/** @file Plain sequential training: the one adapter is trained on, concept after concept, and forgets. */
import { defineStrategy } from "../training/strategy.ts";

export const sequential = defineStrategy({
  name: "sequential",
  summary: "one adapter trained on, concept after concept; forgets",
  options: {},
});
