/**
 * @file From photo files to squares of pixels, with captions and masks. They are kept in memory only; nothing here is
 * written.
 */
import { timeIdsOf } from "../../diffusion/time-ids.ts";
import { KeepsakeError } from "../../errors.ts";
import { sha256 } from "../../io/hash.ts";
import { decodeImage, imageToTensor, resizeAndCrop } from "../../io/images/image.ts";
import type { ImageSource } from "../../io/images/image-source.ts";
import type { RgbImage } from "../../io/images/rgb-image.ts";
import type { Caption } from "../../prompts/captions.ts";
import { findPhotos, type FoundPhoto, type PhotoSource } from "./find-photos.ts";
import { cut, framingOf, pixelsOfCrop, type PhotoFraming } from "./photo-framing.ts";
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
  readonly framings: readonly PhotoFraming[];
  /** What each photo shows beside the thing, "on the beach"; undefined where nothing is said of it. */
  readonly captions: readonly (string | undefined)[];
  /** The file of each caption. */
  readonly captionFiles: readonly (string | undefined)[];
  /** `[resolution, resolution]`, from 0 to 1: what each pixel counts; undefined where all count. */
  readonly masks: readonly (Float32Array | undefined)[];
  /**
   * Identifies the cropped pixels, the captions and the masks, and the framings if the model is told of them, so that
   * an interrupted run goes on with the same photos only.
   */
  readonly digest: string;
}

/** The long side of a photo is at most so many times the short one. */
const MOST_LONG = 3;
/** Whether a mask leaves anything of its photo does not depend on the size to which both are scaled. */
const CHECKED_SIDE = 64;

/** What a person may ask of the way in which photos are read. */
export interface PhotoOptions {
  /**
   * Whether the transparency of a photo is its mask, where no `x.mask.png` lies beside it. Default: it is put on white.
   */
  readonly alphaMasks?: boolean;
}

/** How photos are read for a model. */
export interface ReadOptions extends PhotoOptions {
  /** Whether the model is told how they were cropped, as SDXL is: then that is a part of their identity. */
  readonly tellsFraming?: boolean;
  /** When it fires, no further photo is read. */
  readonly signal?: AbortSignal | undefined;
}

/** A photo as it is cropped for training. */
export interface ReadPhoto {
  readonly file: string;
  /** `[resolution, resolution, 3]`. */
  readonly image: RgbImage;
  readonly framing: PhotoFraming;
  readonly caption: Caption | undefined;
  readonly mask: PhotoMask | undefined;
}

/**
 * Decodes every photo before any training starts: the short side is scaled to `resolution`, the middle is kept. A text
 * file beside a photo, `x.txt` for `x.jpg`, is its caption, and `x.mask.png` its mask. Of photos that show the same the
 * first is kept, with the first caption and mask.
 *
 * @param sources - files, folders, and photos in memory
 * @throws KeepsakeError naming the file that is missing or no picture, the folder without pictures, the caption that
 *   cannot be read, or the mask or crop that does not fit; the signal's reason when aborted
 */
