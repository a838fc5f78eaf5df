/**
 * @file What learning a concept did to all others, to be seen and in figures: pictures of every concept from the same
 * noise before and after, and how much they differ.
 *
 * No photo is kept, so forgetting is measured on drawings. They are made of adapter and tokens alone, and are not
 * stored but on the sheet.
 */
import type { AdapterBinding } from "../../diffusion/module.ts";
import type { GeneratedImage, StableDiffusionPipeline } from "../../diffusion/pipeline.ts";
import { escapeWeights } from "../../diffusion/prompt/prompt-weights.ts";
import type { ProgramOptions } from "../../graph/index.ts";
import type { RgbImage } from "../../io/images/rgb-image.ts";
import { labelledSheet } from "../../io/images/labelled-sheet.ts";
import { conceptCandidate, ordinaryCandidate } from "../../classifier/candidate.ts";
import type { Learned } from "../../library/library-model.ts";
import { AdapterSlot } from "../adapter-slot.ts";
import { pictureChanges } from "./picture-change.ts";

/**
 * Pictures of each concept, before and after. They have the numbers 0, 1, ... of seed 0, as `keepsake generate` draws
 * them.
 */
export const PREVIEW_PICTURES = 2;
export const PREVIEW_SEED = 0;

export interface PreviewOptions {
  /** Name of the concept that was taught last. Default: the last one of all. */
  readonly taught?: string;
  /** Side of the square pictures, in pixels. */
  readonly resolution: number;
  readonly program?: ProgramOptions;
  /** Where the adapters are put that draw. Default: a place of their own. */
  readonly adapters?: AdapterSlot;
  /** When it fires, drawing ends with its reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PreviewProgress) => void;
}

/** Pictures that have been drawn, of all. */
export interface PreviewProgress {
  readonly kind: "previews";
  readonly done: number;
  readonly count: number;
}

/** How much the pictures of an earlier concept have changed. */
export interface PreviewChange {
  readonly concept: string;
  /**
   * Mean difference of the pixels before and after, of pictures from the same noise: 0 if they are the same, 1 if they
   * differ as much as two drawings from different noise. May be above 1.
   */
  readonly change: number;
}

export interface Previews {
  /**
   * A row for each concept, in the order of {@link Previews.concepts}: {@link PREVIEW_PICTURES} pictures before, and
   * from the same noise after. Small pictures are enlarged, and the rows say which concept they show.
   */
  readonly sheet: RgbImage;
  /** Names, in the order in which they were begun. */
  readonly concepts: readonly string[];
  /** Of all concepts but the one that was taught. */
  readonly changes: readonly PreviewChange[];
}

/**
 * Draws every concept ("a photo of a <name>") as the model was before the last training run and as it is now, and
 * measures how much the pictures differ. Before it was learned, a new concept is represented by its class noun ("a
 * photo of a cat"): that is what its token is made from. One that was taught again is drawn as it was.
 *
 * @param before - with the concepts of `after`, but for the one that was taught, if it was new
 * @throws KeepsakeError if the model's predictions are not numbers; the signal's reason when aborted
 * @throws RangeError if nothing has been learned
 */
export async function drawPreviews(
  pipeline: StableDiffusionPipeline,
  before: Learned,
  after: Learned,
  options: PreviewOptions,
): Promise<Previews> {
  const { taught = after.concepts.at(-1)?.name } = options;
  const taughtRow = after.concepts.findIndex(({ name }) => name === taught);
  const subject = after.concepts.at(taughtRow);
  if (taughtRow < 0 || subject === undefined) throw new RangeError("nothing has been learned");
  const isNew = before.concepts.every(({ name }) => name !== subject.name);
  const isOther = (_: unknown, row: number) => row !== taughtRow;
  const count = 2 * PREVIEW_PICTURES * after.concepts.length;
  const { adapters = new AdapterSlot() } = options;
  let done = 0;
  const draw = async (learned: Learned, prompts: readonly string[]): Promise<RgbImage[][]> => {
    const adapter = learned.adapter && adapters.bind(learned.adapter);
    const rows: RgbImage[][] = [];
    for (const prompt of prompts) {
      const pictures = await drawConcept(pipeline, prompt, learned, adapter, options);
      rows.push(pictures.map(({ image }) => image));
      done += PREVIEW_PICTURES;
      options.onProgress?.({ kind: "previews", done, count });
    }
    return rows;
  };
  const prompts = after.concepts.map((concept) => conceptCandidate(concept).prompt);
  const noun = ordinaryCandidate(subject.classNoun);
  const drawnBefore = await draw(before, isNew ? prompts.with(taughtRow, escapeWeights(noun.prompt)) : prompts);
  const drawnAfter = await draw(after, prompts);

  const changes = pictureChanges(drawnBefore.map((pictures, i) => ({ before: pictures, after: drawnAfter[i] })));
  const labels = after.concepts.map(({ token, classNoun }, row) => {
    if (row === taughtRow && isNew) return `${token} (${classNoun}): new, had no name before: "${noun.label}"`;
    return `${token} (${classNoun}): ${row === taughtRow ? "taught again, " : ""}${percent(changes[row])} changed`;
  });
  return {
    sheet: labelledSheet(
      ["before", "now"],
      labels.map((label, i) => ({ label, groups: [drawnBefore[i], drawnAfter[i]] })),
    ),
    concepts: after.concepts.map(({ name }) => name),
    changes: after.concepts.map(({ name }, row) => ({ concept: name, change: changes[row] })).filter(isOther),
  };
}

/** A share as the sheet says it: `3.2 %`. */
function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Pictures of one prompt, from the noises of all previews. */
export function drawConcept(
  pipeline: StableDiffusionPipeline,
  prompt: string,
  { embeddings }: Learned,
  adapter: AdapterBinding | undefined,
  { resolution, signal }: PreviewOptions,
): Promise<GeneratedImage[]> {
  return pipeline.generate({
    ...{
      prompt,
      n: PREVIEW_PICTURES,
      seed: PREVIEW_SEED,
      width: resolution,
      height: resolution,
    },
    learnedEmbeddings: embeddings,
    adapter,
    signal,
  });
}
