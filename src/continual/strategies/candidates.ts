/**
 * @file The candidates of the diffusion classifier in one training step: the new concept, the class noun without any token (c_0), and earlier concepts drawn
 * anew for each step (METHOD.md, "Diffusion classifier scores").
 */
import type { RandomStream } from "../../random/random.ts";
import type { NumberOption } from "./options.ts";
import { DEFAULT_TEMPERATURE } from "../diffusion-classifier.ts";
import type { Objective } from "./strategy.ts";

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

/** L_denoise(θ; c_n) + weight · CE(P_θ(· | x), c_n) over the candidates. With a weight of 1 the Fisher information of EWC-DC is made of it. */
export function classifierObjective({ candidates, temperature }: ScoreOptions, weight = 1): Objective {
  return {
    candidates,
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

/**
 * What a step's prompts speak of: the new token, the class noun, and so many earlier tokens that there are `candidates` in all.
 *
 * @param draw - a stream of this step
 */
export function drawSubjects(
  candidates: number,
  { token, classNoun }: { readonly token: string; readonly classNoun: string },
  earlier: readonly string[],
  draw: () => RandomStream,
): string[] {
  if (candidates < 2) return [token];
  const wanted = Math.min(candidates - 2, earlier.length);
  const left = [...earlier];
  const stream = draw();
  const drawn = Array.from({ length: wanted }, () => left.splice(stream.integer(left.length), 1)[0]);
  return [token, classNoun, ...drawn];
}
