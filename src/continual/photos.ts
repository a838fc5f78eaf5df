/**
 * @file From photo files to what training sees: cropped, encoded by the VAE, kept in memory only. Nothing here is written.
 */
import { existsSync } from "node:fs";
import { format, parse } from "node:path";
import type { Component } from "../diffusion/checkpoint.ts";
import type { AutoencoderKlConfig } from "../diffusion/config/autoencoder-kl-config.ts";
import { ImageEncoder, type Posterior } from "../diffusion/latents.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { sha256 } from "../io/hash.ts";
import { decodeImage, findImages, imageToTensor, resizeAndCrop, type RgbImage } from "../io/image.ts";
import { readWholeFile, statFile } from "../io/read-file.ts";

/** What was found where photos were looked for. */
export interface PhotosFound {
  /** Photos that are used. */
  readonly count: number;
  /** Photos with a caption. */
  readonly captioned: number;
  /** Photos that show the very same as an earlier one, and are left out. */
  readonly duplicates: number;
  /** Files in formats that are not read, such as HEIC, which lie in the folders. */
  readonly skipped: readonly string[];
}

export interface Photos {
  readonly found: PhotosFound;
  /** Cropped photos, `[3, resolution, resolution]` in [-1, 1], in the order of the arguments and the files' names. */
  readonly images: readonly Float32Array[];
  /** What each photo shows beside the thing, "on the beach"; undefined where nothing is said of it. */
  readonly captions: readonly (string | undefined)[];
  /** Identifies the cropped pixels and the captions, so that an interrupted run goes on with the same photos only. */
  readonly digest: string;
}

/** A photo as training sees it: encoded, with the words for what is not the thing. */
export interface TrainingPhoto extends Posterior {
  readonly caption?: string | undefined;
}

/**
 * Decodes every photo before any training starts: the short side is scaled to `resolution`, the middle is kept. A text file beside a photo, `x.txt` for
 * `x.jpg`, is its caption.
 *
 * @param paths - files and folders
 * @throws KeepsakeError naming the file that is missing or no picture, the folder without pictures, or the caption that cannot be read
 */
export async function loadPhotos(paths: readonly string[], resolution: number): Promise<Photos> {
  const { images: files, skipped } = await findImages(paths);
  const photos = new Map<string, { readonly image: Float32Array; readonly caption: string | undefined }>();
  for (const file of files) {
    const cropped = await readPhoto(file, resolution);
    const digest = sha256(cropped.data);
    if (photos.has(digest)) continue;
    photos.set(digest, { image: imageToTensor(cropped), caption: await readCaption(file) });
  }
  const kept = [...photos.values()];
  return {
    found: {
      count: kept.length,
      captioned: kept.filter(({ caption }) => caption !== undefined).length,
      duplicates: files.length - kept.length,
      skipped,
    },
    images: kept.map(({ image }) => image),
    captions: kept.map(({ caption }) => caption),
    digest: sha256(JSON.stringify([...photos].map(([digest, { caption }]) => [digest, caption]))),
  };
}

/** In bytes; what is longer is no caption: a prompt has 77 tokens at most. */
const MAX_CAPTION_SIZE = 1000;

/** The words in the text file beside a photo, if there is one. */
async function readCaption(photo: string): Promise<string | undefined> {
  const { dir, name } = parse(photo);
  const file = format({ dir, name, ext: ".txt" });
  if (!existsSync(file)) return undefined;
  const { size } = await statFile(file);
  if (size > MAX_CAPTION_SIZE) {
    throw new KeepsakeError(
      "input",
      `${file} is no caption of a photo: it has ${size} bytes, at most ${MAX_CAPTION_SIZE} are read.`,
    );
  }
  const text = new TextDecoder().decode(await readWholeFile(file, MAX_CAPTION_SIZE));
  return text.replace(/\s+/g, " ").trim() || undefined;
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

/** Photos with their captions, encoded. */
export async function encodeTrainingPhotos(
  vae: Component<AutoencoderKlConfig>,
  { images, captions }: Pick<Photos, "images" | "captions">,
  resolution: number,
  options: ProgramOptions,
): Promise<TrainingPhoto[]> {
  const posteriors = await encodePhotos(vae, images, resolution, options);
  return posteriors.map((posterior, i) => ({ ...posterior, caption: captions[i] }));
}
