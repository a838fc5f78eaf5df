/**
 * @file The icons as sprites: rendered from SVG once, kept in four sizes so that each is drawn from about twice its size, and
 * turned into other colours on demand.
 */
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { ICON_TARGETS, labFromRgb, lchFromLab, rgbFromLab, type ColorName, type Lab } from "./color.ts";
import { ICON_COLORS_MEASURED } from "./icon-colors.ts";
import { NOUNS, STYLE_NAMES, STYLES, type StyleName } from "./nouns.ts";

/** A square picture with transparency: premultiplied RGBA bytes, `[size, size, 4]`. */
export interface Bitmap {
  readonly size: number;
  readonly data: Uint8Array;
}

/** The same picture at 192, 96, 48 and 24 pixels. */
export type Sprite = readonly Bitmap[];

const largestSize = 192;
const levels = 4;

interface IconSet {
  readonly width?: number;
  readonly height?: number;
  readonly icons: Readonly<Record<string, IconEntry | undefined>>;
  readonly aliases?: Readonly<Record<string, { readonly parent: string } | undefined>>;
}
interface IconEntry {
  readonly body: string;
  readonly left?: number;
  readonly top?: number;
  readonly width?: number;
  readonly height?: number;
}

async function readIconSet(name: string): Promise<IconSet> {
  const path = createRequire(import.meta.url).resolve(`@iconify-json/${name}/icons.json`);
  return JSON.parse(await readFile(path, "utf8")) as IconSet;
}

function svgOf(set: IconSet, icon: string): string {
  const entry = set.icons[icon] ?? set.icons[set.aliases?.[icon]?.parent ?? ""];
  if (entry === undefined) throw new RangeError(`The icon set has no icon "${icon}".`);
  const { left = 0, top = 0, width = set.width ?? 16, height = set.height ?? 16 } = entry;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${left} ${top} ${width} ${height}">${entry.body}</svg>`;
}

function premultiply(rgba: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgba.length);
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3];
    for (let c = 0; c < 3; c += 1) out[i + c] = Math.round((rgba[i + c] * alpha) / 255);
    out[i + 3] = alpha;
  }
  return out;
}

function halve({ size, data }: Bitmap): Bitmap {
  const half = size / 2;
  const out = new Uint8Array(half * half * 4);
  for (let y = 0; y < half; y += 1) {
    for (let x = 0; x < half; x += 1) {
      const from = (2 * y * size + 2 * x) * 4;
      for (let c = 0; c < 4; c += 1) {
        const below = from + size * 4;
        out[(y * half + x) * 4 + c] =
          (data[from + c] + data[from + 4 + c] + data[below + c] + data[below + 4 + c] + 2) >> 2;
      }
    }
  }
  return { size: half, data: out };
}

/** Renders a square SVG drawing in all sizes. */
export async function rasterize(svg: string): Promise<Sprite> {
  const sized = svg.replace("<svg ", `<svg width="${largestSize}" height="${largestSize}" `);
  const { data } = await sharp(Buffer.from(sized)).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const sprite: Bitmap[] = [{ size: largestSize, data: premultiply(data) }];
  while (sprite.length < levels) sprite.push(halve(sprite[sprite.length - 1]));
  return sprite;
}

/**
 * How much a colour belongs to an icon's main colour, 0 to 1. What belongs is recoloured: for a coloured icon the hues near the
 * main one; for a white, gray or black one the other grays of about its lightness.
 */
