/** @file Optimisation on flat float32 arrays: AdamW, gradient clipping, learning-rate schedules. */
export { AdamW } from "./adamw.ts";
export type { AdamWGroup, AdamWMoments, AdamWOptions, AdamWState } from "./adamw.ts";
export { clipGradNorm } from "./clip-grad-norm.ts";
export { learningRateFactor, learningRateSchedules } from "./schedule.ts";
export type { LearningRateSchedule, LearningRateScheduleOptions } from "./schedule.ts";
