/**
 * @file How a photo was cut for training, which SDXL is told: the size as decoded, and where the middle begins once scaled
 * (diffusers: train_dreambooth_lora_sdxl.py).
 */
import type { PictureFraming } from "../diffusion/time-ids.ts";
import type { RgbImage } from "../io/images/rgb-image.ts";
import { coveringWindow } from "../io/images/resample.ts";

/** @param resolution - of the square that is kept, in pixels */
export function framingOf({ width, height }: RgbImage, resolution: number): PictureFraming {
  const { columns, rows } = coveringWindow({ width, height }, resolution, resolution);
  return {
    originalSize: { width, height },
    crop: { top: rows.start, left: columns.start },
    targetSize: { width: resolution, height: resolution },
  };
}
