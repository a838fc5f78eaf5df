/**
 * @file Which of a library's concepts is on a picture, if any: from picture files to answers. Nothing is stored.
 */
import { ImageEncoder, latentsFrom } from "../diffusion/latents.ts";
import { KeepsakeError } from "../errors.ts";
import { findImages, type FoundImages } from "../io/images/find-images.ts";
import { imageToTensor, resizeAndCrop } from "../io/images/image.ts";
import { nameOf, type ImageSource } from "../io/images/image-source.ts";
import type { RgbImage } from "../io/images/rgb-image.ts";
import { ConceptClassifier, type ConceptClassifierOptions } from "../classifier/concept-classifier.ts";
import { judge, type Answer, type Verdict } from "../classifier/picture-answer.ts";
import { Library } from "../library/library.ts";
import { pictureWarnings } from "../training/photos/photo-warnings.ts";
import { encodePhotos } from "../training/photos/encode-photos.ts";
import { readPhoto } from "../training/photos/photos.ts";
import type { Watched } from "./operation.ts";
import type { Session } from "./session.ts";

/** Pictures, and how they are compared with what the library knows. */
export interface ClassifyRequest
  extends Pick<ConceptClassifierOptions, "resolution" | "draws" | "timesteps" | "seed">, Watched<ClassifyProgress> {
  /** Files, folders of them, or pictures in memory: as a file would hold them, or decoded. */
  readonly images: readonly (ImageSource | RgbImage | { readonly image: RgbImage })[];
  /** Ordinary things that a picture may show instead, beside the class nouns. Default: those of the model's profile. */
  readonly others?: readonly string[];
  /** How even the probabilities are; see {@link judge}. */
  readonly temperature?: number;
  /** When it fires, the classification ends with its reason. */
  readonly signal?: AbortSignal;
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
    }
  /** What is known after each few draws; the result follows the last. */
  | {
      readonly kind: "verdicts";
      /** Index of the picture, and how many there are. */
      readonly index: number;
      readonly count: number;
      /** Of all candidates that are compared, the best first. */
      readonly verdicts: readonly Verdict[];
      /** Labels of those that are not given up. */
      readonly left: readonly string[];
    };

export interface ClassifiedPicture {
  /** Absent for a decoded picture in memory. */
  readonly file?: string;
  readonly answer: Answer;
  /** Of all candidates that were compared, the best first. */
  readonly verdicts: readonly Verdict[];
  /** UNet evaluations. */
  readonly evaluations: number;
  /** Without opening the model and encoding the picture. */
  readonly seconds: number;
}

/**
 * Says for each picture which concept of the library it shows, that it shows none, or that this is not sure. Beside the
 * concepts stand as candidates their class nouns ("a photo of a cat"), ordinary things, and the empty prompt: a concept
 * that does not fit a picture predicts its noise worse than these. Things that do not fit are given up after a few
 * draws.
 *
 * @throws KeepsakeError for a library without concepts, a file that is no picture, a model that does not fit, or
 *   impossible options; the signal's reason when aborted
 */
export async function classifyPictures(session: Session, request: ClassifyRequest): Promise<ClassifiedPicture[]> {
  const { folder, program } = session;
  const { temperature, signal, onProgress } = request;
  if (temperature !== undefined && !(temperature > 0 && Number.isFinite(temperature))) {
    throw new KeepsakeError("usage", `The temperature is ${temperature}, expected a number above 0.`);
  }
  const model = await session.model(await Library.open(folder));
  const { pipeline, profile } = model;
  const learned = await session.learned(model);
  if (learned.concepts.length === 0) {
    throw new KeepsakeError("state", `${folder} knows no concepts yet; "keepsake learn" teaches the first one.`);
  }
  const { pictures, found } = await findPictures(request.images);
  const resolution = request.resolution ?? pipeline.defaultSize.width;
  // Before the photos are scaled to it, and before any work.
  ImageEncoder.checkMemory(pipeline.vae, { height: resolution, width: resolution }, program);
  const [skipped, warnings] = found === undefined ? [[], []] : [found.skipped, pictureWarnings(found)];
  const count = pictures.length;
  onProgress?.({ kind: "pictures", count, skipped, warnings });
  const distributions = await encodePhotos(pipeline.vae, decoded(pictures, resolution, signal), resolution, program);

  const { draws, timesteps, seed, others: background = profile.ordinaryThings } = request;
  const options = {
    ...{ resolution, anything: true, background },
    ...(draws !== undefined && { draws }),
    ...(timesteps !== undefined && { timesteps }),
    ...(seed !== undefined && { seed }),
    others: learned.concepts.map(({ classNoun }) => classNoun),
  };
  const classifier = await session.classifier(learned, options, () =>
    ConceptClassifier.create(pipeline, learned, { ...options, program }),
  );
  const results: ClassifiedPicture[] = [];
  for (const [index, distribution] of distributions.entries()) {
    const started = performance.now();
    const result = await classifier.classify(latentsFrom(distribution, pipeline.vae.config), {
      signal,
      onEvaluations: (evaluations) => {
        onProgress?.({ kind: "evaluated", index, count, evaluations });
      },
      onLook: (soFar, left) => {
        const { verdicts } = judge(soFar, temperature);
        onProgress?.({ kind: "verdicts", index, count, verdicts, left: left.map(({ label }) => label) });
      },
    });
    const seconds = (performance.now() - started) / 1000;
    const picture = pictures[index];
    const file = isDecoded(picture) ? {} : { file: nameOf(picture) };
    results.push({ ...file, ...judge(result, temperature), evaluations: result.evaluations, seconds });
  }
  return results;
}

/** Pictures in the order in which they were given, a file that was given twice once; folders are searched. */
async function findPictures(
  images: ClassifyRequest["images"],
): Promise<{ readonly pictures: readonly GivenPicture[]; readonly found: FoundImages | undefined }> {
  const paths = images.filter((image) => typeof image === "string");
  if (paths.length === 0 && images.length > 0) return { pictures: images.map(withoutWrapping), found: undefined };
  const found = await findImages(paths);
  if (paths.length === images.length) return { pictures: found.images, found };
  const left = new Set(found.images);
  const pictures: GivenPicture[] = [];
  for (const image of images) {
    if (typeof image !== "string") pictures.push(withoutWrapping(image));
    else pictures.push(...(await findImages([image])).images.filter((file) => left.delete(file)));
  }
  return { pictures, found };
}

/** A file, on the disk or in memory, or a decoded picture. */
type GivenPicture = ImageSource | RgbImage;

function withoutWrapping(image: ClassifyRequest["images"][number]): GivenPicture {
  return typeof image === "object" && "image" in image ? image.image : image;
}

function isDecoded(picture: GivenPicture): picture is RgbImage {
  return typeof picture === "object" && "data" in picture;
}

/** One after another: as tensors they take 3 MB each at 512 pixels. */
async function* decoded(
  pictures: readonly GivenPicture[],
  side: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array> {
  for (const picture of pictures) {
    signal?.throwIfAborted();
    yield imageToTensor(await scaled(picture, side));
  }
}

function scaled(picture: GivenPicture, side: number): Promise<RgbImage> {
  return isDecoded(picture) ? resizeAndCrop(picture, side, side) : readPhoto(picture, side);
}
