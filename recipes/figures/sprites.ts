/** @file Figures as sprites: drawn once, many on a sheet, and kept as long as there is room. */
import sharp from "sharp";
import { halved, premultiplied, type Sprite } from "../world/bitmap.ts";
import { drawFigure, type Figure } from "./figures.ts";

/** Pixels of a sprite's largest size. */
const SIZE = 96;
/** Figures on a sheet: the renderer's start costs as much as drawing one. */
const SHEET = 4;
/** Sprites that are kept: 46 kB each. */
const KEPT = 3000;

const keyOf = (figure: Figure): string => JSON.stringify(figure);

/** One SVG of up to `SHEET` × `SHEET` figures as sprites. */
async function rasterized(drawings: readonly string[]): Promise<Sprite[]> {
  const side = Math.ceil(Math.sqrt(drawings.length));
  const cells = drawings.map((drawing, i) => {
    // Names of clip paths are the drawing's own: on a sheet they need to be told apart.
    const own = drawing.replaceAll('id="s', `id="f${i}s`).replaceAll("url(#s", `url(#f${i}s`);
    const [x, y] = [(i % side) * SIZE, Math.floor(i / side) * SIZE];
    return `<svg x="${x}" y="${y}" width="${SIZE}" height="${SIZE}" viewBox="0 0 200 200">${own}</svg>`;
  });
  const width = side * SIZE;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${width}">${cells.join("")}</svg>`;
  const sheet = await sharp(Buffer.from(svg)).ensureAlpha().raw().toBuffer();
  return drawings.map((_, i) => {
    const data = new Uint8Array(SIZE * SIZE * 4);
    const [left, top] = [(i % side) * SIZE, Math.floor(i / side) * SIZE];
    for (let row = 0; row < SIZE; row += 1) {
      const from = ((top + row) * width + left) * 4;
      data.set(sheet.subarray(from, from + 4 * SIZE), row * SIZE * 4);
    }
    const full = { size: SIZE, data: premultiplied(data) };
    return [full, halved(full)];
  });
}

export class Sprites {
  /** The ones used last stand last. */
  readonly #sprites = new Map<string, Sprite>();

  /** The sprites of all figures, in their order. */
  async of(figures: readonly Figure[]): Promise<Sprite[]> {
    const keys = figures.map(keyOf);
    const missing = new Map(
      keys.map((key, i) => [key, figures[i]] as const).filter(([key]) => !this.#sprites.has(key)),
    );
    const entries = [...missing];
    for (let first = 0; first < entries.length; first += SHEET * SHEET) {
      const some = entries.slice(first, first + SHEET * SHEET);
      const sprites = await rasterized(some.map(([, figure]) => drawFigure(figure)));
      some.forEach(([key], i) => this.#sprites.set(key, sprites[i]));
    }
    const found = keys.map((key) => {
      const sprite = this.#sprites.get(key);
      if (sprite === undefined) throw new RangeError(`${key} was not drawn`);
      this.#sprites.delete(key);
      this.#sprites.set(key, sprite);
      return sprite;
    });
    for (const key of this.#sprites.keys()) {
      if (this.#sprites.size <= KEPT) break;
      this.#sprites.delete(key);
    }
    return found;
  }
}
