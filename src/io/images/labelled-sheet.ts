/**
 * @file Pictures with words to them: rows of groups of pictures, a title over each group and a line over each row.
 * Small pictures are enlarged.
 */
import type { RgbImage } from "./rgb-image.ts";
import { pictureGrid } from "./picture-grid.ts";
import { drawText, shortened, TEXT_HEIGHT } from "./picture-text.ts";

/** A row of the sheet. */
export interface SheetRow {
  /** Written above the row. */
  readonly label: string;
  /** One for each title, each with at least one picture. */
  readonly groups: readonly (readonly RgbImage[])[];
}

/** A picture is enlarged to at most this side. */
const LARGEST_SIDE = 256;
/** Pictures of this side get text of the smallest size. */
const SIDE_OF_SMALLEST_TEXT = 128;

/**
 * Makes the sheet. Pictures are enlarged by a whole number, each pixel to a square: nothing is blurred, and 64 pixels
 * fill 256. The same pictures and words give the same bytes.
 *
 * @param titles - of the groups, the same in all rows
 * @param rows - at least one; all pictures of one size, and a group as many pictures in all rows
 * @throws RangeError for rows that do not fit together
 */
export function labelledSheet(titles: readonly string[], rows: readonly SheetRow[]): RgbImage {
  const groups = rows.map((row) => row.groups.map((pictures) => pictureGrid(pictures.map(enlarged), pictures.length)));
  const [first] = groups;
  if (first === undefined || groups.some((row) => !sameSizes(row, first)) || titles.length !== first.length) {
    throw new RangeError(`A sheet of ${rows.length} rows under ${titles.length} titles is not possible.`);
  }
  const side = Math.max(...rows[0].groups[0].slice(0, 1).map((picture) => enlarged(picture).width));
  const dot = Math.max(1, Math.round(side / SIDE_OF_SMALLEST_TEXT));
  const line = (TEXT_HEIGHT + 3) * dot;
  const gap = TEXT_HEIGHT * dot;
  const rowHeight = line + first[0].height + dot;
  const width = first.reduce((sum, group) => sum + group.width + gap, gap);
  const height = line + rows.length * rowHeight + gap;
  const sheet = { width, height, data: new Uint8Array(width * height * 3).fill(255) };

  groups.forEach((row, r) => {
    const top = line + r * rowHeight;
    drawText(sheet, shortened(rows[r].label, (width - 2 * gap) / dot), gap, top + 3 * dot, dot);
    let left = gap;
    row.forEach((group, i) => {
      if (r === 0) drawText(sheet, shortened(titles[i], group.width / dot), left, 3 * dot, dot);
      paste(sheet, group, left, top + line);
      left += group.width + gap;
    });
  });
  return sheet;
}

/** A small picture with every pixel as a square of pixels. */
export function enlarged(picture: RgbImage): RgbImage {
  const { width, height, data } = picture;
  const factor = Math.floor(LARGEST_SIDE / Math.max(width, height));
  if (factor < 2) return picture;
  const large = { width: factor * width, height: factor * height };
  const pixels = new Uint8Array(large.width * large.height * 3);
  for (let y = 0; y < large.height; y++) {
    for (let x = 0; x < large.width; x++) {
      const from = (Math.floor(y / factor) * width + Math.floor(x / factor)) * 3;
      pixels.set(data.subarray(from, from + 3), (y * large.width + x) * 3);
    }
  }
  return { ...large, data: pixels };
}

function sameSizes(row: readonly RgbImage[], other: readonly RgbImage[]): boolean {
  return (
    row.length === other.length &&
    row.every(({ width, height }, i) => width === other[i].width && height === other[i].height)
  );
}

function paste(sheet: RgbImage, picture: RgbImage, left: number, top: number): void {
  for (let y = 0; y < picture.height; y++) {
    const row = picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3);
    sheet.data.set(row, ((top + y) * sheet.width + left) * 3);
  }
}
