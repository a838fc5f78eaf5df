/** @file Learning-rate schedules: the factor on the learning rate at each step, as diffusers' get_scheduler. */

/** Names of `diffusers: optimization.py`; `constant` with warm-up steps is its `constant_with_warmup`. */
export const learningRateSchedules = ["constant", "linear", "cosine"] as const;

export type LearningRateSchedule = (typeof learningRateSchedules)[number];

export interface LearningRateScheduleOptions {
  /** Steps over which the factor rises linearly from 0 to 1. Default 0. */
  readonly warmupSteps?: number;
  /** Steps of the whole training; the factor of `linear` and `cosine` reaches 0 there. */
  readonly totalSteps: number;
}

/**
 * The factor to multiply the learning rate with.
 *
 * @param step number of optimiser steps already done: 0 for the first. With warm-up the first factor is 0, as in
 *   diffusers.
 * @returns a factor in [0, 1]. Source: `diffusers: optimization.py` (get_linear_schedule_with_warmup and its
 *   neighbours).
 */
export function learningRateFactor(
  schedule: LearningRateSchedule,
  step: number,
  { warmupSteps = 0, totalSteps }: LearningRateScheduleOptions,
): number {
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  const decaySteps = Math.max(1, totalSteps - warmupSteps);
  switch (schedule) {
    case "constant":
      return 1;
    case "linear":
      return Math.max(0, (totalSteps - step) / decaySteps);
    case "cosine": {
      // Half a period. diffusers lets the cosine rise again behind the last step; a factor of 0 is what is meant there.
      const progress = Math.min(1, (step - warmupSteps) / decaySteps);
      return 0.5 * (1 + Math.cos(Math.PI * progress));
    }
  }
}
