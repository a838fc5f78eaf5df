/**
 * @file From photo files to what training sees: cropped, encoded by the VAE, kept in memory only. Nothing here is written.
 */
import type { Component } from "../diffusion/checkpoint.ts";
import type { AutoencoderKlConfig } from "../diffusion/config/autoencoder-kl-config.ts";
import { ImageEncoder, type LatentDistribution } from "../diffusion/latents.ts";
import { damagedWeights } from "../diffusion/weights.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { findImages } from "../io/images/find-images.ts";
import { sha256 } from "../io/hash.ts";
import { decodeImage, imageToTensor, isDrawnPicture, resizeAndCrop } from "../io/images/image.ts";
import type { RgbImage } from "../io/images/rgb-image.ts";
import { findCaptions, type Caption, type FoundCaptions } from "../prompts/captions.ts";
import { photoWarnings, type PhotoFindings, type SizedPhoto } from "./photo-warnings.ts";

/** What was found where photos were looked for. */
export interface PhotosFound {
  /** Photos that are used. */
  readonly count: number;
  /** Photos with a caption. */
  readonly captioned: number;
  /** Photos that show the very same as an earlier one, and are left out. */
  readonly duplicates: number;
  /** Files in formats that are not read, such as RAW, which lie in the folders. */
  readonly skipped: readonly string[];
  /** What a person may not have meant, a line each: files left out, captions unused or cut, photos enlarged. */
  readonly warnings: readonly string[];
}

export interface Photos {
  readonly found: PhotosFound;
  /** Cropped photos, `[3, resolution, resolution]` in [-1, 1], in the order of the arguments and the files' names. */
  readonly images: readonly Float32Array[];
  /** What each photo shows beside the thing, "on the beach"; undefined where nothing is said of it. */
  readonly captions: readonly (string | undefined)[];
  /** The file of each caption. */
  readonly captionFiles: readonly (string | undefined)[];
  /** Identifies the cropped pixels and the captions, so that an interrupted run goes on with the same photos only. */
  readonly digest: string;
}

/** A photo as training sees it: encoded, with the words for what is not the thing. */
export interface TrainingPhoto extends LatentDistribution {
  readonly caption?: string | undefined;
  /** `[height, width]` of the latent: what each pixel counts in the loss. Default: all count 1. */
  readonly mask?: Float32Array;
}

/** The long side of a photo is at most so many times the short one, or most of the photo is not seen. */
const MOST_LONG = 3;

/**
 * Decodes every photo before any training starts: the short side is scaled to `resolution`, the middle is kept. A text file
 * beside a photo, `x.txt` for `x.jpg`, is its caption. Of photos that show the same the first is kept, with the first caption.
 *
 * @param paths - files and folders
 * @throws KeepsakeError naming the file that is missing or no picture, the folder without pictures, or the caption that cannot be read
 */
export async function loadPhotos(paths: readonly string[], resolution: number): Promise<Photos> {
  const { files, captions, ...findings } = await findPhotos(paths);
  const photos = new Map<string, { file: string; image: Float32Array; caption: Caption | undefined }>();
  const duplicates: PhotoFindings["duplicates"][number][] = [];
  const [odd, small]: SizedPhoto[][] = [[], []];
  for (const file of files) {
    const picture = await decodeImage(file);
    const cropped = await resizeAndCrop(picture, resolution, resolution);
    const digest = sha256(cropped.data);
    const caption = captions.captions.get(file);
    const first = photos.get(digest);
    if (first !== undefined) {
      const otherCaption = first.caption !== undefined && caption !== undefined && caption.text !== first.caption.text;
      duplicates.push({ file, first: first.file, otherCaption });
      first.caption ??= caption;
      continue;
    }
    photos.set(digest, { file, image: imageToTensor(cropped), caption });
    const { width, height } = picture;
    const [short, long] = [Math.min(width, height), Math.max(width, height)];
    if (long > MOST_LONG * short) odd.push({ file, width, height });
    if (short < resolution) small.push({ file, width, height });
  }
  const kept = [...photos.values()];
  return {
    found: {
      count: kept.length,
      captioned: kept.filter(({ caption }) => caption !== undefined).length,
      duplicates: duplicates.length,
      skipped: findings.skipped,
      warnings: photoWarnings({ ...findings, captions, duplicates, odd, small }, resolution),
    },
    images: kept.map(({ image }) => image),
    captions: kept.map(({ caption }) => caption?.text),
    captionFiles: kept.map(({ caption }) => caption?.file),
    digest: sha256(JSON.stringify([...photos].map(([digest, { caption }]) => [digest, caption?.text]))),
  };
}

