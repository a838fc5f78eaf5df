/**
 * @file Textual inversion only (Gal et al., 2022): the new token is learned, every weight stays. It cannot forget, and
 * learns less.
 */
import { defineStrategy } from "../training/strategy.ts";

export const textualInversion = defineStrategy({
  name: "textual-inversion",
  summary: "only the new token is learned; cannot forget, learns less",
  options: {},
  form: "frozen",
});
