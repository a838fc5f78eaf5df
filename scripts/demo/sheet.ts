/**
 * @file The demo's sheet as one PNG: a row for each concept, with what was drawn right after learning it and after the
 * last concept, of one strategy beside the other.
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

/** When pictures are drawn; each has a cell for each strategy, side by side. */
const STAGES = [
  { drawn: "rightAfter", title: () => "right after learning it" },
  { drawn: "atEnd", title: (concepts: number) => `after learning all ${concepts}` },
] as const;

/** What a row begins with. */
export const PHOTOS_TITLE = "taught from";

/** Titles of the groups of cells after the photos; each has a cell for each strategy. */
export function groupTitles({ rows }: Comparison): string[] {
  return STAGES.map(({ title }) => title(rows.length));
}

/** Titles of all cells after the photos. */
export function cellTitles({ strategies }: Comparison): string[] {
  return STAGES.flatMap(() => strategies);
}

/** The cells of a row after the photos, under {@link cellTitles}; what is not drawn yet is blank. */
export function cellsOf({ photos, drawn }: ConceptRow): (readonly RgbImage[])[] {
  const [{ width, height }] = photos;
  const blank: RgbImage = { width, height, data: new Uint8Array(width * height * 3).fill(240) };
  const filled = (pictures: readonly RgbImage[]) => Array.from({ length: SHOWN }, (_, i) => pictures[i] ?? blank);
  return STAGES.flatMap((stage) => drawn.map((each) => filled(each[stage.drawn])));
}

/** Pixels are shown this much larger: the built-in model draws 64 of them. */
const ZOOM = 2;
const [LABEL_WIDTH, TITLE_HEIGHT, MARGIN] = [110, 52, 12];
const NOTE =
  "Within a row the same three prompts and noises throughout, for places that none of its photos shows. " +
  "The last thing is learned last, so its pictures are the same in both groups.";
const NOTE_HEIGHT = 28;
/** Shipped with the font, so that the sheet reads the same on a machine without fonts. */
const FONT_FILE = createRequire(import.meta.url).resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf");

export async function writeSheet(file: string, comparison: Comparison): Promise<void> {
  const overlays: OverlayOptions[] = [];
  const write = async (markup: string, left: number, top: number) =>
    overlays.push({ input: await text(markup), left, top });
  const perGroup = comparison.strategies.length;
  const titles = [PHOTOS_TITLE, ...cellTitles(comparison)];
  let [right, top] = [0, TITLE_HEIGHT];
  for (const [place, row] of comparison.rows.entries()) {
    await write(`<b>${place + 1}. ${row.name}</b>\n${row.classNoun}`, MARGIN, top + MARGIN);
    let [left, height] = [LABEL_WIDTH, 0];
    for (const [index, pictures] of [row.photos, ...cellsOf(row)].entries()) {
      const { width, height: own, data } = pictureGrid(pictures, pictures.length);
      const cell = sharp(data, { raw: { width, height: own, channels: 3 } }).resize(ZOOM * width, ZOOM * own, {
        kernel: "nearest",
      });
      overlays.push({ input: await cell.png().toBuffer(), left, top });
      const isFirstOfGroup = (index - 1) % perGroup === 0;
      if (place === 0) {
        await write(titles[index], left + 4, TITLE_HEIGHT - 20);
        if (isFirstOfGroup) await write(`<b>${groupTitles(comparison)[(index - 1) / perGroup]}</b>`, left + 4, MARGIN);
      }
      const isLastOfGroup = index % perGroup === 0;
      left += ZOOM * width + (isLastOfGroup ? 2 * MARGIN : MARGIN / 2);
      height = Math.max(height, ZOOM * own);
    }
    right = Math.max(right, left);
    top += height + MARGIN;
  }
  await write(NOTE, LABEL_WIDTH + 4, top);
  await mkdir(dirname(file), { recursive: true });
  const blank = { width: right, height: top + NOTE_HEIGHT, channels: 3, background: "white" } as const;
  await sharp({ create: blank }).composite(overlays).png().toFile(file);
}

/** Black on white, in Pango's markup. */
async function text(markup: string): Promise<Buffer> {
  const mask = { text: markup, font: "DejaVu Sans 10", fontfile: FONT_FILE, dpi: 96 };
  return sharp({ text: mask }).negate({ alpha: false }).png().toBuffer();
}
