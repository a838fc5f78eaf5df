/**
 * @file How a picture was drawn, as the line of text that AUTOMATIC1111's program writes into its PNG files and many
 * others read (`modules/infotext_utils.py`): prompt, negative prompt, settings. No name of a file, a folder or a model.
 */
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { schedulerClass } from "../diffusion/schedulers/index.ts";

/** The settings of a drawing, beside prompt, seed and number. */
export interface DrawingSettings {
  readonly negativePrompt: string;
  readonly steps: number;
  /** The scheduler, as AUTOMATIC1111's program calls it: see {@link samplerName}. */
  readonly sampler: string;
  readonly guidanceScale: number;
  /** Which layer of the text encoder was taken, counted from the last one; if that was said. */
  readonly clipSkip?: number | undefined;
}

/** What is written of a drawing. */
export interface DrawingParameters extends DrawingSettings {
  readonly prompt: string;
  readonly seed: number | bigint;
  /** Its number among the pictures of this seed. */
  readonly index: number;
  readonly width: number;
  readonly height: number;
}

/** The key of the text in a PNG file. */
export const PARAMETERS_KEY = "parameters";

/** The text for a PNG file. */
export function parametersText(drawing: DrawingParameters): string {
  const { prompt, negativePrompt, steps, sampler, guidanceScale, clipSkip = 1, seed, index, width, height } = drawing;
  const settings = [
    ["Steps", steps],
    ["Sampler", sampler],
    ["CFG scale", guidanceScale],
    ["Seed", seed],
    ["Size", `${width}x${height}`],
    ...(clipSkip === 1 ? [] : [["Clip skip", clipSkip]]),
    // Without it the seed would stand for another picture.
    ...(index === 0 ? [] : [["Batch pos", index]]),
  ];
  const lines = [
    plain(prompt),
    ...(negativePrompt.trim() === "" ? [] : [`Negative prompt: ${plain(negativePrompt)}`]),
    settings.map(([key, value]) => `${key}: ${value}`).join(", "),
  ];
  return lines.join("\n");
}

/** Text without characters that a terminal would obey; line breaks are kept. */
function plain(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/[^\P{Cc}\n]/gu, " ")
    .trim();
}

/** By the class in diffusers. */
const SAMPLERS: Readonly<Record<string, string>> = {
  DDPMScheduler: "DDPM",
  DDIMScheduler: "DDIM",
  PNDMScheduler: "PLMS",
  EulerDiscreteScheduler: "Euler",
  EulerAncestralDiscreteScheduler: "Euler a",
  DPMSolverMultistepScheduler: "DPM++ 2M",
  DPMSolverSinglestepScheduler: "DPM++ 2S",
  UniPCMultistepScheduler: "UniPC",
  HeunDiscreteScheduler: "Heun",
  KDPM2DiscreteScheduler: "DPM2",
  KDPM2AncestralDiscreteScheduler: "DPM2 a",
  LMSDiscreteScheduler: "LMS",
  DEISMultistepScheduler: "DEIS",
  LCMScheduler: "LCM",
  TCDScheduler: "TCD",
};

/** Names of ours that say more than their class. */
const VARIANTS: Readonly<Record<string, string>> = {
  "dpmpp2m-karras": "DPM++ 2M Karras",
  "dpmpp2m-sde": "DPM++ 2M SDE",
  "dpmpp2m-sde-karras": "DPM++ 2M SDE Karras",
};

/** @param asked - the scheduler that was asked for; else the checkpoint's own */
export function samplerName(
  asked: string | undefined,
  { schedulerConfig }: Pick<StableDiffusionPipeline, "schedulerConfig">,
): string {
  if (asked !== undefined) return VARIANTS[asked] ?? SAMPLERS[schedulerClass(asked)] ?? asked;
  const { _class_name: own, algorithm_type: algorithm, use_karras_sigmas: isKarras } = schedulerConfig;
  const name = SAMPLERS[String(own)] ?? String(own);
  const isStochastic = own === "DPMSolverMultistepScheduler" && algorithm === "sde-dpmsolver++";
  return `${name}${isStochastic ? " SDE" : ""}${isKarras === true ? " Karras" : ""}`;
}
