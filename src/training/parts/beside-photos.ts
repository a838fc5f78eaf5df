/**
 * @file What a step sees beside photos: pictures that the model drew itself before the run, of the class or of what it
 * had been taught; and the photos once more, as pictures of their class, on which the class noun goes on meaning what
 * it meant.
 */
import { fillTemplate, PROMPT_TEMPLATES, withCaption } from "../../prompts/prompt-templates.ts";
import type { RandomStream } from "../../random/random.ts";
import type { StepItem } from "../objective-gradient.ts";
import type { PhotoView } from "../photos/encode-photos.ts";
import { DENOISING, REPLAYING, type ConceptPlan, type Objective } from "../strategy.ts";
import {
  allPhotos,
  drawsOf,
  itemOf,
  latentOf,
  offsetDraws,
  viewOf,
  type DrawMaterial,
  type DrawPurpose,
} from "../training-draws.ts";

/**
 * A picture that the model drew before it learned: of the class, for prior preservation (Ruiz et al., "DreamBooth",
 * CVPR 2023), or of what it had been taught, for generative replay. It lives in memory only, as photos do.
 */
export interface OwnPicture {
  /** `[channels, height, width]`, as the UNet sees them. */
  readonly latents: Float32Array;
  /** What it was drawn from, and is learned under: "a photo of a cat". */
  readonly sentence: string;
}

/** The pictures that the model drew before the run. */
export interface OwnPictures {
  /** Of each class, if prior preservation counts for something. */
  readonly classPictures?: readonly OwnPicture[] | undefined;
  /** In groups, of each prompt of {@link ConceptPlan.replay}. */
  readonly replayedPictures?: readonly (readonly OwnPicture[])[] | undefined;
}

/** Pictures of one step, and what is asked of their predictions. */
export interface BesidePhotos {
  readonly pictures: readonly StepItem[];
  readonly objective: Objective;
  /** What their error counts beside that of the photos. */
  readonly weight: number;
}

/** Of a phase that trains. */
export interface TrainingStep {
  readonly phase: "teacher" | "learn";
  /** Of the phase. */
  readonly step: number;
  /** How many it sees. */
  readonly photos: number;
}

/**
 * Of class pictures as many as of photos, to be denoised; of replayed ones the plan's share, to be predicted as before.
 *
 * @param wanted - by the settings and by the plan
 */
export function besidePhotos(
  draws: DrawMaterial,
  { classPictures, replayedPictures }: OwnPictures,
  { priorWeight = 0, replay }: Pick<ConceptPlan, "replay"> & { readonly priorWeight?: number | undefined },
  { phase, step, photos }: TrainingStep,
): BesidePhotos[] {
  const beside: BesidePhotos[] = [];
  if (priorWeight > 0) {
    if (classPictures === undefined) throw new Error("prior preservation needs pictures of the class");
    const pictures = drawClassPictures(draws, classPictures, phase, step, photos);
    beside.push({ pictures, objective: DENOISING, weight: priorWeight });
  }
  // The teacher learns as if there were nothing to be kept.
  if (replay !== undefined && phase === "learn") {
    if (replayedPictures === undefined) throw new Error("the plan needs pictures to be replayed");
    const pictures = drawReplayed(
      draws,
      { pictures: replayedPictures, photosAs: replay.photosAs },
      step,
      Math.ceil(photos * replay.share),
    );
    beside.push({ pictures, objective: REPLAYING, weight: replay.weight });
  }
  return beside;
}

/** The class pictures of one optimiser step; picture, noise and timestep are drawn uniformly. */
export function drawClassPictures(
  material: DrawMaterial,
  pictures: readonly OwnPicture[],
  purpose: DrawPurpose,
  step: number,
  count: number,
): StepItem[] {
  const draw = drawsOf(material, purpose, step);
  const chosen = draw("class picture").integers(count, pictures.length);
  const timesteps = draw("class timestep").integers(count, material.schedule.numTrainTimesteps);
  const noises = draw("class noise");
  const offsets = offsetDraws(material, () => draw("class noise offset"));
  return Array.from(chosen, (index, i) => {
    const { latents, sentence } = pictures[index];
    const noise = offsets(noises.normal(latents.length), latents);
    return itemOf(material, {}, latents, noise, timesteps[i], [sentence]);
  });
}

/** How often a replayed picture is seen under no prompt at all, which is half of every drawing with guidance. */
const PROMPT_DROPOUT = 0.1;

/** What is replayed, in groups of which each is seen as often. */
export interface ReplayGroups {
  readonly pictures: readonly (readonly OwnPicture[])[];
  /** The noun under which the photos are one more group. Default: they are none. */
  readonly photosAs?: string | undefined;
}

/** The replayed pictures of one optimiser step; group, picture, noise and timestep are drawn uniformly. */
export function drawReplayed(
  material: DrawMaterial,
  { pictures, photosAs }: ReplayGroups,
  step: number,
  count: number,
): StepItem[] {
  const draw = drawsOf(material, "learn", step);
  const all = [
    ...pictures.map((group) => (place: number) => ({ ...group[Math.floor(place * group.length)], view: {} })),
    ...(photosAs === undefined ? [] : [photosUnder(photosAs, material, draw)]),
  ];
  const groups = draw("replayed group").integers(count, all.length);
  const [places, dropped] = [draw("replayed picture").uniform(count), draw("replayed prompt").uniform(count)];
  const timesteps = draw("replayed timestep").integers(count, material.schedule.numTrainTimesteps);
  const noises = draw("replayed noise");
  const offsets = offsetDraws(material, () => draw("replayed noise offset"));
  return Array.from(groups, (group, i) => {
    const { latents, sentence, view } = all[group](places[i]);
    const prompt = dropped[i] < PROMPT_DROPOUT ? "" : sentence;
    const noise = offsets(noises.normal(latents.length), latents);
    return itemOf(material, view, latents, noise, timesteps[i], [prompt]);
  });
}

/** Photos as pictures of a noun, without their masks. */
function photosUnder(noun: string, material: DrawMaterial, draw: (what: string) => RandomStream) {
  const photos = allPhotos(material);
  const [flips, latentNoise, templates] = [draw("replayed flip"), draw("replayed latent"), draw("replayed template")];
  return (place: number): OwnPicture & { readonly view: Pick<PhotoView, "framing"> } => {
    const { photo } = photos[Math.floor(place * photos.length)];
    const view = viewOf(photo, flips);
    const template = PROMPT_TEMPLATES[templates.integer(PROMPT_TEMPLATES.length)];
    const { framing } = view;
    return {
      latents: latentOf(material, view, latentNoise),
      sentence: withCaption(fillTemplate(template, noun), photo.caption),
      view: { ...(framing !== undefined && { framing }) },
    };
  };
}
