/**
 * @file How much pictures have changed, on a scale that means something: 0 is the same picture to the pixel, 1 as different as two drawings from different noise.
 */
import type { RgbImage } from "../io/images/rgb-image.ts";

/** What was drawn of one prompt before and after a change, from the same noises in the same order; at least two of each. */
export interface DrawnTwice {
  readonly before: readonly RgbImage[];
  readonly after: readonly RgbImage[];
}

/**
 * The mean distance of pictures before and after, in units of the mean distance of those that were drawn before from different noise. The unit is one for all
 * prompts: two drawings of one prompt may happen to be alike.
 *
 * @returns one number for each prompt, 0 or more
 */
export function pictureChanges(drawn: readonly DrawnTwice[]): number[] {
  const unit = meanOf(drawn.map(({ before }) => distanceOfNeighbours(before)));
  return drawn.map(({ before, after }) => {
    const moved = meanOf(before.map((picture, i) => distance(picture, after[i])));
    return moved === 0 ? 0 : moved / unit;
  });
}

function distanceOfNeighbours(pictures: readonly RgbImage[]): number {
  return meanOf(pictures.slice(1).map((picture, i) => distance(picture, pictures[i])));
}

/** Root mean square of the differences in red, green and blue, in [0, 255]. */
function distance(a: RgbImage, b: RgbImage): number {
  return Math.sqrt(a.data.reduce((sum, value, i) => sum + (value - b.data[i]) ** 2, 0) / a.data.length);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
