/**
 * @file What a concept is learned with, where the request leaves it open: defaults, and what the library has fixed already.
 */
import { latentShape } from "../diffusion/latents.ts";
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import type { AdapterSettings } from "./library/library.ts";
import type { TrainingSettings } from "./training.ts";

export const DEFAULT_ADAPTER: AdapterSettings = { rank: 4, loraAlpha: 4, targets: "crossattn-kv" };

/** `resolution` is left to the model. The token learns ten times as fast as the adapter, as in pivotal tuning. */
export const DEFAULT_TRAINING: Omit<TrainingSettings, "resolution"> = {
  steps: 400,
  batchSize: 1,
  learningRate: 1e-4,
  tokenLearningRate: 1e-3,
  weightDecay: 0.01,
  maxGradNorm: 1,
  seed: 0,
};

/** The built-in model is a thousand times smaller than Stable Diffusion: it takes larger steps, and needs a larger rank. */
export const BUILT_IN_TRAINING = { steps: 300, batchSize: 4, learningRate: 2e-3, tokenLearningRate: 5e-3 } as const;
export const BUILT_IN_ADAPTER = { rank: 16 } as const;

/**
 * The adapter is the library's; only its first concept may choose.
 *
 * @param known - what there is already, if anything
 * @param owner - where, for messages
 * @throws KeepsakeError if something else is asked for
 */
export function adapterSettings(
  asked: Partial<AdapterSettings>,
  known: AdapterSettings | undefined,
  owner: string,
): AdapterSettings {
  if (known === undefined) {
    const rank = asked.rank ?? DEFAULT_ADAPTER.rank;
    return { rank, loraAlpha: asked.loraAlpha ?? rank, targets: asked.targets ?? DEFAULT_ADAPTER.targets };
  }
  const { rank, loraAlpha, targets } = known;
  const changed = [
    asked.rank !== undefined && asked.rank !== rank ? `rank ${rank}` : "",
    asked.loraAlpha !== undefined && asked.loraAlpha !== loraAlpha ? `alpha ${loraAlpha}` : "",
    asked.targets !== undefined && asked.targets !== targets ? `targets ${targets}` : "",
  ].filter((text) => text !== "");
  if (changed.length > 0) {
    const fault = `that of ${owner} has ${changed.join(", ")}`;
    throw new KeepsakeError("usage", `One adapter lives through all concepts, and ${fault}; leave the option out.`);
  }
  return { rank, loraAlpha, targets };
}

/** @throws KeepsakeError for a resolution that the model cannot have */
export function trainingSettings(
  asked: Partial<TrainingSettings>,
  pipeline: StableDiffusionPipeline,
): TrainingSettings {
  const settings = { ...DEFAULT_TRAINING, resolution: pipeline.defaultSize.width, ...asked };
  latentShape(pipeline.vae.config, { height: settings.resolution, width: settings.resolution });
  return settings;
}
