/**
 * @file What the DSC strategies share: double distillation from the network before this concept and from one trained on
 * this concept alone, of noise predictions and of diffusion-classifier scores, on the same noisy latents (Jha et al.,
 * ICLR 2025; docs/method.md, "Double distillation").
 */
import { posterior } from "../../training/diffusion-classifier.ts";
import { SCORE_OPTIONS, type ScoreOptions } from "./candidates.ts";
import type { ChoiceOption, NumberOption } from "../../training/options.ts";
import { squaredError } from "../../training/prediction-loss.ts";
import {
  isTaughtFurther,
  type ConceptContext,
  type ConceptPlan,
  type Objective,
  type TeacherName,
} from "../../training/strategy.ts";

const weight = (help: string) => ({ type: "number", default: 1, min: 0, max: Infinity, help }) as const;

export const DISTILLATION_OPTIONS = {
  alpha: weight("weight of the old teacher's noise predictions under earlier prompts and the class noun"),
  beta: weight("weight of the new teacher's noise predictions under the new prompt"),
  eta: { ...weight("weight of both teachers' classifier scores"), default: 1e-3 },
  ...SCORE_OPTIONS,
  "teacher-start": {
    type: "choice",
    default: "previous",
    choices: ["previous", "zero"],
    help: "where the new teacher starts: from the adapter before this concept, or from one that changes nothing",
  },
  "student-token": {
    type: "choice",
    default: "teacher",
    choices: ["teacher", "start"],
    help: "where the student's token starts: as the new teacher learned it, or where the teacher's started",
  },
} as const satisfies Record<
  string,
  NumberOption | ChoiceOption<"previous" | "zero"> | ChoiceOption<"teacher" | "start">
>;

export interface DistillationOptions extends ScoreOptions {
  readonly alpha: number;
  readonly beta: number;
  readonly eta: number;
  readonly "teacher-start": "previous" | "zero";
  readonly "student-token": "teacher" | "start";
}

/** L_DSC, and the new teacher that it needs. A concept that is taught further is one of S_old, too. */
export async function distillationPlan(
  context: ConceptContext,
  options: DistillationOptions,
): Promise<Pick<ConceptPlan, "objective" | "teacher">> {
  const { adapter, blankAdapter } = context;
  const start = options["teacher-start"] === "previous" ? adapter : await blankAdapter();
  const needsTeacher = options.beta > 0 || options.eta > 0;
  return {
    objective: distillationObjective(options, isTaughtFurther(context)),
    teacher: needsTeacher
      ? { start: start.parameters, handsOverToken: options["student-token"] === "teacher" }
      : undefined,
  };
}

/**
 * L_denoise(θ; c_n) + α Σ_{c in S_old} ‖ε_θ(c) - ε_O(c)‖² + β ‖ε_θ(c_n) - ε_N(c_n)‖² + η [KL(P_O || P_θ) over S_old
 * + KL(P_N || P_θ) over c_n and S_old], where S_old are the class noun's prompt and those of earlier concepts.
 *
 * @param knowsConcept - whether c_n is one of S_old: what the network knew of it is to be kept as well
 */
export function distillationObjective(
  { alpha, beta, eta, candidates, temperature }: DistillationOptions,
  knowsConcept = false,
): Objective {
  const others = (prompts: number) => Array.from({ length: prompts - 1 }, (_, i) => i + 1);
  const all = (prompts: number) => [0, ...others(prompts)];
  const old = knowsConcept ? all : others;
  return {
    candidates,
    teachers: {
      old: alpha > 0 || eta > 0 ? old : undefined,
      new: eta > 0 ? all : beta > 0 ? () => [0] : undefined,
    },
    addTerms: (loss, { prompts, prediction }) => {
      const scores = (teacher: TeacherName, candidatesOf: readonly number[]) => {
        const errors = candidatesOf.map((prompt) => squaredError(prediction(teacher, prompt), loss.target));
        loss.addScoreDivergence(candidatesOf, posterior(errors, temperature), eta, temperature);
      };
      loss.addSquaredError(0, 1);
      if (alpha > 0) for (const prompt of old(prompts)) loss.addSquaredError(prompt, alpha, prediction("old", prompt));
      if (beta > 0) loss.addSquaredError(0, beta, prediction("new", 0));
      if (eta > 0) {
        scores("old", old(prompts));
        scores("new", all(prompts));
      }
    },
  };
}
