/**
 * @file Pictures of the class for prior preservation: the model without anything that it was taught draws them before
 * the first step. They stay in memory, as latents, and are drawn again when a run is resumed: nothing of them is
 * written.
 */
import { escapeWeights } from "../../diffusion/prompt/prompt-weights.ts";
import type { PreparedRun } from "../../learning/concept-run.ts";
import { fillTemplate, PROMPT_TEMPLATES } from "../../prompts/prompt-templates.ts";
import type { ClassPicture } from "../../training/training-draws.ts";
import type { Watched } from "../operation.ts";
import type { LoadedModel, Session } from "../session.ts";

/** How far the drawing of class pictures is. */
export interface ClassPictureProgress {
  readonly kind: "class pictures";
  readonly done: number;
  readonly count: number;
}

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
  { signal, onProgress }: Watched<ClassPictureProgress>,
): Promise<ClassPicture[] | undefined> {
  const { priorPictures: count = 0, resolution: side, seed } = settings;
  if (count === 0) return undefined;
  const [{ classNoun }] = concepts;
  const pictures: ClassPicture[] = [];
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
    if (signal?.aborted !== true || error !== signal.reason) throw error;
  }
  await session.freePrograms();
  return pictures;
}
