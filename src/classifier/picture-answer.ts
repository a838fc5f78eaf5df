/**
 * @file From the errors of the candidates to an answer: which concept a picture shows, that it shows none, or that this
 * is not sure.
 */
import { ANYTHING, type Candidate } from "./candidate.ts";
import type { ConceptClassification } from "./concept-classifier.ts";

/** What is said of a picture. */
export type Answer =
  | {
      readonly kind: "concept";
      /** Its name. */
      readonly concept: string;
      /** As written in prompts: `<name>`. */
      readonly label: string;
      readonly probability: number;
    }
  | {
      readonly kind: "none";
      /** That the picture shows none of the concepts. */
      readonly probability: number;
      /** The ordinary thing that fits it best, `a cat`; absent if none fits better than no words at all. */
      readonly nearest?: string;
    }
  | {
      readonly kind: "unsure";
      /** What it may be, the most probable first: `<name>` for a concept, {@link NONE} for none of them. */
      readonly between: readonly string[];
    };

/** How it is called that a picture shows none of the concepts. */
export const NONE = "none of these";
/**
 * An answer is given from this probability on. Of 219 answers that were given so about pictures of
 * recipes/classifier.ts, both sets, 218 were right.
 */
export const SURE = 0.9;
/**
 * Standard errors over which a probability falls by a factor of e. By the likelihood of the truth about the pictures of
 * recipes/classifier.ts less would be better for the set "tuning", 2 for the set "reported"; but at 1.5 hardly any
 * answer among fifty concepts was sure (docs/method.md).
 */
export const DEFAULT_TEMPERATURE_IN_STANDARD_ERRORS = 1;

/** One candidate for one picture. */
export interface Verdict extends Omit<Candidate, "prompt"> {
  /**
   * In [0, 1]; those of a picture sum to 1. Those of ordinary things together are the probability that it shows none of
   * the concepts.
   */
  readonly probability: number;
  /** Mean squared error of the noise predicted for it: the smaller, the better it fits. */
  readonly error: number;
  /** Draws after which it was decided. */
  readonly draws: number;
}

/**
 * Judges a picture. How far a candidate is behind the best one is counted in standard errors of their paired
 * difference, so that the answer means the same for every model and number of draws: P ∝ exp(-difference / standard
 * error / temperature), over each concept and the best ordinary thing, which speaks for "none of these". More ordinary
 * things therefore make no concept less probable unless they fit better.
 *
 * @param temperature - above 0
 * @returns the verdicts of all that were compared, the least error first
 */
export function judge(
  classification: ConceptClassification,
  temperature: number = DEFAULT_TEMPERATURE_IN_STANDARD_ERRORS,
): { readonly answer: Answer; readonly verdicts: readonly Verdict[] } {
  const { candidates, errors, standardErrors, draws } = classification;
  const least = Math.min(...errors);
  const weights = errors.map((error, i) => Math.exp(-behind(error - least, standardErrors[i]) / temperature));
  const byError = [...candidates.keys()].sort((a, b) => errors[a] - errors[b]);
  const concepts = byError.filter((i) => candidates[i].concept !== undefined);
  const ordinary = byError.filter((i) => candidates[i].concept === undefined);

  const weightOfNone = ordinary.length === 0 ? 0 : weights[ordinary[0]];
  const total = concepts.reduce((sum, i) => sum + weights[i], weightOfNone);
  const ofOrdinary = ordinary.reduce((sum, i) => sum + weights[i], 0);
  const verdicts = byError.map((i) => {
    const { label, concept } = candidates[i];
    const isConcept = concept !== undefined;
    const share = isConcept || ofOrdinary === 0 ? weights[i] : (weights[i] / ofOrdinary) * weightOfNone;
    return {
      label,
      concept,
      ...{ probability: share / total, error: errors[i], draws: draws[i] },
    };
  });
  return { answer: answerOf(verdicts, weightOfNone / total, nearestOf(classification, ordinary)), verdicts };
}

function answerOf(verdicts: readonly Verdict[], none: number, nearest: string | undefined): Answer {
  const outcomes = [
    ...verdicts.filter(({ concept }) => concept !== undefined),
    { label: NONE, concept: undefined, probability: none },
  ].sort((a, b) => b.probability - a.probability);
  const [{ concept, label, probability }] = outcomes;
  if (probability < SURE) {
    const possible = outcomes.filter((outcome, i) => i < 2 || outcome.probability > (1 - SURE) / 2);
    return { kind: "unsure", between: possible.map((outcome) => outcome.label) };
  }
  if (concept !== undefined) return { kind: "concept", concept, label, probability };
  return { kind: "none", probability, nearest };
}

/** The best ordinary thing, if it is ahead of the empty prompt by more than chance. */
function nearestOf(
  { candidates, errors, standardErrors }: ConceptClassification,
  ordinary: readonly number[],
): string | undefined {
  const [best] = ordinary;
  const empty = ordinary.find((i) => candidates[i] === ANYTHING);
  if (best === undefined || best === empty) return undefined;
  const clearlyAhead = Math.log(SURE / (1 - SURE));
  const isAhead = empty === undefined || behind(errors[empty] - errors[best], standardErrors[empty]) > clearlyAhead;
  return isAhead ? candidates[best].label : undefined;
}

/** In standard errors; 0 where nothing is known yet. */
function behind(difference: number, standardError: number): number {
  return difference === 0 ? 0 : difference / standardError;
}
