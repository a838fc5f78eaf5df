/** @file Plain sequential LoRA: the one adapter is trained on, concept after concept, and forgets. */
import { defineStrategy } from "./strategy.ts";

export const sequential = defineStrategy({
  name: "sequential",
  summary: "one LoRA trained on, concept after concept; forgets",
  options: {},
});
