/**
 * @file What SDXL is told of a picture's framing: how large the original was, where it was cut, and how large the
 * result is (Podell et al. 2023, section 2.2; diffusers: pipelines/stable_diffusion_xl, `_get_add_time_ids`). Other
 * models are told nothing.
 */
import { broadcastTo, input, type Tensor } from "../graph/index.ts";
import type { UNet2DConditionConfig } from "./config/unet-2d-condition-config.ts";
import { timestepProjection } from "./models/embeddings.ts";
import type { PictureSize } from "./picture-size.ts";

/** How a picture was cut out of another one. Sizes are in pixels. */
export interface PictureFraming {
  /** Before it was scaled. */
  readonly originalSize: PictureSize;
  /** What lies above and to the left of the cut, once the original was scaled. */
  readonly crop: { readonly top: number; readonly left: number };
  readonly targetSize: PictureSize;
}

/** The six numbers of a framing, in the order in which the UNet takes them. */
export type TimeIds = readonly number[];

export const TIME_IDS = 6;

/** A picture that was never scaled nor cut. */
export function wholePicture(size: PictureSize): PictureFraming {
  return { originalSize: size, crop: { top: 0, left: 0 }, targetSize: size };
}

export function timeIdsOf({ originalSize, crop, targetSize }: PictureFraming): TimeIds {
  return [originalSize.height, originalSize.width, crop.top, crop.left, targetSize.height, targetSize.width];
}

/** The UNet's input for time ids, if it has one: one row for each item, or one for all of them. */
export function timeIdsInput(
  { textTime }: UNet2DConditionConfig,
  batch: number,
  rows = batch,
): { readonly timeIdsProjection?: Tensor } {
  if (textTime === undefined) return {};
  const width = TIME_IDS * textTime.additionTimeEmbedDim;
  const given = input("timeIdsProjection", [rows, width]);
  return { timeIdsProjection: rows === batch ? given : broadcastTo(given, [batch, width]) };
}

/**
 * What to feed for it.
 *
 * @param ids - of each row; undefined where nothing is known of a picture
 */
export function timeIdsFeeds(
  config: UNet2DConditionConfig,
  ids: readonly (TimeIds | undefined)[],
): { readonly timeIdsProjection?: Float32Array } {
  if (config.textTime === undefined) return {};
  const flat = ids.flatMap((each) => {
    if (each === undefined) throw new Error("this UNet needs the time ids of each picture");
    return each;
  });
  return { timeIdsProjection: timestepProjection(flat, config.textTime.additionTimeEmbedDim, config) };
}
