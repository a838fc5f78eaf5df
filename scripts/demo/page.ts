/**
 * @file The demo's page: the pictures of the sheet and the measures, in one HTML file that needs nothing else.
 */
import sharp from "sharp";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import type { RgbImage } from "../../src/io/images/rgb-image.ts";
import { pictureGrid } from "../../src/io/images/picture-grid.ts";
import { cellsOf, cellTitles, groupTitles, PHOTOS_TITLE, type Comparison } from "./sheet.ts";

/** Named numbers, one for each strategy. */
export interface MeasureRow {
  readonly measure: string;
  /** What it says, and which way is better. */
  readonly meaning: string;
  readonly values: readonly string[];
}

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1500px; padding: 0 1rem; color: #222; background: #fff; }
  table { border-collapse: collapse; margin: 1.5rem 0; }
  th, td { padding: 0.3rem 0.6rem; text-align: left; vertical-align: middle; }
  thead th { border-bottom: 1px solid #bbb; font-weight: 600; }
  td.number { text-align: right; font-variant-numeric: tabular-nums; }
  td.first, th.first { border-left: 1px solid #ddd; }
  img { image-rendering: pixelated; display: block; }
  .noun { color: #666; font-weight: 400; }
`;

export async function writePage(file: string, comparison: Comparison, measures: readonly MeasureRow[]): Promise<void> {
  const { strategies, rows } = comparison;
  const perGroup = strategies.length;
  const firstOfGroup = (cell: number) => (cell % perGroup === 0 ? ' class="first"' : "");
  const groups = groupTitles(comparison).map((title) => `<th class="first" colspan="${perGroup}">${title}</th>`);
  const titles = cellTitles(comparison).map((title, i) => `<th${firstOfGroup(i)}>${title}</th>`);
  const body = [];
  for (const row of rows) {
    const cells = [`<td>${await picturesIn(`${row.name}, ${PHOTOS_TITLE}`, row.photos)}</td>`];
    for (const [i, pictures] of cellsOf(row).entries()) {
      const group = groupTitles(comparison)[Math.floor(i / perGroup)];
      const alt = `${row.name}, ${group}, ${cellTitles(comparison)[i]}`;
      cells.push(`<td${firstOfGroup(i)}>${await picturesIn(alt, pictures)}</td>`);
    }
    body.push(`<tr><th>${row.name}<br><span class="noun">${row.classNoun}</span></th>${cells.join("")}</tr>`);
  }
  const numbers = measures.map(
    ({ measure, meaning, values }) =>
      `<tr><th>${measure}<br><span class="noun">${meaning}</span></th>${values.map((value) => `<td class="number">${value}</td>`).join("")}</tr>`,
  );
  await writeFileAtomic(
    file,
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Keepsake: one concept after another</title>
<style>${STYLE}</style>
<h1>One concept after another</h1>
<p>The built-in model was taught ${rows.length} things, from the top down, each from a few pictures that were not kept. Every picture of a row has the same
prompts and the same noise: what differs between "right after learning it" and "after learning all ${rows.length}" was lost to the things learned in between.</p>
<table>
<thead><tr><th></th><th></th>${groups.join("")}</tr><tr><th></th><th>${PHOTOS_TITLE}</th>${titles.join("")}</tr></thead>
<tbody>${body.join("\n")}</tbody>
</table>
<table>
<thead><tr><th></th>${strategies.map((title) => `<th>${title}</th>`).join("")}</tr></thead>
<tbody>${numbers.join("\n")}</tbody>
</table>
</html>
`,
  );
}

/** Side by side, each as wide as any other of the page. */
async function picturesIn(alt: string, pictures: readonly RgbImage[]): Promise<string> {
  const { width, height, data } = pictureGrid(pictures, pictures.length);
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  const source = `data:image/png;base64,${png.toString("base64")}`;
  return `<img alt="${alt}" style="width: ${5 * pictures.length}rem" src="${source}">`;
}
