/**
 * @file As many steps as a budget of time allows.
 */
import { KeepsakeError } from "../../errors.ts";
import { formatDuration } from "../../units.ts";

/** What decides how many steps fit. In seconds. */
export interface BudgetFacts {
  /** For the whole run. */
  readonly budget: number;
  /** Of one step, of a teacher's as well if there is one. */
  readonly perStep: number;
  /** Of everything that does not depend on the steps. */
  readonly fixed: number;
  /** Steps that the model is usually taught with. */
  readonly usual: number;
}

/** A run of fewer steps than the usual ones over this learns too little to be worth its time. */
const LEAST_SHARE = 8;
/** More steps than so many times the usual ones make a concept no better. */
const MOST_TIMES = 4;
/** A plan may be wrong by some, and the run is to end in time all the same. */
const SAFETY = 0.9;

/** The most steps that any budget comes to. */
export function mostSteps(usual: number): number {
  return MOST_TIMES * usual;
}

/**
 * The number of steps for a budget: a multiple of 10 where it is not the bound.
 *
 * @throws KeepsakeError ("usage") if not even the least number fits
 */
export function stepsWithin({ budget, perStep, fixed, usual }: BudgetFacts): number {
  const [least, most] = [Math.max(1, Math.ceil(usual / LEAST_SHARE)), mostSteps(usual)];
  const fitting = Math.floor((SAFETY * budget - fixed) / perStep);
  if (fitting >= least) return Math.min(most, Math.max(least, 10 * Math.floor(fitting / 10)));
  const need = formatDuration(Math.ceil((fixed + least * perStep) / SAFETY));
  const fault = `${formatDuration(budget)} are too short: the least that teaches something, ${least} steps, takes about ${need}`;
  throw new KeepsakeError("usage", `${fault} on this machine; give more time, or a smaller --resolution.`);
}

/** How far several runs in a budget are. */
export interface BudgetSpent {
  readonly runs: number;
  readonly done: number;
  /** Seconds. */
  readonly spent: number;
}

/**
 * The seconds for the next of several runs: an equal share of what is left, and never less than at first, so that a run
 * that took longer than planned leaves those after it enough to teach something.
 */
export function shareOfBudget(budget: number, { runs, done, spent }: BudgetSpent): number {
  return Math.max((budget - spent) / (runs - done), budget / runs);
}
