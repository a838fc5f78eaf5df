/**
 * @file From photo files to what training sees: cropped, encoded by the VAE, kept in memory only. Nothing here is written.
 */
import type { Component } from "../diffusion/checkpoint.ts";
import type { AutoencoderKlConfig } from "../diffusion/config/autoencoder-kl-config.ts";
import { ImageEncoder, type Posterior } from "../diffusion/latents.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { sha256 } from "../io/hash.ts";
import { decodeImage, findImages, imageToTensor, resizeAndCrop, type RgbImage } from "../io/image.ts";

/** What was found where photos were looked for. */
export interface PhotosFound {
  /** Photos that are used. */
  readonly count: number;
  /** Photos that show the very same as an earlier one, and are left out. */
  readonly duplicates: number;
  /** Files in formats that are not read, such as HEIC, which lie in the folders. */
  readonly skipped: readonly string[];
}

export interface Photos {
  readonly found: PhotosFound;
  /** Cropped photos, `[3, resolution, resolution]` in [-1, 1], in the order of the arguments and the files' names. */
  readonly images: readonly Float32Array[];
  /** Identifies the cropped pixels, so that an interrupted run goes on with the same photos only. */
  readonly digest: string;
}

/**
 * Decodes every photo before any training starts: the short side is scaled to `resolution`, the middle is kept.
 *
 * @param paths - files and folders
 * @throws KeepsakeError naming the file that is missing or no picture, or the folder without pictures
 */
export async function loadPhotos(paths: readonly string[], resolution: number): Promise<Photos> {
  const { images: files, skipped } = await findImages(paths);
  const images = new Map<string, Float32Array>();
  for (const file of files) {
    const cropped = await readPhoto(file, resolution);
    const digest = sha256(cropped.data);
    if (!images.has(digest)) images.set(digest, imageToTensor(cropped));
  }
  return {
    found: { count: images.size, duplicates: files.length - images.size, skipped },
    images: [...images.values()],
    digest: sha256([...images.keys()].join()),
  };
}

/**
 * Decodes every photo and keeps none: before a long work, to find out what could not be read in the middle of it.
 *
 * @throws KeepsakeError as {@link loadPhotos}
 */
export async function checkPhotos(paths: readonly string[]): Promise<void> {
  for (const file of (await findImages(paths)).images) await decodeImage(file);
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
): Promise<Posterior[]> {
  const encoder = await ImageEncoder.create(vae, { height: resolution, width: resolution }, options);
  try {
    const posteriors: Posterior[] = [];
    for (const image of images) posteriors.push(await encoder.posterior(image));
    return posteriors;
  } finally {
    await encoder.dispose();
  }
}
