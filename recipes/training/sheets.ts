/**
 * @file Sheets of pictures that a training writes while it runs, to be looked at.
 */
import { tensorToImage, writePng } from "../../src/io/images/image.ts";
import { pictureGrid } from "../../src/io/images/picture-grid.ts";
import { PICTURE_SIZE } from "../model/architecture.ts";

const PIXELS = 3 * PICTURE_SIZE * PICTURE_SIZE;

/** Writes a grid of pictures; `pictures` are `[3, PICTURE_SIZE, PICTURE_SIZE]`, -1 to 1, row by row. */
export async function writeGrid(path: string, pictures: readonly Float32Array[], columns: number): Promise<void> {
  const images = pictures.map((picture) => tensorToImage(picture, PICTURE_SIZE, PICTURE_SIZE));
  await writePng(path, pictureGrid(images, columns));
}

/** A batch `[count, 3, PICTURE_SIZE, PICTURE_SIZE]` as single pictures. */
export function picturesOf(batch: Float32Array): Float32Array[] {
  return Array.from({ length: batch.length / PIXELS }, (_, i) => batch.subarray(i * PIXELS, (i + 1) * PIXELS));
}

/** Writes batches below one another, `columns` pictures at a time: originals over reconstructions, say. */
export async function writeComparison(path: string, batches: readonly Float32Array[], columns: number): Promise<void> {
  const rows = batches.map(picturesOf);
  const count = rows[0]?.length ?? 0;
  const ordered: Float32Array[] = [];
  for (let first = 0; first < count; first += columns) {
    for (const row of rows) ordered.push(...row.slice(first, first + columns));
  }
  await writeGrid(path, ordered, columns);
}
