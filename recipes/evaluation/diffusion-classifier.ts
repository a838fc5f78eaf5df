/**
 * @file Which noun is in a real picture of the world, by the UNet's own errors: how well the model knows what its words
 * look like.
 */
import { Lora } from "../../src/adapters/lora.ts";
import { ImageEncoder } from "../../src/diffusion/latents.ts";
import type { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { DenoisingError } from "../../src/training/denoising-error.ts";
import { classify, denoisingErrors, pairedDraws } from "../../src/training/diffusion-classifier.ts";
import { LATENT_SIZE, PICTURE_SIZE } from "../model/architecture.ts";
import { picturesOf } from "../training/sheets.ts";
import { withArticle } from "../world/captions.ts";
import type { World } from "../world/world.ts";

export interface ClassifierQuestion {
  readonly seed: number;
  readonly nouns: readonly string[];
  readonly pictures: number;
  readonly draws: number;
  /** The part of the schedule, 0 to 1. */
  readonly timesteps: readonly [number, number];
}

export async function diffusionClassifier(
  pipeline: StableDiffusionPipeline,
  world: World,
  { seed, nouns, pictures, draws: count, timesteps }: ClassifierQuestion,
) {
  const none = new Lora([]);
  const program = await DenoisingError.create(pipeline, none, {
    height: LATENT_SIZE,
    width: LATENT_SIZE,
    learnedRows: 0,
    batchSize: nouns.length,
    derivatives: false,
  });
  const encoder = await ImageEncoder.create(pipeline.vae, { height: PICTURE_SIZE, width: PICTURE_SIZE });
  const schedule = new NoiseSchedule(pipeline.schedulerConfig);
  const size = pipeline.vae.config.latentChannels * LATENT_SIZE * LATENT_SIZE;
  const draws = pairedDraws(count, schedule, size, seed, timesteps);
  const tokenizer = pipeline.newTokenizer();
  const tokenIds = nouns.map((noun) => [...tokenizer.encode(`a photo of ${withArticle(noun)}`).inputIds]);
  const { pixels, scenes } = await world.renderBatch(seed, 0, pictures, PICTURE_SIZE, {
    layouts: { single: 1 },
    sizes: { large: 1 },
    nouns,
    split: "held out",
  });
  let [right, evaluations] = [0, 0];
  for (const [i, picture] of picturesOf(pixels).entries()) {
    const latents = await encoder.encode(picture);
    const errorsOf = denoisingErrors(
      program,
      { adapter: none, embeddings: new Float32Array() },
      schedule,
      latents,
      tokenIds,
    );
    const result = await classify(tokenIds.length, draws, errorsOf);
    const best = result.probabilities.indexOf(Math.max(...result.probabilities));
    if (nouns[best] === scenes[i].subjects[0].figure.noun) right++;
    evaluations += result.evaluations;
  }
  await Promise.all([program.dispose(), encoder.dispose()]);
  return {
    choices: tokenIds.length,
    pictures: scenes.length,
    timesteps,
    accuracy: right / scenes.length,
    evaluationsPerPicture: evaluations / scenes.length,
  };
}
