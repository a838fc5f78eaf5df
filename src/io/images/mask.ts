/**
 * @file Masks of photos: white is what a photo is of, black is what lies around it.
 */
import { codecs } from "./codecs.ts";
import { decoded, type OpenedImage } from "./image.ts";
import type { ImageSource } from "./image-source.ts";
import { resizeToCover } from "./resample.ts";
import type { RgbImage } from "./rgb-image.ts";

/** How much each pixel of a picture counts. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  /** `[height, width]`, from 0 to 255. */
  readonly data: Uint8Array;
}

/**
 * Reads a mask: a picture in white and black, or greys between. What is transparent counts as black.
 * @throws KeepsakeError in one line that names the file, as `decodeImage`
 */
export function decodeMask(source: ImageSource): Promise<Mask> {
  return decoded(source, {}, async (image) => {
    const pipeline = (await upright(image)).flatten({ background: "black" }).toColourspace("b-w");
    return grey(pipeline);
  });
}

/**
 * The transparency of a picture as its mask.
 * @returns undefined if the picture can have none
 * @throws KeepsakeError in one line that names the file, as `decodeImage`
 */
export function decodeAlpha(source: ImageSource): Promise<Mask | undefined> {
  return decoded(source, {}, async (image) => {
    if (image.isOpaque || !image.metadata.hasAlpha) return undefined;
    return grey((await upright(image)).toColourspace("srgb").extractChannel("alpha"));
  });
}

async function upright({ bytes }: OpenedImage) {
  const sharp = await codecs();
  return sharp(bytes, { autoOrient: true, failOn: "error" });
}

async function grey(pipeline: Awaited<ReturnType<typeof upright>>): Promise<Mask> {
  const { data, info } = await pipeline.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, width * height) };
}

/** The same part of a mask as `resizeAndCrop` takes of its photo, at the same size. */
export function resizeAndCropMask({ width, height, data }: Mask, side: number): Mask {
  const rgb: RgbImage = { width, height, data: new Uint8Array(3 * data.length) };
  for (let i = 0; i < data.length; i++) rgb.data.fill(data[i], 3 * i, 3 * i + 3);
  const cropped = resizeToCover(rgb, side, side, "lanczos");
  return { width: side, height: side, data: Uint8Array.from({ length: side * side }, (_, i) => cropped.data[3 * i]) };
}