export async function readPhotos(
  sources: readonly PhotoSource[],
  resolution: number,
  { alphaMasks = false, tellsFraming = false, signal }: ReadOptions = {},
): Promise<{ readonly found: PhotosFound; readonly photos: readonly ReadPhoto[]; readonly digest: string }> {
  const { photos: found, ...findings } = await findPhotos(sources);
  const photos = new Map<string, { -readonly [Key in keyof ReadPhoto]: ReadPhoto[Key] }>();
  const duplicates: PhotoFindings["duplicates"][number][] = [];
  const [odd, small]: SizedPhoto[][] = [[], []];
  await eachPhoto(found, signal, async ({ file, source, caption, mask: own, crop }) => {
    const picture = await decodeImage(source);
    const square = crop && pixelsOfCrop(file, crop, picture);
    const part = square === undefined ? picture : cut(picture, square);
    const image = await resizeAndCrop(part, resolution, resolution);
    const mask = await readMask(source, picture, { own, alpha: alphaMasks, resolution, square });
    const digest = sha256(image.data);
    const first = photos.get(digest);
    if (first !== undefined) {
      const otherCaption = first.caption !== undefined && caption !== undefined && caption.text !== first.caption.text;
      duplicates.push({ file, first: first.file, otherCaption });
      first.caption ??= caption;
      first.mask ??= mask;
      return;
    }
    photos.set(digest, { file, image, framing: framingOf(picture, resolution, square), caption, mask });
    const { width, height } = part;
    const [short, long] = [Math.min(width, height), Math.max(width, height)];
    if (long > MOST_LONG * short) odd.push({ file, width, height });
    if (short < resolution) small.push({ file, width, height });
  });
  const kept = [...photos.values()];
  return {
    found: {
      count: kept.length,
      captioned: kept.filter(({ caption }) => caption !== undefined).length,
      masked: kept.filter(({ mask }) => mask !== undefined).length,
      duplicates: duplicates.length,
      skipped: findings.skipped,
      warnings: photoWarnings({ ...findings, duplicates, odd, small }, resolution),
    },
    photos: kept,
    digest: sha256(JSON.stringify([...photos].map(([digest, photo]) => identityOf(digest, photo, tellsFraming)))),
  };
}

/** What a photo does not have, or a model is not told, leaves the identity as it was before there was such a thing. */
function identityOf(
  digest: string,
  { caption, mask, framing }: Pick<ReadPhoto, "caption" | "mask" | "framing">,
  tellsFraming: boolean,
): unknown[] {
  return [
    digest,
    caption?.text,
    ...(mask === undefined ? [] : [sha256(mask.data)]),
    ...(tellsFraming ? [[...timeIdsOf(framing), framing.scaledWidth]] : []),
  ];
}

/** {@link readPhotos}, as the VAE takes them. */
export async function loadPhotos(
  sources: readonly PhotoSource[],
  resolution: number,
  options: ReadOptions = {},
): Promise<Photos> {
  const { found, photos, digest } = await readPhotos(sources, resolution, options);
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

/**
 * Decodes every photo and its mask and keeps none: before a long work, to find out what could not be read in the middle
 * of it.
 *
 * @throws KeepsakeError as {@link loadPhotos}
 */
export async function checkPhotos(
  sources: readonly PhotoSource[],
  { alphaMasks = false, signal }: Omit<ReadOptions, "tellsFraming"> = {},
): Promise<void> {
  const { photos } = await findPhotos(sources);
  await eachPhoto(photos, signal, async ({ file, source, mask: own, crop }) => {
    const picture = await decodeImage(source);
    const square = crop && pixelsOfCrop(file, crop, picture);
    await readMask(source, picture, { own, alpha: alphaMasks, resolution: CHECKED_SIDE, square });
  });
}

/**
 * Reads photo after photo. Who has several bad ones hears of all of them at once: the first with its fault, the others
 * by their names.
 */
async function eachPhoto(
  photos: readonly FoundPhoto[],
  signal: AbortSignal | undefined,
  read: (photo: FoundPhoto) => Promise<void>,
): Promise<void> {
  const faults: { readonly file: string; readonly error: KeepsakeError }[] = [];
  for (const photo of photos) {
    signal?.throwIfAborted();
    try {
      await read(photo);
    } catch (error) {
      if (!(error instanceof KeepsakeError) || error.kind !== "input") throw error;
      faults.push({ file: photo.file, error });
    }
  }
  const [first, ...others] = faults;
  if (first === undefined) return;
  if (others.length === 0) throw first.error;
  const names = others.map(({ file }) => file).join(", ");
  const count = others.length === 1 ? "One more has" : `${others.length} more have`;
  throw new KeepsakeError("input", `${first.error.message} ${count} faults, too: ${names}.`, { cause: first.error });
}

/**
 * Decodes one photo; the short side is scaled to `resolution`, the middle is kept.
 *
 * @throws KeepsakeError naming the file that is missing or no picture
 */
export async function readPhoto(source: ImageSource, resolution: number): Promise<RgbImage> {
  return resizeAndCrop(await decodeImage(source), resolution, resolution);
}
