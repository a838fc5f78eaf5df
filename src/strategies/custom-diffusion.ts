/**
 * @file Sequential Custom Diffusion (Kumari et al., CVPR 2023): whole matrices are trained in place of low-rank ones,
 * with the targets crossattn-kv those of the cross-attention's keys and values. Their closed-form merge and their
 * regularisation images are not part of it.
 */
import { defineStrategy } from "../training/strategy.ts";

export const customDiffusion = defineStrategy({
  name: "custom-diffusion",
  summary: "whole key and value matrices trained on, concept after concept; forgets",
  options: {},
  form: "full",
  loraOnly: "it trains whole matrices in the place of B",
});
