/**
 * @file What can be seen on photos that makes them teach less: two that are almost the same, and blur. Both are
 * measured on the crop that training sees.
 */
import { resizeBicubicPil } from "../../io/images/resample.ts";
import type { RgbImage } from "../../io/images/rgb-image.ts";

/** A hash has a row of eight comparisons in each of eight rows. */
const HASH_SIDE = 8;

/**
 * Two hashes that differ in so few of their 64 bits are of pictures that a person takes for one: two of a burst, or one
 * saved twice. Those of unrelated pictures differ in 32 bits, give or take 4.
 */
const ALMOST_SAME = 5;

/**
 * The least that the Laplacian may vary, beside the grey itself. Of a picture of fine detail that a Gaussian of σ
 * pixels has blurred it is 2/σ⁴: 0.01 is a blur of almost four pixels. Sharp photos are ten times above it. Beside the
 * grey, because a photo of little contrast is no blurred one.
 */
const LEAST_DETAIL = 0.01;

/** The difference hash: whether each of some places is brighter than the next one to the right. */
export function differenceHash(picture: RgbImage): boolean[] {
  const small = greys(resizeBicubicPil(picture, HASH_SIDE + 1, HASH_SIDE));
  return Array.from({ length: HASH_SIDE ** 2 }, (_, i) => {
    const at = Math.floor(i / HASH_SIDE) * (HASH_SIDE + 1) + (i % HASH_SIDE);
    return small[at] > small[at + 1];
  });
}

/** Whether two pictures look almost the same. */
export function isAlmostSame(hash: readonly boolean[], other: readonly boolean[]): boolean {
  return hash.filter((bit, i) => bit !== other[i]).length <= ALMOST_SAME;
}

/** Whether a picture is blurred, or has no detail at all. */
export function isBlurred(picture: RgbImage): boolean {
  return detailOf(picture) < LEAST_DETAIL;
}

/** The variance of the Laplacian over that of the grey; 0 for a picture of one colour. */
export function detailOf(picture: RgbImage): number {
  const { width, height } = picture;
  const grey = greys(picture);
  const laplacian: number[] = [];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      laplacian.push(grey[at - 1] + grey[at + 1] + grey[at - width] + grey[at + width] - 4 * grey[at]);
    }
  }
  const contrast = variance(grey);
  return contrast === 0 ? 0 : variance(laplacian) / contrast;
}

/** Luma, ITU-R BT.601. */
function greys({ width, height, data }: RgbImage): Float32Array {
  return Float32Array.from({ length: width * height }, (_, i) => {
    return 0.299 * data[3 * i] + 0.587 * data[3 * i + 1] + 0.114 * data[3 * i + 2];
  });
}

function variance(values: ArrayLike<number>): number {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
    squares += values[i] ** 2;
  }
  const mean = sum / values.length;
  return Math.max(0, squares / values.length - mean ** 2);
}
