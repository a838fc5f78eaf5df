/**
 * @file The size of a picture.
 */

/** Height and width of a picture, in pixels. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}
