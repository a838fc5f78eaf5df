/**
 * @file What a step sees: photos with their own latent, noise, timestep and sentence, and the subjects that its prompts
 * speak of. Every draw is addressed by (seed, purpose, concept, step).
 */
import type { AutoencoderKlConfig } from "../diffusion/config/autoencoder-kl-config.ts";
import { latentsFrom } from "../diffusion/latents.ts";
import type { NoiseSchedule } from "../diffusion/schedulers/index.ts";
import { timeIdsOf } from "../diffusion/time-ids.ts";
import { RandomStream } from "../random/random.ts";
import { minSnrWeight, withNoiseOffset, type LossOptions } from "./loss-options.ts";
import type { StepItem } from "./objective-gradient.ts";
import type { PhotoView, TrainingPhoto } from "./photos/encode-photos.ts";
import type { Concept } from "../prompts/concept.ts";
import { fillTemplate, PROMPT_TEMPLATES, withCaption } from "../prompts/prompt-templates.ts";

/** A concept that is being learned. Its photos live in memory only. */
export interface TrainingConcept extends Omit<Concept, "name"> {
  readonly photos: readonly TrainingPhoto[];
}

export interface DrawMaterial {
  /** Addresses the draws. */
  readonly concept: string;
  /** Addresses them, too: which of the concept's training runs this is, if not the first. */
  readonly round?: number | undefined;
  /** One, or several that are learned at once. */
  readonly concepts: readonly TrainingConcept[];
  /** Tokens of the concepts learned before. */
  readonly earlierTokens: readonly string[];
  readonly vae: AutoencoderKlConfig;
  readonly schedule: NoiseSchedule;
  readonly seed: number;
  /** Default: the plain denoising loss. */
  readonly loss?: LossOptions;
  /** Token ids of a prompt, padded. */
  readonly tokenize: (prompt: string) => readonly number[];
}

/** What the numbers are drawn for: two phases of one run see different ones. */
export type DrawPurpose = "learn" | "teacher" | "consolidate";

/** The photos of one optimiser step, with timesteps and sentences, all drawn uniformly from streams of that step. */
export function drawBatch(
  material: DrawMaterial,
  purpose: DrawPurpose,
  step: number,
  count: number,
  candidates: number,
): StepItem[] {
  const draw = drawsOf(material, purpose, step);
  const photos = allPhotos(material);
  const chosen = draw("photo").integers(count, photos.length);
  const templates = draw("prompt").integers(count, PROMPT_TEMPLATES.length);
  const timesteps = draw("timestep").integers(count, material.schedule.numTrainTimesteps);
  const [latentNoise, noise, flips] = [draw("latent"), draw("noise"), draw("flip")];
  const views = Array.from(chosen, (index) => viewOf(photos[index].photo, flips));
  // Latents first, as two streams are used up in the order of the photos.
  const latents = views.map((view) => latentOf(material, view, latentNoise));
  const size = latents[0].length;
  const noises = noise.normal(size * count);
  const offsets = offsetDraws(material, () => draw("noise offset"));
  return latents.map((latent, i) => {
    const { concept, photo } = photos[chosen[i]];
    const own = offsets(noises.slice(i * size, (i + 1) * size), latent);
    const subjects = subjectsOf(material, concept, candidates, () => draw("candidates"));
    const sentences = sentencesOf(PROMPT_TEMPLATES[templates[i]], photo, subjects);
    return itemOf(material, views[i], latent, own, timesteps[i], sentences);
  });
}

/** Photos times draws: the samples of a consolidation pass. */
export function consolidationSamples({ concepts }: Pick<DrawMaterial, "concepts">, draws: number): number {
  return draws * concepts.reduce((sum, { photos }) => sum + photos.length, 0);
}

/**
 * One sample of a consolidation pass: every photo comes once in each draw, and the timesteps of its draws are spread
 * evenly over the schedule.
 *
 * @param index - below {@link consolidationSamples}
 */
