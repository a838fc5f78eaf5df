/**
 * @file What learning a concept did to all others, to be seen and in figures: pictures of every concept from the same noise before and after, and how sure
 * the model is, before and after, of what it drew before.
 *
 * No photo is kept, so forgetting is measured on drawings. They are made of adapter and tokens alone, and are not stored but on the sheet.
 */
import { BoundAdapter } from "../adapters/bound-adapter.ts";
import type { GeneratedImage, StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import type { ProgramOptions } from "../graph/index.ts";
import type { RgbImage } from "../io/image.ts";
import { pictureGrid } from "../io/picture-grid.ts";
import {
  conceptCandidate,
  ConceptClassifier,
  ordinaryCandidate,
  type ConceptClassifierOptions,
} from "./concept-classifier.ts";
import { conceptConfidence } from "./concept-confidence.ts";
import type { Learned } from "./library-model.ts";

/** Pictures of each concept, before and after. They have the numbers 0, 1, ... of seed 0, as `keepsake generate` draws them. */
export const PREVIEW_PICTURES = 2;
/** Those of `keepsake generate` too, so that the pictures are the same. */
const STEPS = 30;
const SEED = 0;

export interface PreviewOptions {
  /** Side of the square pictures, in pixels. */
  readonly resolution: number;
  readonly guidanceScale: number;
  readonly program?: ProgramOptions;
  /** When it fires, drawing ends with its reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PreviewProgress) => void;
}

/** Pictures that have been drawn or classified, of all. */
export interface PreviewProgress {
  readonly kind: "previews";
  readonly done: number;
  readonly count: number;
}

/**
 * How sure the model is that what it drew of an earlier concept before the new one was learned is that concept: the mean of P(concept | picture) over those
 * pictures, in [0, 1], by its own classifier.
 */
export interface ConfidenceChange {
  readonly concept: string;
  /** As the model was before. */
  readonly before: number;
  /** As the model is now, of the same pictures. */
  readonly after: number;
}

export interface Previews {
  /** A row for each concept, in the order of {@link Previews.concepts}: {@link PREVIEW_PICTURES} pictures before, and from the same noise after. */
  readonly sheet: RgbImage;
  /** Names, in the order in which they were learned; the new one is the last. */
  readonly concepts: readonly string[];
  /** Of the earlier concepts. */
  readonly confidence: readonly ConfidenceChange[];
}

/**
 * Draws every concept ("a photo of a <name>") as the model was before the last one was learned and as it is now, and asks its classifier.
 *
 * The candidates of the classifier are all concepts, before and after. Before it was learned, the new concept is represented by its class noun ("a photo of a
 * cat"), on the sheet as well: that is what its token is made from.
 *
 * @param before - without the last concept of `after`
 * @throws KeepsakeError if the model's predictions are not numbers; the signal's reason when aborted
 * @throws RangeError if nothing has been learned
 */
export async function drawPreviews(
  pipeline: StableDiffusionPipeline,
  before: Learned,
  after: Learned,
  options: PreviewOptions,
): Promise<Previews> {
  const fresh = after.concepts.at(-1);
  if (fresh === undefined) throw new RangeError("nothing has been learned");
  const earlier = before.concepts;
  const count = 2 * PREVIEW_PICTURES * (after.concepts.length + earlier.length);
  let done = 0;
  const news = (pictures: number) => {
    done += pictures;
    options.onProgress?.({ kind: "previews", done, count });
  };
  const draw = async (learned: Learned, prompts: readonly string[]): Promise<GeneratedImage[][]> => {
    const adapter = learned.lora && new BoundAdapter(learned.lora);
    const rows: GeneratedImage[][] = [];
    for (const prompt of prompts) {
      rows.push(await drawConcept(pipeline, prompt, learned, adapter, options));
      news(PREVIEW_PICTURES);
    }
    return rows;
  };
  const own = earlier.map((concept) => conceptCandidate(concept).prompt);
  const drawnBefore = await draw(before, [...own, ordinaryCandidate(fresh.classNoun).prompt]);
  const drawnAfter = await draw(after, [...own, conceptCandidate(fresh).prompt]);

  const pictures = earlier.map(({ name }, i) => ({
    concept: name,
    latents: drawnBefore[i].map(({ latents }) => latents),
  }));
  const confidence = async (learned: Learned, others: readonly string[]): Promise<number[]> => {
    if (pictures.length === 0) return [];
    const classifier = await ConceptClassifier.create(pipeline, learned, classifierOptions(options, others));
    try {
      const means: number[] = [];
      for (const ofConcept of pictures) {
        const [{ meanProbability }] = await conceptConfidence(classifier, [ofConcept], options);
        means.push(meanProbability);
        news(PREVIEW_PICTURES);
      }
      return means;
    } finally {
      await classifier.dispose();
    }
  };
  const sureBefore = await confidence(before, [fresh.classNoun]);
  const sureAfter = await confidence(after, []);
  return {
    sheet: pictureGrid([sideOf(drawnBefore), sideOf(drawnAfter)], 2),
    concepts: after.concepts.map(({ name }) => name),
    confidence: pictures.map(({ concept }, i) => ({ concept, before: sureBefore[i], after: sureAfter[i] })),
  };
}

function drawConcept(
  pipeline: StableDiffusionPipeline,
  prompt: string,
  { embeddings }: Learned,
  adapter: BoundAdapter | undefined,
  { resolution, guidanceScale, signal }: PreviewOptions,
): Promise<GeneratedImage[]> {
  return pipeline.generate({
    ...{ prompt, n: PREVIEW_PICTURES, seed: SEED, steps: STEPS, guidanceScale, width: resolution, height: resolution },
    learnedEmbeddings: embeddings,
    ...(adapter && { adapter }),
    ...(signal && { signal }),
  });
}

function classifierOptions(
  { resolution, program }: PreviewOptions,
  others: readonly string[],
): ConceptClassifierOptions {
  return { resolution, others, seed: SEED, ...(program && { program }) };
}

/** One half of the sheet. */
function sideOf(rows: readonly (readonly GeneratedImage[])[]): RgbImage {
  return pictureGrid(
    rows.flatMap((row) => row.map(({ image }) => image)),
    PREVIEW_PICTURES,
  );
}
