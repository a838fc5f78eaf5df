/**
 * @file From photo files to what training sees: cropped, encoded by the VAE, kept in memory only. Nothing here is written.
 */
import type { Component } from "../diffusion/checkpoint.ts";
import type { AutoencoderKlConfig } from "../diffusion/config/autoencoder-kl-config.ts";
import { ImageEncoder, latentShape, type LatentDistribution } from "../diffusion/latents.ts";
import type { PictureFraming } from "../diffusion/time-ids.ts";
import { damagedWeights } from "../diffusion/weights.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { sha256 } from "../io/hash.ts";
import { decodeImage, imageToTensor, resizeAndCrop } from "../io/images/image.ts";
import type { RgbImage } from "../io/images/rgb-image.ts";
import type { Caption } from "../prompts/captions.ts";
import { findPhotos } from "./find-photos.ts";
import { latentMask, lossMask } from "./loss-options.ts";
import { framingOf } from "./photo-framing.ts";
import { readMask, type PhotoMask } from "./photo-masks.ts";
import { photoWarnings, type PhotoFindings, type SizedPhoto } from "./photo-warnings.ts";

/** What was found where photos were looked for. */
export interface PhotosFound {
  /** Photos that are used. */
  readonly count: number;
  /** Photos with a caption. */
  readonly captioned: number;
  /** Photos with a mask. */
  readonly masked: number;
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
  /** How each was cropped, as SDXL is told. */
  readonly framings: readonly PictureFraming[];
  /** What each photo shows beside the thing, "on the beach"; undefined where nothing is said of it. */
  readonly captions: readonly (string | undefined)[];
  /** The file of each caption. */
  readonly captionFiles: readonly (string | undefined)[];
  /** `[resolution, resolution]`, from 0 to 1: what each pixel counts; undefined where all count. */
  readonly masks: readonly (Float32Array | undefined)[];
  /** Identifies the cropped pixels, the captions and the masks, so that an interrupted run goes on with the same photos only. */
  readonly digest: string;
}

/** A photo as training sees it, encoded. */
export interface PhotoView extends LatentDistribution {
  /** Default: it is whole. Only SDXL is told. */
  readonly framing?: PictureFraming;
  /** `[height, width]` of the latent: what each pixel counts in the loss. Default: all count 1. */
  readonly mask?: Float32Array;
}

/** A photo that is trained on, with the words for what is not the thing. */
export interface TrainingPhoto extends PhotoView {
  readonly caption?: string | undefined;
  /** The same photo mirrored, left and right exchanged: each step sees one of the two. Default: none does. */
  readonly mirrored?: PhotoView;
}

/** The long side of a photo is at most so many times the short one, or most of the photo is not seen. */
const MOST_LONG = 3;

/** What a person may ask of the way in which photos are read. */
export interface PhotoOptions {
  /** Whether the transparency of a photo is its mask, where no `x.mask.png` lies beside it. Default: it is put on white. */
  readonly alphaMasks?: boolean;
}

/** A photo as it is cropped for training. */
export interface ReadPhoto {
  readonly file: string;
  /** `[resolution, resolution, 3]`. */
  readonly image: RgbImage;
  readonly framing: PictureFraming;
  readonly caption: Caption | undefined;
  readonly mask: PhotoMask | undefined;
}

/**
 * Decodes every photo before any training starts: the short side is scaled to `resolution`, the middle is kept. A text file
 * beside a photo, `x.txt` for `x.jpg`, is its caption, and `x.mask.png` its mask. Of photos that show the same the first is
 * kept, with the first caption and mask.
 *
 * @param paths - files and folders
 * @throws KeepsakeError naming the file that is missing or no picture, the folder without pictures, the caption that cannot be
 *   read, or the mask that does not fit
 */