export function drawSample(material: DrawMaterial, index: number, draws: number, candidates: number): StepItem {
  const draw = drawsOf(material, "consolidate", index);
  const photos = allPhotos(material);
  const { concept, photo } = photos[index % photos.length];
  const stratum = Math.floor(index / photos.length);
  const within = draw("timestep").uniform(1)[0];
  const timestep = Math.floor(((stratum + within) / draws) * material.schedule.numTrainTimesteps);
  const view = viewOf(photo, draw("flip"));
  const latent = latentOf(material, view, draw("latent"));
  const template = PROMPT_TEMPLATES[draw("prompt").integer(PROMPT_TEMPLATES.length)];
  const subjects = subjectsOf(material, concept, candidates, () => draw("candidates"));
  const sentences = sentencesOf(template, photo, subjects);
  const offsets = offsetDraws(material, () => draw("noise offset"));
  const noise = offsets(draw("noise").normal(latent.length), latent);
  return itemOf(material, view, latent, noise, timestep, sentences);
}

/** Streams of one step, by what is drawn from them. */
export function drawsOf({ seed, concept, round }: DrawMaterial, purpose: DrawPurpose, step: number) {
  return (what: string) =>
    new RandomStream(seed, purpose, concept, what, step, ...(round === undefined ? [] : [round]));
}

/** Photos of all concepts that are learned. */
export function allPhotos({ concepts }: DrawMaterial) {
  return concepts.flatMap((concept) => concept.photos.map((photo) => ({ concept, photo })));
}

/** A photo as it is, or mirrored as often as not where it may be. */
export function viewOf(photo: TrainingPhoto, stream: RandomStream): PhotoView {
  return photo.mirrored !== undefined && stream.integer(2) === 1 ? photo.mirrored : photo;
}

/** Drawn from the encoder's distribution, as the UNet sees it. */
export function latentOf({ vae }: DrawMaterial, view: PhotoView, stream: RandomStream): Float32Array {
  return latentsFrom(view, vae, stream.normal(view.mean.length));
}

/** Adds the offset of one photo after another to its noise, if the run has one. */
export function offsetDraws({ loss, vae }: DrawMaterial, draw: () => RandomStream) {
  const offset = loss?.noiseOffset;
  if (offset === undefined) return (noise: Float32Array) => noise;
  const stream = draw();
  return (noise: Float32Array, latent: Float32Array) =>
    withNoiseOffset(noise, stream.normal(vae.latentChannels), latent, offset);
}

function subjectsOf(
  { earlierTokens }: DrawMaterial,
  concept: TrainingConcept,
  candidates: number,
  draw: () => RandomStream,
): string[] {
  return drawSubjects(candidates, concept, earlierTokens, draw);
}

/** All subjects stand in the same sentence, so that their predictions differ by nothing else. */
function sentencesOf(template: string, { caption }: TrainingPhoto, subjects: readonly string[]): string[] {
  return subjects.map((subject) => withCaption(fillTemplate(template, subject), caption));
}

/** A latent with its noise at a timestep, under each sentence. */
export function itemOf(
  { schedule, loss, tokenize }: DrawMaterial,
  { mask, framing }: Pick<PhotoView, "mask" | "framing">,
  latent: Float32Array,
  noise: Float32Array,
  timestep: number,
  sentences: readonly string[],
): StepItem {
  return {
    noisyLatents: schedule.addNoise(latent, noise, [timestep]),
    target: schedule.trainingTarget(latent, noise, [timestep]),
    timestep,
    prompts: sentences.map((sentence) => tokenize(sentence)),
    ...(loss?.minSnrGamma !== undefined && { weight: minSnrWeight(schedule, timestep, loss.minSnrGamma) }),
    ...(mask !== undefined && { mask }),
    ...(framing !== undefined && { timeIds: timeIdsOf(framing) }),
  };
}

/**
 * What a step's prompts speak of: the new token, the class noun, and so many earlier tokens that there are `candidates`
 * in all.
 *
 * @param draw - a stream of this step
 */
export function drawSubjects(
  candidates: number,
  { token, classNoun }: Omit<Concept, "name">,
  earlier: readonly string[],
  draw: () => RandomStream,
): string[] {
  if (candidates < 2) return [token];
  const wanted = Math.min(candidates - 2, earlier.length);
  const left = [...earlier];
  const stream = draw();
  const drawn = Array.from({ length: wanted }, () => left.splice(stream.integer(left.length), 1)[0]);
  return [token, classNoun, ...drawn];
}