export function belongsToMain([lightness, a, b]: Lab, main: Lab): number {
  const chroma = Math.sqrt(a * a + b * b);
  const mainChroma = Math.sqrt(main[1] * main[1] + main[2] * main[2]);
  if (mainChroma < 0.045) {
    const near = 1 - smoothstep(0.2, 0.32, Math.abs(lightness - main[0]));
    return near * (1 - smoothstep(0.05, 0.08, chroma));
  }
  if (chroma < 1e-4) return 0;
  const cosine = (a * main[1] + b * main[2]) / (chroma * mainChroma);
  const degrees = (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
  return (1 - smoothstep(32, 52, degrees)) * smoothstep(0.2, 0.45, chroma / mainChroma);
}

function smoothstep(low: number, high: number, value: number): number {
  const t = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return t * t * (3 - 2 * t);
}

/** A colour of the icon, after the icon's main colour became `target`: shading and small differences of hue are kept. */
function recolored(lab: Lab, main: Lab, target: ColorName): Lab {
  const weight = belongsToMain(lab, main);
  if (weight === 0) return lab;
  const [targetLightness, targetChroma, targetHue] = ICON_TARGETS[target];
  const [, chroma, hue] = lchFromLab(lab);
  const [mainLightness, mainChroma, mainHue] = lchFromLab(main);
  const gray = mainChroma < 0.045;
  // Near white and near black there is less room for shading.
  const room = targetLightness > 0.9 || targetLightness < 0.35 ? 0.6 : 0.85;
  const lightness = Math.min(0.985, Math.max(0.1, targetLightness + room * (lab[0] - mainLightness)));
  const turn = gray ? 0 : ((hue - mainHue + 540) % 360) - 180;
  const newHue = ((targetHue + 0.4 * turn) * Math.PI) / 180;
  const newChroma = gray ? targetChroma : targetChroma * Math.min(1.3, chroma / mainChroma);
  return [
    lab[0] + weight * (lightness - lab[0]),
    lab[1] + weight * (newChroma * Math.cos(newHue) - lab[1]),
    lab[2] + weight * (newChroma * Math.sin(newHue) - lab[2]),
  ];
}

function recolor({ size, data }: Bitmap, main: Lab, target: ColorName): Bitmap {
  const out = new Uint8Array(data.length);
  const known = new Map<number, readonly number[]>();
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    if (alpha === 0) continue;
    const straight = (c: number) => Math.min(255, Math.round((data[i + c] * 255) / alpha));
    const [r, g, b] = [straight(0), straight(1), straight(2)];
    const key = (r << 16) | (g << 8) | b;
    let rgb = known.get(key);
    if (rgb === undefined) {
      rgb = rgbFromLab(recolored(labFromRgb([r, g, b]), main, target));
      known.set(key, rgb);
    }
    for (let c = 0; c < 3; c += 1) out[i + c] = Math.round((rgb[c] * alpha) / 255);
    out[i + 3] = alpha;
  }
  return { size, data: out };
}

/** All icons of the world, in memory. */
export class Icons {
  readonly #sprites: ReadonlyMap<string, Sprite>;
  readonly #recolored = new Map<string, Bitmap>();

  private constructor(sprites: ReadonlyMap<string, Sprite>) {
    this.#sprites = sprites;
  }

  /** Renders every noun in the given styles: about two seconds. */
  static async load(styles: readonly StyleName[] = STYLE_NAMES): Promise<Icons> {
    const sprites = new Map<string, Sprite>();
    for (const style of styles) {
      const set = await readIconSet(STYLES[style]);
      for (const noun of NOUNS) sprites.set(`${style} ${noun.name}`, await rasterize(svgOf(set, noun.icon)));
    }
    return new Icons(sprites);
  }

  /** @throws RangeError if the style was not loaded. */
  sprite(noun: string, style: StyleName): Sprite {
    const sprite = this.#sprites.get(`${style} ${noun}`);
    if (sprite === undefined) throw new RangeError(`The ${style} ${noun} is not loaded.`);
    return sprite;
  }

  /**
   * One size of an icon: the smallest that is at least 1.5 times as large as it will be drawn.
   * @param color The colour to turn it into; undefined leaves it as it is.
   * @param drawnSize In pixels.
   */
  bitmap(noun: string, style: StyleName, color: ColorName | undefined, drawnSize: number): Bitmap {
    const level = levelFor(this.sprite(noun, style), drawnSize);
    if (color === undefined) return level;
    const key = `${style} ${noun} ${color} ${level.size}`;
    let bitmap = this.#recolored.get(key);
    if (bitmap === undefined) {
      const measured = ICON_COLORS_MEASURED[style][noun];
      if (measured === undefined) throw new RangeError(`The ${style} ${noun} has no main colour to change.`);
      bitmap = recolor(level, measured.main, color);
      this.#recolored.set(key, bitmap);
    }
    return bitmap;
  }
}

/** The smallest size of a sprite that is at least 1.5 times as large as it will be drawn, or the largest. */
export function levelFor(sprite: Sprite, drawnSize: number): Bitmap {
  let best = sprite[0];
  for (const bitmap of sprite) if (bitmap.size >= 1.5 * drawnSize) best = bitmap;
  return best;
}