/** Photos and their captions, not decoded yet. */
interface FoundPhotos extends Pick<PhotoFindings, "skipped" | "special" | "subfolders" | "drawn"> {
  readonly files: readonly string[];
  readonly captions: FoundCaptions;
}

/** Looks for photos and captions. A picture that Keepsake drew is a photo only if it is named. */
async function findPhotos(paths: readonly string[]): Promise<FoundPhotos> {
  const found = await findImages(paths);
  const files: string[] = [];
  const drawn: Record<keyof PhotoFindings["drawn"], string[]> = { leftOut: [], used: [] };
  for (const file of found.images) {
    const isNamed = found.named.has(file);
    const isDrawn = await isDrawnPicture(file);
    if (isDrawn) drawn[isNamed ? "used" : "leftOut"].push(file);
    if (!isDrawn || isNamed) files.push(file);
  }
  if (files.length === 0) {
    const [first, ...others] = drawn.leftOut;
    const all = others.length === 0 ? first : `${first} and ${others.length} more`;
    const advice = "Name photos, or, to learn from these, name them one by one";
    throw new KeepsakeError("input", `There are no photos, only pictures that Keepsake drew: ${all}. ${advice}.`);
  }
  const { skipped, special, subfolders, folders, texts } = found;
  return { files, captions: await findCaptions(files, folders, texts), drawn, skipped, special, subfolders };
}

/**
 * Decodes every photo and keeps none: before a long work, to find out what could not be read in the middle of it.
 *
 * @throws KeepsakeError as {@link loadPhotos}
 */
export async function checkPhotos(paths: readonly string[]): Promise<void> {
  for (const file of (await findPhotos(paths)).files) await decodeImage(file);
}

/**
 * Decodes one photo; the short side is scaled to `resolution`, the middle is kept.
 *
 * @throws KeepsakeError naming the file that is missing or no picture
 */
export async function readPhoto(file: string, resolution: number): Promise<RgbImage> {
  return resizeAndCrop(await decodeImage(file), resolution, resolution);
}

/** Encodes photos to distributions: training draws latents from them, and their means are the most probable latents. */
export async function encodePhotos(
  vae: Component<AutoencoderKlConfig>,
  images: readonly Float32Array[],
  resolution: number,
  options: ProgramOptions,
): Promise<LatentDistribution[]> {
  const encoder = await ImageEncoder.create(vae, { height: resolution, width: resolution }, options);
  try {
    const distributions: LatentDistribution[] = [];
    for (const image of images) distributions.push(await encoder.distribution(image));
    if (!distributions.every(({ mean, logvar }) => mean.every(Number.isFinite) && logvar.every(Number.isFinite))) {
      const fault = "The model's VAE encodes a photo as NaN or infinity; use another checkpoint";
      throw (await damagedWeights([vae.weights])) ?? new KeepsakeError("input", `${fault}.`);
    }
    return distributions;
  } finally {
    await encoder.dispose();
  }
}

/** Photos with their captions, encoded. */
export async function encodeTrainingPhotos(
  vae: Component<AutoencoderKlConfig>,
  { images, captions }: Pick<Photos, "images" | "captions">,
  resolution: number,
  options: ProgramOptions,
): Promise<TrainingPhoto[]> {
  const distributions = await encodePhotos(vae, images, resolution, options);
  return distributions.map((distribution, i) => ({ ...distribution, caption: captions[i] }));
}
