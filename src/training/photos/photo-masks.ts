/**
 * @file Masks, which keep the background of a photo out of the loss: a picture beside the photo, or the photo's
 * transparency.
 */
import { readdir } from "node:fs/promises";
import { basename, dirname, join, parse } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { isMaskName } from "../../io/images/image-format.ts";
import { decodeAlpha, decodeMask, resizeAndCropMask, type Mask } from "../../io/images/mask.ts";
import { nameOf, type ImageSource } from "../../io/images/image-source.ts";
import type { RgbImage } from "../../io/images/rgb-image.ts";
import { cut, type PixelSquare } from "./photo-framing.ts";

/** The mask of a photo, cropped as the photo is. */
export interface PhotoMask {
  /** The mask's own file, or the photo whose transparency it is. */
  readonly file: string;
  /** `[resolution, resolution]`, from 0 to 255: white counts. */
  readonly data: Uint8Array;
}

/**
 * Looks for masks: `x.mask.png` or `x.jpg.mask.png` beside `x.jpg`, in small letters or capitals, however a system
 * writes an accent.
 *
 * @param masks - that were found where photos were looked for, or named beside them
 * @returns `files`: by the photo's path. `unmatched`: those of `masks` that have the name of no photo
 */
export async function findMasks(
  photos: readonly string[],
  masks: readonly string[],
): Promise<{ readonly files: ReadonlyMap<string, string>; readonly unmatched: readonly string[] }> {
  const files = new Map<string, string>();
  const names = new Map<string, readonly string[]>();
  for (const photo of photos) {
    const folder = dirname(join(photo));
    const inFolder = names.get(folder) ?? (await maskNames(folder));
    names.set(folder, inFolder);
    const { base, name } = parse(photo);
    const found = [base, name].flatMap((stem) => {
      const same = inFolder.filter((mask) => plain(mask) === plain(`${stem}.mask.png`));
      return same.find((mask) => mask.normalize() === `${stem}.mask.png`.normalize()) ?? same;
    });
    if (found[0] !== undefined) files.set(photo, join(folder, found[0]));
  }
  const used = new Set(files.values());
  return { files, unmatched: masks.filter((mask) => !used.has(join(mask))) };
}

const plain = (name: string) => name.normalize("NFC").toLowerCase();

/** None where the folder may be passed through but not listed. */
async function maskNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => isMaskName(name) && !name.startsWith(".")).sort();
}

/**
 * Reads the mask of a photo.
 *
 * @param picture - the photo, not cropped
 * @param options - `own`: the mask's own file; without one, the photo's transparency is its mask if that is wanted
 *   (`alpha`); `square`: the part of the photo that is learned from, default: the middle
 * @returns undefined if all of the photo counts
 * @throws KeepsakeError naming the mask that is no picture, of another size than its photo, or black all over
 */
export async function readMask(
  source: ImageSource,
  picture: RgbImage,
  {
    own,
    alpha,
    resolution,
    square,
  }: {
    readonly own: ImageSource | undefined;
    readonly alpha: boolean;
    readonly resolution: number;
    readonly square?: PixelSquare | undefined;
  },
): Promise<PhotoMask | undefined> {
  const photo = nameOf(source);
  const file = own && nameOf(own);
  const mask = own !== undefined ? await decodeMask(own) : alpha ? await decodeAlpha(source) : undefined;
  if (mask === undefined) return undefined;
  if (mask.width !== picture.width || mask.height !== picture.height)
    throw otherSize(photo, picture, file ?? photo, mask);
  if (mask.data.every((value) => value === 255)) return undefined;
  const { data } = resizeAndCropMask(square === undefined ? mask : cut(mask, square), resolution);
  if (data.some((value) => value > 0)) return { file: file ?? photo, data };
  const what = file === undefined ? `${photo} is transparent all over` : `${file} is black all over`;
  const where = mask.data.some((value) => value > 0) ? `${what} but where ${basename(photo)} is cropped away` : what;
  throw new KeepsakeError("input", `${where}: nothing of the photo would be learned. White is what counts.`);
}

function otherSize(photo: string, picture: RgbImage, file: string, mask: Mask): KeepsakeError {
  const [own, its] = [mask, picture].map(({ width, height }) => `${width} x ${height}`);
  const isTurned = mask.width === picture.height && mask.height === picture.width;
  const advice = isTurned ? "turn it as the photo is looked at" : "save it in the photo's size";
  return new KeepsakeError("input", `${file} has ${own} pixels and its photo ${photo} ${its}: ${advice}.`);
}