export async function readPhotos(
  paths: readonly string[],
  resolution: number,
  { alphaMasks = false }: PhotoOptions = {},
): Promise<{ readonly found: PhotosFound; readonly photos: readonly ReadPhoto[]; readonly digest: string }> {
  const { files, captions, masks, ...findings } = await findPhotos(paths);
  const photos = new Map<string, { -readonly [Key in keyof ReadPhoto]: ReadPhoto[Key] }>();
  const duplicates: PhotoFindings["duplicates"][number][] = [];
  const [odd, small]: SizedPhoto[][] = [[], []];
  for (const file of files) {
    const picture = await decodeImage(file);
    const image = await resizeAndCrop(picture, resolution, resolution);
    const mask = await readMask(file, picture, { file: masks.get(file), alpha: alphaMasks, resolution });
    const digest = sha256(image.data);
    const caption = captions.captions.get(file);
    const first = photos.get(digest);
    if (first !== undefined) {
      const otherCaption = first.caption !== undefined && caption !== undefined && caption.text !== first.caption.text;
      duplicates.push({ file, first: first.file, otherCaption });
      first.caption ??= caption;
      first.mask ??= mask;
      continue;
    }
    photos.set(digest, { file, image, framing: framingOf(picture, resolution), caption, mask });
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
      masked: kept.filter(({ mask }) => mask !== undefined).length,
      duplicates: duplicates.length,
      skipped: findings.skipped,
      warnings: photoWarnings({ ...findings, captions, duplicates, odd, small }, resolution),
    },
    photos: kept,
    digest: sha256(JSON.stringify([...photos].map(([digest, { caption, mask }]) => identityOf(digest, caption, mask)))),
  };
}

/** What tells a photo from others. One without a mask has the identity that it had before there were masks. */
function identityOf(digest: string, caption: Caption | undefined, mask: PhotoMask | undefined): unknown[] {
  return [digest, caption?.text, ...(mask === undefined ? [] : [sha256(mask.data)])];
}

/** {@link readPhotos}, as the VAE takes them. */
export async function loadPhotos(
  paths: readonly string[],
  resolution: number,
  options: PhotoOptions = {},
): Promise<Photos> {
  const { found, photos, digest } = await readPhotos(paths, resolution, options);
  return {
    found,
    images: photos.map(({ image }) => imageToTensor(image)),
    framings: photos.map(({ framing }) => framing),
    captions: photos.map(({ caption }) => caption?.text),
    captionFiles: photos.map(({ caption }) => caption?.file),
    masks: photos.map(({ mask }) => mask && Float32Array.from(mask.data, (value) => value / 255)),
    digest,
  };
}

/** Whether a mask leaves anything of its photo does not depend on the size to which both are scaled. */
const CHECKED_SIDE = 64;

/**
 * Decodes every photo and its mask and keeps none: before a long work, to find out what could not be read in the middle of it.
 *
 * @throws KeepsakeError as {@link loadPhotos}
 */
export async function checkPhotos(paths: readonly string[], { alphaMasks = false }: PhotoOptions = {}): Promise<void> {
  const { files, masks } = await findPhotos(paths);
  for (const file of files) {
    await readMask(file, await decodeImage(file), {
      file: masks.get(file),
      alpha: alphaMasks,
      resolution: CHECKED_SIDE,
    });
  }
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

/**
 * Photos with their captions and masks, encoded.
 *
 * @param flip - whether each is encoded mirrored too, so that a step may see it either way
 */
export async function encodeTrainingPhotos(
  vae: Component<AutoencoderKlConfig>,
  {
    images,
    framings = [],
    captions,
    masks = [],
  }: Pick<Photos, "images" | "captions"> & Partial<Pick<Photos, "framings" | "masks">>,
  resolution: number,
  options: ProgramOptions,
  { flip = false }: { readonly flip?: boolean } = {},
): Promise<TrainingPhoto[]> {
  const [, , columns] = latentShape(vae.config, { height: resolution, width: resolution });
  const views = async (seen: (rows: Float32Array) => Float32Array): Promise<PhotoView[]> => {
    const distributions = await encodePhotos(vae, images.map(seen), resolution, options);
    return distributions.map((distribution, i) => {
      const [mask, framing] = [masks[i], framings[i]];
      const view = { ...distribution, ...(framing !== undefined && { framing }) };
      if (mask === undefined) return view;
      return { ...view, mask: lossMask(latentMask(seen(mask), resolution, resolution / columns)) };
    });
  };
  const photos = (await views((rows) => rows)).map((view, i) => ({ ...view, caption: captions[i] }));
  if (!flip) return photos;
  const mirrored = await views((rows) => mirroredRows(rows, resolution));
  return photos.map((photo, i) => ({ ...photo, mirrored: mirrored[i] }));
}

/** @param rows - rows of `width` numbers, each of which is turned round */
function mirroredRows(rows: Float32Array, width: number): Float32Array {
  const mirrored = rows.slice();
  for (let start = 0; start < rows.length; start += width) mirrored.subarray(start, start + width).reverse();
  return mirrored;
}
