/**
 * @file Photos as training will see them, on one sheet, and what to think about before training: the crops are those of
 * `loadPhotos`, by the same code.
 */
import { basename } from "node:path";
import { makeWritable } from "../../io/folder.ts";
import { writePng } from "../../io/images/image.ts";
import { enlarged } from "../../io/images/labelled-sheet.ts";
import { checkPngFile, checkReplaceable } from "../../io/images/picture-file.ts";
import { pictureGrid } from "../../io/images/picture-grid.ts";
import { drawText, shortened, TEXT_HEIGHT } from "../../io/images/picture-text.ts";
import type { RgbImage } from "../../io/images/rgb-image.ts";
import { differenceHash, isAlmostSame, isBlurred } from "./photo-look.ts";
import { lookWarnings } from "./photo-warnings.ts";
import type { PhotoSource } from "./find-photos.ts";
import { readPhotos, type PhotoOptions, type ReadPhoto } from "./photos.ts";

export interface PhotoSheetRequest extends PhotoOptions {
  /** Photos, folders of them, or photos in memory. */
  readonly photos: readonly PhotoSource[];
  /** Where the sheet is written (PNG); a picture that Keepsake drew is replaced, and nothing else. Default: none is. */
  readonly sheet?: string;
  /** Side of the crops, in pixels. */
  readonly resolution: number;
  /** When it fires, no further photo is read, and no sheet is written. */
  readonly signal?: AbortSignal;
}

/** A photo that training will see. */
export interface SeenPhoto {
  readonly file: string;
  readonly caption?: string;
  readonly captionFile?: string;
  /** The mask's file, or the photo's own where its transparency is the mask. */
  readonly mask?: string;
}

export interface PhotoReport {
  /** The file, if one was asked for. */
  readonly sheet?: string;
  readonly resolution: number;
  /** In the order in which they are on the sheet. */
  readonly photos: readonly SeenPhoto[];
  /** What a person may not have meant, or may want to change, a line each. */
  readonly warnings: readonly string[];
}

const COLUMNS = 4;
/** Pictures of this side get text of the smallest size. */
const SIDE_OF_SMALLEST_TEXT = 256;
/** What is masked out is drawn so bright. */
const DIMMED = 0.25;

/**
 * Looks at photos as training will, and draws the crops if a sheet is asked for. The same photos give the same bytes.
 *
 * @throws KeepsakeError as `loadPhotos`, or if the sheet cannot be written; the signal's reason when aborted
 */
export async function lookAtPhotos({ photos: paths, sheet, resolution, ...options }: PhotoSheetRequest) {
  if (sheet !== undefined) {
    checkPngFile(sheet, "the sheet of photos");
    await checkReplaceable(sheet);
  }
  const { photos, found } = await readPhotos(paths, resolution, options);
  options.signal?.throwIfAborted();
  if (sheet !== undefined) await writeSheet(sheet, photos);
  const report: PhotoReport = {
    ...(sheet !== undefined && { sheet }),
    resolution,
    photos: photos.map(seen),
    warnings: [...found.warnings, ...lookWarnings(photos.length, looks(photos))],
  };
  return report;
}

function seen({ file, caption, mask }: ReadPhoto): SeenPhoto {
  return {
    file,
    ...(caption !== undefined && { caption: caption.text, captionFile: caption.file }),
    ...(mask !== undefined && { mask: mask.file }),
  };
}

function looks(photos: readonly ReadPhoto[]) {
  const hashes = photos.map(({ image }) => differenceHash(image));
  const alike = photos.flatMap(({ file }, i) => {
    const first = hashes.findIndex((hash, j) => j < i && isAlmostSame(hash, hashes[i]));
    return first < 0 ? [] : [{ file, first: photos[first].file }];
  });
  return { alike, blurred: photos.filter(({ image }) => isBlurred(image)).map(({ file }) => file) };
}

async function writeSheet(file: string, photos: readonly ReadPhoto[]): Promise<void> {
  const removeIfEmpty = await makeWritable([file]);
  try {
    await writePng(file, pictureGrid(photos.map(labelledPhoto), COLUMNS));
  } finally {
    await removeIfEmpty();
  }
}

/** The crop, dimmed where it is masked out, under the file's name and the caption. */
function labelledPhoto({ file, image, caption, mask }: ReadPhoto): RgbImage {
  const picture = enlarged(mask === undefined ? image : dimmed(image, mask.data));
  const dot = Math.max(1, Math.round(picture.width / SIDE_OF_SMALLEST_TEXT));
  const line = (TEXT_HEIGHT + 1) * dot;
  const cell = { width: picture.width, height: picture.height + 2 * line };
  const data = new Uint8Array(cell.width * cell.height * 3).fill(255);
  data.set(picture.data, 2 * line * cell.width * 3);
  const words = [basename(file), caption === undefined ? "" : `"${caption.text}"`];
  words.forEach((text, i) => {
    drawText({ ...cell, data }, shortened(text, cell.width / dot), 0, i * line + dot, dot);
  });
  return { ...cell, data };
}

function dimmed({ width, height, data }: RgbImage, mask: Uint8Array): RgbImage {
  return {
    width,
    height,
    data: data.map((value, i) => value * (DIMMED + ((1 - DIMMED) * mask[Math.floor(i / 3)]) / 255)),
  };
}
