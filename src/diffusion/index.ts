/**
 * @file Stable Diffusion as functions over graph tensors: checkpoints, pipeline, schedulers, tokenizer, CLIP.
 */
export { ClipFeatures } from "./clip/clip-features.ts";
export { ImageEncoder, latentsFromPosterior, type Posterior } from "./latents.ts";
export type { AdaptedComponent, AdapterBinding, BaseLayer, ModuleContext } from "./module.ts";
export type { PictureSize } from "./picture-size.ts";
export { StableDiffusionPipeline, type GeneratedImage, type GenerateOptions, type GenerationStep } from "./pipeline.ts";
export type { LearnedEmbedding } from "./prompt-encoder.ts";
export { createScheduler, NoiseSchedule, SCHEDULERS, type Scheduler } from "./schedulers/index.ts";
export { ClipTokenizer } from "./tokenizer/index.ts";
