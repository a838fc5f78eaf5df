/**
 * @file Strategies of learning one concept after another, and what they are made of.
 */
export { DenoiserPool, type DenoiserPoolOptions } from "../training/denoiser-pool.ts";
export { DenoisingError, type DenoisingBatch, type DenoisingErrorResult } from "../training/denoising-error.ts";
export { describeRange, type OptionSpec, type OptionValue } from "../training/options.ts";
export type { ConceptPlan, Objective, Strategy, StrategyDefinition, StrategyMemory } from "../training/strategy.ts";
export type { PhaseEvaluations, PhaseName, TrainingSettings } from "../training/training-run.ts";
export { createStrategy, findStrategy, parseStrategyOptions, STRATEGIES } from "./registry.ts";
