/**
 * @file How well photos are predicted that are not trained on, always at the same noise and timesteps, so that the
 * numbers of a run can be compared: where they rise while the loss falls, the concept is being learned by heart.
 */
import { timeIdsOf } from "../../diffusion/time-ids.ts";
import { latentsFrom } from "../../diffusion/latents.ts";
import { fillTemplate, PROMPT_TEMPLATES, withCaption } from "../../prompts/prompt-templates.ts";
import { RandomStream } from "../../random/random.ts";
import type { DenoisingItem } from "../denoiser.ts";
import type { TrainingPhoto } from "../photos/encode-photos.ts";
import type { DrawMaterial } from "../training-draws.ts";

/** Timesteps of each photo, spread evenly over the schedule. */
export const VALIDATION_TIMESTEPS = 8;

/**
 * What is predicted of each photo: its most probable latents, with noise that depends on nothing but the photo's
 * number.
 */
export function validationItems(
  photos: readonly TrainingPhoto[],
  { vae, schedule, tokenize }: Pick<DrawMaterial, "vae" | "schedule" | "tokenize">,
  token: string,
): DenoisingItem[] {
  return photos.flatMap((photo, i) => {
    const latents = latentsFrom(photo, vae);
    const sentence = withCaption(fillTemplate(PROMPT_TEMPLATES[0], token), photo.caption);
    const { framing } = photo;
    return Array.from({ length: VALIDATION_TIMESTEPS }, (_, k): DenoisingItem => {
      const noise = new RandomStream(0, "validation", i, k).normal(latents.length);
      const timestep = Math.floor(((k + 0.5) / VALIDATION_TIMESTEPS) * schedule.numTrainTimesteps);
      return {
        noisyLatents: schedule.addNoise(latents, noise, [timestep]),
        target: schedule.trainingTarget(latents, noise, [timestep]),
        timestep,
        tokenIds: tokenize(sentence),
        ...(framing !== undefined && { timeIds: timeIdsOf(framing) }),
      };
    });
  });
}
