/**
 * @file Published as `keepsake/diffusion`: Stable Diffusion checkpoints as programs, and what a scheduler of your own
 * is made of.
 */
export { StableDiffusionPipeline, type GeneratedImage, type GenerateOptions, type GenerationStep } from "./pipeline.ts";
export type { Checkpoint, CheckpointOptions } from "./checkpoint.ts";
export { ClipFeatures } from "./clip/clip-features.ts";
export { ClipTokenizer, PromptTokenizer } from "./tokenizer/index.ts";
export { TextConditioning, type Conditioning, type TextEncoder } from "./text-conditioning.ts";
export { timeIdsOf, wholePicture, type PictureFraming, type TimeIds } from "./time-ids.ts";
export { ImageEncoder, latentsFrom, latentShape, type LatentDistribution, type LatentShape } from "./latents.ts";
export type { LearnedEmbedding } from "./prompt-encoder.ts";
export {
  createScheduler,
  NoiseSchedule,
  registerScheduler,
  SchedulerConfig,
  schedulerNames,
  type NoiseSource,
  type PredictionType,
  type Scheduler,
  type SchedulerClass,
  type SchedulerOptions,
  type SchedulerStep,
} from "./schedulers/index.ts";
export type { AdaptedComponent, AdapterBinding, BaseLayer, ModuleContext, TextComponent } from "./module.ts";
export type { PictureSize } from "./picture-size.ts";
