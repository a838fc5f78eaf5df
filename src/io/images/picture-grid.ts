/**
 * @file Several pictures as one, in rows and columns on white: a sheet to be looked at.
 */
import type { RgbImage } from "./rgb-image.ts";

/** White pixels around each picture. */
const GAP = 2;

/**
 * Puts pictures side by side, row by row. A grid is a picture, so grids can stand in a grid: their gaps then add up.
 *
 * @param pictures - at least one, all of one size
 * @param columns - pictures in a row, at least 1; the last row may be shorter
 * @throws RangeError without pictures or columns, or if the pictures differ in size
 */
export function pictureGrid(pictures: readonly RgbImage[], columns: number): RgbImage {
  const [first] = pictures;
  if (first === undefined || !Number.isInteger(columns) || columns < 1) {
    throw new RangeError(`A grid of ${pictures.length} pictures in ${columns} columns is not possible.`);
  }
  const [cellWidth, cellHeight] = [first.width + GAP, first.height + GAP];
  const width = Math.min(columns, pictures.length) * cellWidth + GAP;
  const height = Math.ceil(pictures.length / columns) * cellHeight + GAP;
  const data = new Uint8Array(width * height * 3).fill(255);
  pictures.forEach((picture, i) => {
    if (picture.width !== first.width || picture.height !== first.height) {
      throw new RangeError(`A grid needs pictures of one size; one has ${picture.width} x ${picture.height} pixels.`);
    }
    const left = GAP + (i % columns) * cellWidth;
    const top = GAP + Math.floor(i / columns) * cellHeight;
    for (let y = 0; y < picture.height; y++) {
      const row = picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3);
      data.set(row, ((top + y) * width + left) * 3);
    }
  });
  return { width, height, data };
}
