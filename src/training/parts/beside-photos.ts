/**
 * @file What a step sees beside photos: pictures that the model drew itself before the run, of the class or of what it
 * had been taught.
 */
import type { StepItem } from "../objective-gradient.ts";
import { DENOISING, REPLAYING, type ConceptPlan, type Objective } from "../strategy.ts";
import { drawClassPictures, drawReplayed, type DrawMaterial, type OwnPicture } from "../training-draws.ts";

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
    const pictures = drawReplayed(draws, replayedPictures, step, Math.ceil(photos * replay.share));
    beside.push({ pictures, objective: REPLAYING, weight: replay.weight });
  }
  return beside;
}
