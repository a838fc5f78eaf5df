/**
 * @file Which of a library's concepts is on a picture, if any: from picture files to answers. Nothing is stored.
 */
import { ImageEncoder, latentsFrom } from "../diffusion/latents.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { findImages } from "../io/images/find-images.ts";
import { imageToTensor } from "../io/images/image.ts";
import { ConceptClassifier, type ConceptClassifierOptions } from "../classifier/concept-classifier.ts";
import { openModel, readLearned } from "../library/library-model.ts";
import { Library } from "../library/library.ts";
import { chosenModel } from "../library/model-folder.ts";
import { profileOf } from "../library/model-profile.ts";
import { pictureWarnings } from "../training/photo-warnings.ts";
import { encodePhotos, readPhoto } from "../training/photos.ts";
import { judge, type Answer, type Verdict } from "../classifier/picture-answer.ts";

export interface ClassifyRequest extends Pick<ConceptClassifierOptions, "resolution" | "draws" | "timesteps" | "seed"> {
  /** Folder of the library. */
  readonly library: string;
  /** Folder of the library's model, if it has moved. */
  readonly model?: string;
  /** Pictures, or folders of them. */
  readonly images: readonly string[];
  /** Ordinary things that a picture may show instead, beside the class nouns. Default: those of the model's profile. */
  readonly others?: readonly string[];
  /** How even the probabilities are; see {@link judge}. */
  readonly temperature?: number;
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

export interface ClassifiedPicture {
  readonly file: string;
  readonly answer: Answer;
  /** Of all candidates that were compared, the best first. */
  readonly verdicts: readonly Verdict[];
  /** UNet evaluations. */
  readonly evaluations: number;
  /** Without opening the model and encoding the picture. */
  readonly seconds: number;
}

/**
 * Says for each picture which concept of the library it shows, that it shows none, or that this is not sure. Beside the concepts stand as candidates their
 * class nouns ("a photo of a cat"), ordinary things, and the empty prompt: a concept that does not fit a picture predicts its noise worse than these. Things
 * that do not fit are given up after a few draws.
 *
 * @throws KeepsakeError for a library without concepts, a file that is no picture, a model that does not fit, or impossible options; the signal's reason
 *   when aborted
 */
export async function classifyPictures(request: ClassifyRequest): Promise<ClassifiedPicture[]> {
  const { library: folder, model, temperature, signal, onProgress, program = {} } = request;
  if (temperature !== undefined && !(temperature > 0 && Number.isFinite(temperature))) {
    throw new KeepsakeError("usage", `The temperature is ${temperature}, expected a number above 0.`);
  }
  const library = await Library.open(folder);
  const pipeline = await openModel(model, library, program);
  const learned = await readLearned(folder, pipeline);
  if (learned.concepts.length === 0) {
    throw new KeepsakeError("state", `${folder} knows no concepts yet; "keepsake learn" teaches the first one.`);
  }
  const found = await findImages(request.images);
  const files = found.images;
  const resolution = request.resolution ?? pipeline.defaultSize.width;
  // Before the photos are scaled to it, and before any work.
  ImageEncoder.checkMemory(pipeline.vae, { height: resolution, width: resolution }, program);
  const photos: Float32Array[] = [];
  for (const file of files) photos.push(imageToTensor(await readPhoto(file, resolution)));
  onProgress?.({ kind: "pictures", count: files.length, skipped: found.skipped, warnings: pictureWarnings(found) });
  const posteriors = await encodePhotos(pipeline.vae, photos, resolution, program);

  const { draws, timesteps, seed } = request;
  const classifier = await ConceptClassifier.create(pipeline, learned, {
    ...{ resolution, program, anything: true },
    ...(draws !== undefined && { draws }),
    ...(timesteps !== undefined && { timesteps }),
    ...(seed !== undefined && { seed }),
    others: learned.concepts.map(({ classNoun }) => classNoun),
    background: request.others ?? profileOf(chosenModel(model, library)).ordinaryThings,
  });
  try {
    const results: ClassifiedPicture[] = [];
    for (const [index, posterior] of posteriors.entries()) {
      const started = performance.now();
      const result = await classifier.classify(latentsFrom(posterior, pipeline.vae.config), {
        ...(signal !== undefined && { signal }),
        onEvaluations: (evaluations) => {
          onProgress?.({ kind: "evaluated", index, count: files.length, evaluations });
        },
      });
      const seconds = (performance.now() - started) / 1000;
      results.push({ file: files[index], ...judge(result, temperature), evaluations: result.evaluations, seconds });
    }
    return results;
  } finally {
    await classifier.dispose();
  }
}
