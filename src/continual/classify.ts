/**
 * @file Which of a library's concepts is on a picture: from picture files to probabilities. Nothing is stored.
 */
import { latentsFromPosterior } from "../diffusion/latents.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { findImages } from "../io/find-images.ts";
import { imageToTensor } from "../io/image.ts";
import { ConceptClassifier, type Candidate, type ConceptClassifierOptions } from "./concept-classifier.ts";
import type { Classification } from "./diffusion-classifier.ts";
import { openModel, readLearned } from "./library-model.ts";
import { Library } from "./library/library.ts";
import { pictureWarnings } from "./photo-warnings.ts";
import { encodePhotos, readPhoto } from "./photos.ts";

export interface ClassifyRequest extends Pick<
  ConceptClassifierOptions,
  "resolution" | "draws" | "timesteps" | "temperature" | "seed"
> {
  /** Folder of the library. */
  readonly library: string;
  /** Folder of the library's model, if it has moved. */
  readonly model?: string;
  /** Pictures, or folders of them. */
  readonly images: readonly string[];
  readonly program?: ProgramOptions;
  /** When it fires, the classification ends with its reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ClassifyProgress) => void;
}

/** What there is to tell meanwhile. */
export type ClassifyProgress =
  /** Before the first evaluation. */
  | {
      readonly kind: "pictures";
      readonly count: number;
      /** Files in formats that are not read, which lie in the folders. */
      readonly skipped: readonly string[];
      /** What is left out of the folders, a line each. */
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: "evaluated";
      /** Index of the picture, and how many there are. */
      readonly index: number;
      readonly count: number;
      /** UNet evaluations for this picture so far. */
      readonly evaluations: number;
    };

/** One candidate for one picture. */
export interface Verdict extends Omit<Candidate, "prompt"> {
  /** In [0, 1]; those of a picture sum to 1. */
  readonly probability: number;
  /** Mean squared error of the noise predicted for it: the smaller, the more probable. */
  readonly error: number;
  /** Draws after which it was decided. */
  readonly draws: number;
}

export interface ClassifiedPicture {
  readonly file: string;
  /** The most probable first. */
  readonly verdicts: readonly Verdict[];
  /** UNet evaluations. */
  readonly evaluations: number;
  /** Without opening the model and encoding the picture. */
  readonly seconds: number;
}

/**
 * Says for each picture how probable each concept of the library is. Beside the concepts stand their class nouns as candidates ("a photo of a cat"), each
 * once: a cat that is not `<mochi>` is then not forced to be it. A picture of neither goes to whichever comes nearest.
 *
 * @throws KeepsakeError for a library without concepts, a file that is no picture, a model that does not fit, or impossible options; the signal's reason
 *   when aborted
 */
export async function classifyPictures(request: ClassifyRequest): Promise<ClassifiedPicture[]> {
  const { library: folder, model, signal, onProgress, program = {} } = request;
  const library = await Library.open(folder);
  const pipeline = await openModel(model, library, program);
  const learned = await readLearned(folder, pipeline);
  if (learned.concepts.length === 0) {
    throw new KeepsakeError("state", `${folder} knows no concepts yet; "keepsake learn" teaches the first one.`);
  }
  const found = await findImages(request.images);
  const files = found.images;
  const resolution = request.resolution ?? pipeline.defaultSize.width;
  const photos: Float32Array[] = [];
  for (const file of files) photos.push(imageToTensor(await readPhoto(file, resolution)));
  onProgress?.({ kind: "pictures", count: files.length, skipped: found.skipped, warnings: pictureWarnings(found) });
  const posteriors = await encodePhotos(pipeline.vae, photos, resolution, program);

  const others = learned.concepts.map(({ classNoun }) => classNoun);
  const classifier = await ConceptClassifier.create(pipeline, learned, { ...request, others });
  try {
    const results: ClassifiedPicture[] = [];
    for (const [index, posterior] of posteriors.entries()) {
      const started = performance.now();
      const result = await classifier.classify(latentsFromPosterior(posterior, pipeline.vae.config), {
        ...(signal !== undefined && { signal }),
        onEvaluations: (evaluations) => {
          onProgress?.({ kind: "evaluated", index, count: files.length, evaluations });
        },
      });
      const seconds = (performance.now() - started) / 1000;
      const verdicts = verdictsOf(classifier.candidates, result);
      results.push({ file: files[index], verdicts, evaluations: result.evaluations, seconds });
    }
    return results;
  } finally {
    await classifier.dispose();
  }
}

function verdictsOf(candidates: readonly Candidate[], { probabilities, errors, draws }: Classification): Verdict[] {
  const verdicts = candidates.map(({ label, concept }, i) => ({
    label,
    ...(concept !== undefined && { concept }),
    probability: probabilities[i],
    error: errors[i],
    draws: draws[i],
  }));
  return verdicts.sort((a, b) => a.error - b.error);
}
