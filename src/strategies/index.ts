/**
 * @file Published as `keepsake/strategies`: how concepts are learned without losing the earlier ones, and what a
 * strategy of your own is made of.
 */
export {
  createStrategy,
  DEFAULT_STRATEGY,
  findStrategy,
  parseStrategyOptions,
  registerStrategy,
  STRATEGIES,
} from "./registry.ts";
export {
  defineStrategy,
  DENOISING,
  isTaughtFurther,
  type ConceptContext,
  type ConceptEnd,
  type ConceptPlan,
  type Objective,
  type ObjectiveItem,
  type Penalty,
  type Replay,
  type Strategy,
  type StrategyDefinition,
  type StrategyMemory,
  type TeacherName,
} from "../training/strategy.ts";
export type { TrainedForm } from "../adapters/stacked-lora.ts";
export { describeRange, type OptionSpec, type OptionSpecs, type OptionValue } from "../training/options.ts";
export {
  latentMask,
  lossMask,
  minSnrWeight,
  priorPreservationWeights,
  withNoiseOffset,
  type LossOptions,
  type MaskOptions,
  type NoiseOffset,
} from "../training/loss-options.ts";
export { PredictionLoss, squaredError } from "../training/prediction-loss.ts";
export { classifierObjective, SCORE_OPTIONS, type ScoreOptions } from "./parts/candidates.ts";
export {
  DISTILLATION_OPTIONS,
  distillationObjective,
  distillationPlan,
  type DistillationOptions,
} from "./parts/distillation.ts";
export { ELASTIC_OPTIONS, elasticPlan, type ElasticOptions } from "./parts/elastic.ts";
export { protectedMoment } from "./parts/protected-prompts.ts";
export { requireTextSide, responsePenalty } from "./parts/response-penalty.ts";
export { DenoiserPool, type DenoiserPoolOptions } from "../training/denoiser-pool.ts";
export { DenoisingError, type DenoisingBatch, type DenoisingErrorResult } from "../training/denoising-error.ts";
export type { TrainingSettings } from "../training/training-settings.ts";
export type { PhaseEvaluations, PhaseName } from "../training/training-state.ts";
