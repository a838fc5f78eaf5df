/**
 * @file With which settings a concept of a library was learned, as far as its manifest says.
 */
import type { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { trainingSettings } from "../learning/learn-settings.ts";
import type { TrainingSettings } from "../training/training-settings.ts";
import type { Library } from "./library.ts";
import { withValuesOf } from "./manifest/manifest.ts";

/**
 * The settings that a manifest records, with the defaults where it records none.
 *
 * @throws KeepsakeError ("state") that names the manifest if the model cannot have one of them
 */
export function recordedSettings(
  { folder }: Library,
  recorded: Partial<TrainingSettings>,
  pipeline: StableDiffusionPipeline,
): TrainingSettings {
  return withValuesOf(folder, () => trainingSettings(recorded, pipeline));
}
