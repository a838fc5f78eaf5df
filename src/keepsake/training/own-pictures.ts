/**
 * @file The pictures that the model draws before the first step: of the class, without anything that it was taught, for
 * prior preservation; and of what it was taught, for generative replay. They stay in memory, as latents, and are drawn
 * again when a run is resumed: nothing of them is written.
 */
import { escapeWeights } from "../../diffusion/prompt/prompt-weights.ts";
import type { PreparedRun } from "../../learning/concept-run.ts";
import { fillTemplate, PROMPT_TEMPLATES } from "../../prompts/prompt-templates.ts";
import { drawReplayedPictures } from "../../learning/replayed-pictures.ts";
import type { ConceptPlan } from "../../training/strategy.ts";
import type { OwnPicture } from "../../training/parts/beside-photos.ts";
import { isStop, type Watched } from "../operation.ts";
import type { LoadedModel, Session } from "../session.ts";

/** How far the drawing of class pictures is, or of those that are replayed. */
export type OwnPictureProgress = { readonly done: number; readonly count: number } & (
  | { readonly kind: "class pictures" }
  | { readonly kind: "replayed pictures" }
);

/**
 * Draws the class pictures of a run. The same run has the same ones.
 *
 * @returns undefined if the run has none; fewer than asked for if the signal fired
 * @throws KeepsakeError if the model's predictions are not numbers, or the memory does not suffice
 */
export async function drawClassPictures(
  session: Pick<Session, "freePrograms" | "withRoom">,
  { pipeline }: LoadedModel,
  { settings, concepts }: PreparedRun,
  { signal, onProgress }: Watched<OwnPictureProgress>,
): Promise<OwnPicture[] | undefined> {
  const { priorPictures: count = 0, resolution: side, seed } = settings;
  if (count === 0) return undefined;
  const [{ classNoun }] = concepts;
  const pictures: OwnPicture[] = [];
  try {
    for (let index = 0; index < count; index++) {
      const sentence = fillTemplate(PROMPT_TEMPLATES[index % PROMPT_TEMPLATES.length], classNoun);
      const drawing = { prompt: escapeWeights(sentence), seed, firstIndex: index };
      const draw = () => pipeline.generate({ ...drawing, width: side, height: side, signal });
      const [{ latents }] = await session.withRoom(draw);
      pictures.push({ latents, sentence });
      onProgress?.({ kind: "class pictures", done: pictures.length, count });
    }
  } catch (error) {
    // Nothing was begun that could not be begun again.
    if (!isStop(error, signal)) throw error;
  }
  await session.freePrograms();
  return pictures;
}

/**
 * Draws the pictures that a run replays. The same run has the same ones.
 *
 * @returns undefined if its plan wants none, or the signal fired
 * @throws KeepsakeError as {@link drawClassPictures}
 */
export async function drawPicturesToReplay(
  session: Pick<Session, "freePrograms" | "withRoom">,
  { pipeline }: LoadedModel,
  prepared: PreparedRun,
  plan: ConceptPlan,
  { signal, onProgress }: Watched<OwnPictureProgress>,
): Promise<OwnPicture[][] | undefined> {
  try {
    const pictures = await drawReplayedPictures(pipeline, prepared, plan, {
      withRoom: (draw) => session.withRoom(draw),
      signal,
      onPicture: (done, count) => onProgress?.({ kind: "replayed pictures", done, count }),
    });
    if (pictures !== undefined) await session.freePrograms();
    return pictures;
  } catch (error) {
    if (!isStop(error, signal)) throw error;
    return undefined;
  }
}
