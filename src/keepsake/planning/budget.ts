/**
 * @file As many steps as a budget of time allows.
 */
import { KeepsakeError } from "../../errors.ts";
import { formatDuration } from "../../units.ts";

/** What decides how many steps fit. */
export interface BudgetFacts {
  /** Seconds for the whole run. */
  readonly budget: number;
  /** Seconds of the whole run with so many steps: the more steps, the longer. */
  readonly secondsOf: (steps: number) => number;
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
 * The largest number of steps that fits a budget: a multiple of 10 where it is not the bound.
 *
 * @throws KeepsakeError ("usage") if not even the least number fits
 */
export function stepsWithin({ budget, secondsOf, usual }: BudgetFacts): number {
  const [least, most] = [Math.max(1, Math.ceil(usual / LEAST_SHARE)), mostSteps(usual)];
  const fits = (steps: number) => secondsOf(steps) <= SAFETY * budget;
  if (fits(least))
    return fits(most) ? most : Math.max(least, 10 * lastThatFits(0, Math.ceil(most / 10), (n) => fits(10 * n)));
  const need = formatDuration(Math.ceil(secondsOf(least) / SAFETY));
  const fault = `${formatDuration(budget)} are too short: the least that teaches something, ${least} steps, takes about ${need}`;
  throw new KeepsakeError("usage", `${fault} on this machine; give more time, or a smaller --resolution.`);
}

/**
 * The largest whole number that fits, found by halving.
 *
 * @param low - counts as one that fits
 * @param high - does not fit, nor does any above it
 */
function lastThatFits(low: number, high: number, fits: (n: number) => boolean): number {
  if (high - low <= 1) return low;
  const middle = Math.floor((low + high) / 2);
  return fits(middle) ? lastThatFits(middle, high, fits) : lastThatFits(low, middle, fits);
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
