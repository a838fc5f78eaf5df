/**
 * @file What the EWC strategies share: the quadratic penalty, the consolidation pass after the last step, and what goes
 * on to the next concept.
 */
import { KeepsakeError } from "../../errors.ts";
import {
  ANCHOR,
  type StrategyMemory,
  type ConceptContext,
  type ConceptPlan,
  type Objective,
} from "../../training/strategy.ts";
import { checkFisherUnit, fisherUnit } from "./fisher-unit.ts";
import type { ChoiceOption, NumberOption } from "../../training/options.ts";
import {
  addQuadraticPenaltyGradient,
  consolidateOnline,
  consolidateSum,
  quadraticPenalty,
  type ConsolidatedParameters,
} from "../../training/quadratic-penalty.ts";

/** The strength was tuned on the built-in model and all its linear layers; on keys and values alone 1e4 was right. */
export const ELASTIC_OPTIONS = {
  lambda: {
    type: "number",
    default: 3e5,
    min: 0,
    max: Infinity,
    help: "strength of the penalty: larger forgets less and learns less; keys and values alone want a thirtieth",
  },
  gamma: { type: "number", default: 1, min: 0, max: 1, help: "weight of the earlier concepts' Fisher in the next one" },
  penalty: {
    type: "choice",
    default: "online",
    choices: ["online", "per-task"],
    help: "online: around where the last concept ended; per-task: the sum of one penalty for each concept, around where it ended",
  },
  draws: {
    type: "integer",
    default: 8,
    min: 1,
    max: 10_000,
    help: "draws of noise and timestep for each photo in the Fisher information",
  },
} as const satisfies Record<string, NumberOption | ChoiceOption<"online" | "per-task">>;

/**
 * Gradients of classifier scores are larger by the inverse of their temperature, and the Fisher information by its
 * square. Tuned as the other; on keys and values alone 1 was right.
 */
export const LAMBDA_WITH_SCORES = { ...ELASTIC_OPTIONS.lambda, default: 30 } as const;

export interface ElasticOptions {
  readonly lambda: number;
  readonly gamma: number;
  readonly penalty: "online" | "per-task";
  readonly draws: number;
}

/**
 * L + (λ/2) Σ_j F_j (θ_j - θ*_j)², with F made of an objective's gradients (docs/method.md, "Elastic weight
 * consolidation").
 *
 * @throws KeepsakeError if the memory is of an adapter of another size, or of another objective
 */
export function elasticPlan(
  { adapter, memory }: ConceptContext,
  { lambda, gamma, penalty, draws }: ElasticOptions,
  objective: Objective,
): Pick<ConceptPlan, "penalty" | "fisher" | "keep"> {
  const earlier = consolidated(memory, adapter.parameters.length);
  if (earlier !== undefined) checkFisherUnit(memory, objective);
  const consolidate = penalty === "online" ? consolidateOnline : consolidateSum;
  return {
    penalty:
      earlier === undefined || lambda === 0
        ? undefined
        : {
            value: (parameters) => quadraticPenalty(parameters, earlier, lambda),
            addGradient: (gradient, parameters) => {
              addQuadraticPenaltyGradient(gradient, parameters, earlier, lambda);
            },
          },
    fisher: { objective, draws },
    keep: ({ parameters, fisher }) => {
      if (fisher === undefined) throw new Error("the Fisher information was not computed");
      const { anchor, fisher: sum } = consolidate(earlier, { anchor: parameters, fisher }, gamma);
      const shape = [parameters.length];
      return new Map([[ANCHOR, { shape, data: anchor }], ["fisher", { shape, data: sum }], fisherUnit(objective)]);
    },
  };
}

/**
 * What an EWC strategy kept; undefined if there is nothing: then only what is learned from now on is
 * protected.
 */
function consolidated(memory: StrategyMemory, size: number): ConsolidatedParameters | undefined {
  const [anchor, fisher] = [memory.get(ANCHOR)?.data, memory.get("fisher")?.data];
  if (anchor === undefined || fisher === undefined) return undefined;
  if (anchor.length === size && fisher.length === size) return { anchor, fisher };
  const fault = `its Fisher information is of ${fisher.length} numbers, its adapter has ${size}`;
  throw new KeepsakeError("state", `The library's memory does not fit: ${fault}; restore the library from a backup.`);
}
