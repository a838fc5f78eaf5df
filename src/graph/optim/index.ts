/** @file Optimisation on flat float32 arrays: AdamW, gradient clipping, learning-rate schedules. */
export { AdamW, type AdamWGroup, type AdamWMoments, type AdamWOptions, type AdamWState } from "./adamw.ts";
export { clipGradNorm } from "./clip-grad-norm.ts";
export {
  learningRateFactor,
  learningRateSchedules,
  type LearningRateSchedule,
  type LearningRateScheduleOptions,
} from "./schedule.ts";
