/**
 * @file A decoded picture.
 */

/** A picture in 8-bit sRGB. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`: red, green, blue. */
  readonly data: Uint8Array;
}
