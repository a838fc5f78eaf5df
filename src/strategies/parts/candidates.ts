/**
 * @file The candidates of the diffusion classifier in one training step: the new concept, the class noun without any
 * token (c_0), and earlier concepts drawn anew for each step (docs/method.md, "Classifier scores").
 */
import type { NumberOption } from "../../training/options.ts";
import { DEFAULT_TEMPERATURE } from "../../training/diffusion-classifier.ts";
import type { Objective } from "../../training/strategy.ts";

/** Options of every strategy that uses classifier scores. */
export const SCORE_OPTIONS = {
  candidates: {
    type: "integer",
    default: 5,
    min: 1,
    max: 1000,
    help: "prompts that are compared in a step: the new concept, the class noun, the others earlier concepts drawn anew",
  },
  temperature: {
    type: "number",
    default: DEFAULT_TEMPERATURE,
    min: 0,
    aboveMin: true,
    max: Infinity,
    help: "temperature of the classifier's softmax, in units of the denoising error",
  },
} as const satisfies Record<string, NumberOption>;

/**
 * L_denoise(θ; c_n) + weight · CE(P_θ(· | x), c_n) over the candidates. With a weight of 1 the Fisher information of
 * EWC-DC is made of it.
 */
export function classifierObjective({ candidates, temperature }: ScoreOptions, weight = 1): Objective {
  return {
    ...{ candidates, temperature },
    addTerms: (loss, { prompts }) => {
      const all = Array.from({ length: prompts }, (_, i) => i);
      loss.addSquaredError(0, 1).addScoreDivergence(
        all,
        all.map((i) => (i === 0 ? 1 : 0)),
        weight,
        temperature,
      );
    },
  };
}

export interface ScoreOptions {
  readonly candidates: number;
  readonly temperature: number;
}
