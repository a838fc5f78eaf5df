/**
 * @file The demo's sheet as one PNG: a row for each concept, and for each strategy what was drawn right after learning
 * beside what is drawn after the last concept.
 */
import { createRequire } from "node:module";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import sharp, { type OverlayOptions } from "sharp";
import type { RgbImage } from "../../src/io/images/rgb-image.ts";
import { pictureGrid } from "../../src/io/images/picture-grid.ts";

/** A row of the sheet. */
export interface ConceptRow {
  readonly name: string;
  readonly classNoun: string;
  readonly photos: readonly RgbImage[];
  /** For each strategy. */
  readonly drawn: readonly { readonly rightAfter: readonly RgbImage[]; readonly atEnd: readonly RgbImage[] }[];
}

/** What both the sheet and the page show. */
export interface Comparison {
  /** Titles of the strategies. */
  readonly strategies: readonly string[];
  /** In the order of learning. */
  readonly rows: readonly ConceptRow[];
}

/** Of the pictures that are drawn in a cell's place, so many are shown. */
export const SHOWN = 3;

/** The cells of a row, under {@link cellTitles}; what is not drawn yet is blank. */
export function cellsOf({ photos, drawn }: ConceptRow): (readonly RgbImage[])[] {
  const [{ width, height }] = photos;
  const blank: RgbImage = { width, height, data: new Uint8Array(width * height * 3).fill(240) };
  const filled = (pictures: readonly RgbImage[]) => Array.from({ length: SHOWN }, (_, i) => pictures[i] ?? blank);
  return [photos, ...drawn.flatMap(({ rightAfter, atEnd }) => [filled(rightAfter), filled(atEnd)])];
}

export function cellTitles({ strategies, rows }: Comparison): string[] {
  return ["taught from", ...strategies.flatMap(() => ["right after learning it", `after learning all ${rows.length}`])];
}

/** Pixels are shown this much larger: the built-in model draws 64 of them. */
const ZOOM = 2;
const [LABEL_WIDTH, TITLE_HEIGHT, MARGIN] = [110, 52, 12];
/** Shipped with the font, so that the sheet reads the same on a machine without fonts. */
const FONT_FILE = createRequire(import.meta.url).resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf");

export async function writeSheet(file: string, comparison: Comparison): Promise<void> {
  const overlays: OverlayOptions[] = [];
  let [right, bottom] = [0, 0];
  let top = TITLE_HEIGHT;
  for (const [place, row] of comparison.rows.entries()) {
    overlays.push({
      input: await text(`<b>${place + 1}. ${row.name}</b>\n${row.classNoun}`),
      left: MARGIN,
      top: top + MARGIN,
    });
    let [left, height] = [LABEL_WIDTH, 0];
    for (const [index, pictures] of cellsOf(row).entries()) {
      const { width, height: own, data } = pictureGrid(pictures, pictures.length);
      const cell = sharp(data, { raw: { width, height: own, channels: 3 } }).resize(ZOOM * width, ZOOM * own, {
        kernel: "nearest",
      });
      overlays.push({ input: await cell.png().toBuffer(), left, top });
      if (row === comparison.rows[0]) {
        overlays.push({ input: await text(cellTitles(comparison)[index]), left: left + 4, top: TITLE_HEIGHT - 20 });
        if (index % 2 === 1) {
          const title = `<b>${comparison.strategies[(index - 1) / 2]}</b>`;
          overlays.push({ input: await text(title), left: left + 4, top: MARGIN });
        }
      }
      left += ZOOM * width + (index % 2 === 0 ? 2 * MARGIN : MARGIN / 2);
      height = Math.max(height, ZOOM * own);
    }
    right = Math.max(right, left);
    top += height + MARGIN;
    bottom = top;
  }
  await mkdir(dirname(file), { recursive: true });
  const blank = { width: right, height: bottom, channels: 3, background: "white" } as const;
  await sharp({ create: blank }).composite(overlays).png().toFile(file);
}

/** Black on white, in Pango's markup. */
async function text(markup: string): Promise<Buffer> {
  const mask = { text: markup, font: "DejaVu Sans 10", fontfile: FONT_FILE, dpi: 96 };
  return sharp({ text: mask }).negate({ alpha: false }).png().toBuffer();
}
