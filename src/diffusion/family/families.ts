/**
 * @file The one table of what is done with a model where nobody has said otherwise: size, steps, guidance and scheduler
 * of each family of checkpoints. Sources: the models' own cards and their files for diffusers.
 */
import type { PredictionType } from "../schedulers/index.ts";
import type { ArchitectureName } from "../single-file/architectures.ts";

/** Names of families, as options take them. */
export const FAMILY_NAMES = [
  "sd1",
  "sd2-base",
  "sd2-768-v",
  "sdxl",
  "small-sd",
  "small-sdxl",
  "sd-turbo",
  "sdxl-turbo",
  "lcm",
  "built-in",
] as const;

export type FamilyName = (typeof FAMILY_NAMES)[number];

/** Families that a person may say a checkpoint is of. */
export const CHECKPOINT_FAMILIES = FAMILY_NAMES.filter((name) => name !== "built-in");

/** A family of checkpoints, and its defaults. */
export interface ModelFamily {
  readonly name: FamilyName;
  /** For people. */
  readonly title: string;
  /** What is special about drawing with it, in a few words. */
  readonly about: string;
  /** Which networks it has; undefined: those of several. */
  readonly architecture?: ArchitectureName;
  /** Side of the pictures of its training, in pixels, where the checkpoint does not say. */
  readonly resolution: number;
  /** Denoising steps. */
  readonly steps: number;
  /** How closely prompts are followed; 1: no guidance, and no negative prompt. */
  readonly guidanceScale: number;
  /** What the model predicts, where the checkpoint does not say. */
  readonly prediction: PredictionType;
  /** Options of scheduler_config.json, where the checkpoint has none. */
  readonly scheduler: Readonly<Record<string, unknown>> & { readonly _class_name: string };
}

const PNDM = { _class_name: "PNDMScheduler", skip_prk_steps: true };
const USUAL = { steps: 30, guidanceScale: 7.5, prediction: "epsilon" } as const;
/** Distilled to draw in one to four steps from pure noise, where trailing steps begin. */
const TURBO = { about: "1 to 4 steps, no negative prompt", steps: 4, guidanceScale: 1, prediction: "epsilon" } as const;

/** The families by name. */
export const MODEL_FAMILIES: Readonly<Record<FamilyName, ModelFamily>> = {
  sd1: {
    ...{ name: "sd1", title: "Stable Diffusion 1.x", about: "", architecture: "sd1" },
    ...{ ...USUAL, resolution: 512, scheduler: PNDM },
  },
  "sd2-base": {
    ...{ name: "sd2-base", title: "Stable Diffusion 2.x base", about: "", architecture: "sd2" },
    ...{ ...USUAL, resolution: 512, scheduler: { _class_name: "DDIMScheduler" } },
  },
  "sd2-768-v": {
    ...{ name: "sd2-768-v", title: "Stable Diffusion 2.x", about: "predicts velocity", architecture: "sd2" },
    ...{ ...USUAL, prediction: "v_prediction", resolution: 768, scheduler: { _class_name: "DDIMScheduler" } },
  },
  sdxl: {
    ...{ name: "sdxl", title: "SDXL", about: "", architecture: "sdxl" },
    // diffusers: pipelines/stable_diffusion_xl, `__call__`.
    ...{ ...USUAL, guidanceScale: 5, resolution: 1024 },
    scheduler: { _class_name: "EulerDiscreteScheduler", timestep_spacing: "leading" },
  },
  "small-sd": {
    ...{ name: "small-sd", title: "BK-SDM, Segmind small", about: "Stable Diffusion with fewer layers" },
    ...{ ...USUAL, resolution: 512, scheduler: PNDM },
  },
  "small-sdxl": {
    ...{ name: "small-sdxl", title: "SSD-1B, Vega", about: "SDXL with fewer layers; wants a negative prompt" },
    ...{ ...USUAL, guidanceScale: 9, resolution: 1024 },
    scheduler: { _class_name: "EulerDiscreteScheduler", timestep_spacing: "leading" },
  },
  "sd-turbo": {
    ...{ name: "sd-turbo", title: "SD-Turbo", architecture: "sd2", ...TURBO, resolution: 512 },
    scheduler: { _class_name: "EulerDiscreteScheduler", timestep_spacing: "trailing" },
  },
  "sdxl-turbo": {
    ...{ name: "sdxl-turbo", title: "SDXL-Turbo", architecture: "sdxl", ...TURBO, resolution: 512 },
    scheduler: { _class_name: "EulerAncestralDiscreteScheduler", timestep_spacing: "trailing" },
  },
  lcm: {
    ...{ name: "lcm", title: "LCM", about: "2 to 8 steps, guidance from 3 to 13, no negative prompt" },
    // diffusers: pipelines/latent_consistency_models, `__call__`.
    ...{ steps: 4, guidanceScale: 8.5, prediction: "epsilon", resolution: 768 },
    scheduler: { _class_name: "LCMScheduler" },
  },
  "built-in": {
    ...{ name: "built-in", title: "Keepsake 64, a miniature", about: "small drawings" },
    ...{ ...USUAL, guidanceScale: 3, prediction: "v_prediction", resolution: 64 },
    scheduler: { _class_name: "DDIMScheduler" },
  },
};
