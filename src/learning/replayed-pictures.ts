/**
 * @file The pictures of generative replay: the model draws what it knows, with everything that it was taught so far,
 * before the first step. They stay in memory, as latents, and are drawn again when a run is resumed: nothing of them is
 * written.
 */
import { BoundAdapter } from "../adapters/bound-adapter.ts";
import type { ModelFamily } from "../diffusion/family/families.ts";
import type { GeneratedImage, StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { escapeWeights } from "../diffusion/prompt/prompt-weights.ts";
import type { OwnPicture } from "../training/parts/beside-photos.ts";
import type { ConceptPlan } from "../training/strategy.ts";
import type { PreparedRun } from "./concept-run.ts";

/**
 * Replayed pictures show where predictions are kept, and nobody looks at them: a solver of second order comes to good
 * enough ones in fewer steps than a model is usually drawn with.
 */
const REPLAY_STEPS = 12;
const REPLAY_SCHEDULER = "DPMSolverMultistepScheduler";

export interface ReplayDrawing {
  /** Draws one picture: gives it room in memory, say. Default: draws it. */
  readonly withRoom?: (draw: () => Promise<GeneratedImage[]>) => Promise<GeneratedImage[]>;
  readonly signal?: AbortSignal | undefined;
  readonly onPicture?: (done: number, count: number) => void;
}

/** Denoising steps of each, fewer with models that are made for fewer. */
export function replaySteps({ steps }: Pick<ModelFamily, "steps">): number {
  return Math.min(steps, REPLAY_STEPS);
}

/** How many pictures a plan wants to be replayed. */
export function replayedPictures({ replay }: ConceptPlan): number {
  return replay?.prompts.reduce((sum, group) => sum + group.length, 0) ?? 0;
}

/** UNet evaluations that drawing them takes, one for each pair of latents and prompt. */
export function replayEvaluations(pipeline: StableDiffusionPipeline, plan: ConceptPlan): number {
  const { family } = pipeline;
  const perStep = pipeline.isGuided(family.guidanceScale) ? 2 : 1;
  return replayedPictures(plan) * replaySteps(family) * perStep;
}

/**
 * Draws the pictures that a plan wants to be replayed, in its groups. The same run has the same ones.
 *
 * @returns undefined if it wants none
 * @throws KeepsakeError if the model's predictions are not numbers, or the memory does not suffice; the signal's reason
 *   when aborted
 */
export async function drawReplayedPictures(
  pipeline: StableDiffusionPipeline,
  { settings, known }: Pick<PreparedRun, "settings" | "known">,
  plan: ConceptPlan,
  { withRoom = (draw) => draw(), signal, onPicture }: ReplayDrawing = {},
): Promise<OwnPicture[][] | undefined> {
  const { replay } = plan;
  if (replay === undefined) return undefined;
  const { resolution: side, seed } = settings;
  const concepts = known.itself === undefined ? known.concepts : [...known.concepts, known.itself];
  const taught = {
    learnedEmbeddings: concepts.map(({ embedding }) => embedding),
    ...(known.made !== undefined && { adapter: new BoundAdapter(known.made.adapter) }),
  };
  const count = replayedPictures(plan);
  const steps = replaySteps(pipeline.family);
  const solver = { steps, ...(steps < pipeline.family.steps && { scheduler: REPLAY_SCHEDULER }) };
  const groups: OwnPicture[][] = [];
  let done = 0;
  for (const group of replay.prompts) {
    const pictures: OwnPicture[] = [];
    for (const sentence of group) {
      const drawing = {
        ...taught,
        ...solver,
        prompt: escapeWeights(sentence),
        seed,
        firstIndex: done,
        width: side,
        height: side,
      };
      const [{ latents }] = await withRoom(() => pipeline.generate({ ...drawing, signal }));
      pictures.push({ latents, sentence });
      done++;
      onPicture?.(done, count);
    }
    groups.push(pictures);
  }
  return groups;
}
