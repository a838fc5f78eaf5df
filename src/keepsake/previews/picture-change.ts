/**
 * @file How much pictures have changed, on a scale that means something: 0 is the same picture to the pixel, 1 as
 * different as two drawings from different noise.
 */
import type { RgbImage } from "../../io/images/rgb-image.ts";

/**
 * What was drawn of one prompt before and after a change, from the same noises in the same order; at least two of each.
 */
export interface DrawnTwice {
  readonly before: readonly RgbImage[];
  readonly after: readonly RgbImage[];
}

/**
 * The mean distance of pictures before and after, in units of the mean distance of those that were drawn before from
 * different noise. The unit is one for all prompts: two drawings of one prompt may happen to be alike.
 *
 * @returns one number for each prompt, 0 or more
 */
export function pictureChanges(drawn: readonly DrawnTwice[]): number[] {
  const unit = distanceOfNeighbours(drawn.map(({ before }) => before));
  return drawn.map(({ before, after }) => {
    const moved = meanDistance(before, after);
    return moved === 0 ? 0 : moved / unit;
  });
}

/**
 * The mean over some prompts of how far pictures of one prompt, drawn from different noise, are apart; at least two of
 * each.
 */
export function distanceOfNeighbours(drawn: readonly (readonly RgbImage[])[]): number {
  return meanOf(drawn.map((pictures) => meanDistance(pictures.slice(1), pictures)));
}

/** How far pictures are from others with the same numbers, in the mean. */
export function meanDistance(pictures: readonly RgbImage[], others: readonly RgbImage[]): number {
  return meanOf(pictures.map((picture, i) => distance(picture, others[i])));
}

/** Root mean square of the differences in red, green and blue, in [0, 255]. */
function distance(a: RgbImage, b: RgbImage): number {
  return Math.sqrt(a.data.reduce((sum, value, i) => sum + (value - b.data[i]) ** 2, 0) / a.data.length);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
