/**
 * @file Which square of a photo is learned from, and how SDXL is told: the size as decoded, and where the square begins
 * once scaled (diffusers: train_dreambooth_lora_sdxl.py).
 */
import type { PictureFraming } from "../../diffusion/time-ids.ts";
import { KeepsakeError } from "../../errors.ts";
import type { RgbImage } from "../../io/images/rgb-image.ts";
import { coveringWindow } from "../../io/images/resample.ts";

/** A square of a photo, as shares of its upright size. */
export interface PhotoCrop {
  /** Left edge, in [0, 1) of the width. */
  readonly x: number;
  /** Upper edge, in [0, 1) of the height. */
  readonly y: number;
  /** Side, in (0, 1] of the shorter side. */
  readonly size: number;
}

/** How a photo was cropped. */
export interface PhotoFraming extends PictureFraming {
  /** Width of the whole photo once it was scaled, in pixels. */
  readonly scaledWidth: number;
}

type PixelSize = Pick<RgbImage, "width" | "height">;

/** In whole pixels. */
export interface PixelSquare {
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/**
 * The pixels of a square. One that reaches over an edge is moved in.
 *
 * @param file - for the message
 * @throws KeepsakeError ("usage") if it is no square of the photo
 */
export function pixelsOfCrop(file: string, crop: PhotoCrop, { width, height }: PixelSize): PixelSquare {
  const { x, y, size } = crop;
  const isShare = (value: number) => value >= 0 && value <= 1;
  if (!isShare(x) || !isShare(y) || !isShare(size) || size === 0) {
    const fault = `The crop of ${file} is x ${x}, y ${y}, size ${size}`;
    throw new KeepsakeError("usage", `${fault}: expected numbers from 0 to 1, and a size above 0.`);
  }
  const side = Math.max(1, Math.round(size * Math.min(width, height)));
  const within = (start: number, length: number) => Math.max(0, Math.min(Math.round(start), length - side));
  return { left: within(x * width, width), top: within(y * height, height), side };
}

/** The part of a picture, or of a mask, that a square covers; `channels` numbers for each pixel. */
export function cut<Image extends PixelSize & { readonly data: Uint8Array }>(
  image: Image,
  { left, top, side }: PixelSquare,
): Image {
  const channels = image.data.length / (image.width * image.height);
  const data = new Uint8Array(side * side * channels);
  for (let row = 0; row < side; row += 1) {
    const start = ((top + row) * image.width + left) * channels;
    data.set(image.data.subarray(start, start + side * channels), row * side * channels);
  }
  return { ...image, width: side, height: side, data };
}

/**
 * @param resolution - of the square that is kept, in pixels
 * @param square - default: the middle, as large as the photo allows
 */
export function framingOf({ width, height }: PixelSize, resolution: number, square?: PixelSquare): PhotoFraming {
  const sizes = { originalSize: { width, height }, targetSize: { width: resolution, height: resolution } };
  if (square !== undefined) {
    const scaled = (pixels: number) => Math.round((pixels * resolution) / square.side);
    return { ...sizes, crop: { top: scaled(square.top), left: scaled(square.left) }, scaledWidth: scaled(width) };
  }
  const window = coveringWindow({ width, height }, resolution, resolution);
  return { ...sizes, crop: { top: window.rows.start, left: window.columns.start }, scaledWidth: window.width };
}

/**
 * The same square of the same photo, both mirrored: what lay to its right lies to its left. diffusers mirrors a photo
 * before it crops it, and tells the crop in the mirrored one.
 */
export function mirroredFraming(framing: PhotoFraming): PhotoFraming {
  const { crop, targetSize, scaledWidth } = framing;
  return { ...framing, crop: { ...crop, left: scaledWidth - crop.left - targetSize.width } };
}
