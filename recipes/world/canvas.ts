/**
 * @file A picture in memory and what can be painted on it: gradients, shapes with soft edges, sprites. Positions are
 * fractions of the picture (0,0 is the top left, 1,1 the bottom right), so a scene looks the same at every size.
 */
import type { Rgb } from "./color.ts";
import type { Bitmap } from "./bitmap.ts";

/** How much of a pixel a shape covers, 0 to 1, from the distance to its edge in pixels (positive inside). */
function coverage(distance: number): number {
  return distance >= 0.5 ? 1 : distance <= -0.5 ? 0 : distance + 0.5;
}

/** Where and how a sprite is put. */
export interface Placement {
  /** The centre, as fractions of the picture. */
  readonly x: number;
  readonly y: number;
  /** The side of the sprite's square, as a fraction of the picture. */
  readonly scale: number;
  /** In degrees, clockwise. */
  readonly rotation: number;
  readonly mirror: boolean;
}

export class Canvas {
  /** In pixels; the canvas is square. */
  readonly size: number;
  /** 0-255, `[size, size, 3]`. */
  readonly pixels: Float32Array;

  constructor(size: number) {
    this.size = size;
    this.pixels = new Float32Array(size * size * 3);
  }

  fill(color: Rgb): void {
    const { pixels } = this;
    for (let i = 0; i < pixels.length; i += 3) {
      pixels[i] = color[0];
      pixels[i + 1] = color[1];
      pixels[i + 2] = color[2];
    }
  }

  /** A vertical gradient over the rows from `top` to `bottom`. */
  gradient(from: Rgb, to: Rgb, top = 0, bottom = 1): void {
    const { size } = this;
    const lastRow = Math.ceil(bottom * size);
    for (let row = Math.floor(top * size); row < lastRow; row += 1) {
      const t = Math.min(1, Math.max(0, ((row + 0.5) / size - top) / (bottom - top)));
      const color: Rgb = [
        from[0] + t * (to[0] - from[0]),
        from[1] + t * (to[1] - from[1]),
        from[2] + t * (to[2] - from[2]),
      ];
      for (let column = 0; column < size; column += 1) this.#blend(row, column, color, 1);
    }
  }

  /** A disc, or an ellipse where `radiusY` differs. */
  ellipse(x: number, y: number, radiusX: number, radiusY: number, color: Rgb, opacity = 1): void {
    const { size } = this;
    const edge = Math.min(radiusX, radiusY) * size;
    const [top, bottom] = this.#range(y - radiusY, y + radiusY);
    const [left, right] = this.#range(x - radiusX, x + radiusX);
    for (let row = top; row < bottom; row += 1) {
      const dy = ((row + 0.5) / size - y) / radiusY;
      for (let column = left; column < right; column += 1) {
        const dx = ((column + 0.5) / size - x) / radiusX;
        const cover = coverage((1 - Math.sqrt(dx * dx + dy * dy)) * edge);
        if (cover > 0) this.#blend(row, column, color, cover * opacity);
      }
    }
  }

  rectangle(left: number, top: number, right: number, bottom: number, color: Rgb, opacity = 1): void {
    const { size } = this;
    const [firstRow, lastRow] = this.#range(top, bottom);
    const [firstColumn, lastColumn] = this.#range(left, right);
    const overlap = (pixel: number, from: number, to: number) =>
      Math.min(1, Math.max(0, Math.min(pixel + 1, to * size) - Math.max(pixel, from * size)));
    for (let row = firstRow; row < lastRow; row += 1) {
      const high = overlap(row, top, bottom);
      for (let column = firstColumn; column < lastColumn; column += 1) {
        const cover = high * overlap(column, left, right);
        if (cover > 0) this.#blend(row, column, color, cover * opacity);
      }
    }
  }

  /** A triangle that stands on a level line: hills, fir trees, roofs. */
  triangle(x: number, top: number, base: number, halfWidth: number, color: Rgb, opacity = 1): void {
    this.below(
      (column) => {
        const from = Math.abs(column - x) / halfWidth;
        return from >= 1 ? 2 : top + from * (base - top);
      },
      color,
      opacity,
      base,
    );
  }

  /**
   * All that lies below a line: sand, hills, waves. `height` gives the line's y for an x; where it passes `bottom`
   * there is nothing.
   */
  below(height: (x: number) => number, color: Rgb, opacity = 1, bottom = 1): void {
    const { size } = this;
    for (let column = 0; column < size; column += 1) {
      const top = height((column + 0.5) / size) * size;
      const end = bottom * size;
      for (let row = Math.max(0, Math.floor(top)); row < Math.min(size, end); row += 1) {
        const cover = Math.min(1, row + 1 - top) * Math.min(1, end - row);
        if (cover > 0) this.#blend(row, column, color, cover * opacity);
      }
    }
  }

  /** Every pixel is a mixture of two colours: `share` of the second for a point of the picture. */
  mix(first: Rgb, second: Rgb, share: (x: number, y: number) => number): void {
    const { size } = this;
    for (let row = 0; row < size; row += 1) {
      for (let column = 0; column < size; column += 1) {
        this.#blend(row, column, first, 1);
        this.#blend(row, column, second, share((column + 0.5) / size, (row + 0.5) / size));
      }
    }
  }

  /**
   * A sprite, turned and scaled. Each pixel is the mean of four bilinear samples, which covers it as long as the sprite
   * is drawn at a third of its size or more.
   */
  sprite(bitmap: Bitmap, place: Placement): void {
    const { size, pixels } = this;
    const { size: spriteSize, data } = bitmap;
    const drawn = place.scale * size;
    const angle = (place.rotation * Math.PI) / 180;
    const ratio = spriteSize / drawn;
    const flip = place.mirror ? -1 : 1;
    // From a step in the picture to a step in the sprite.
    const uPerColumn = flip * Math.cos(angle) * ratio;
    const uPerRow = flip * Math.sin(angle) * ratio;
    const vPerColumn = -Math.sin(angle) * ratio;
    const vPerRow = Math.cos(angle) * ratio;
    const reach = (drawn / 2) * (Math.abs(Math.cos(angle)) + Math.abs(Math.sin(angle))) + 1;
    const centerX = place.x * size;
    const centerY = place.y * size;
    const lastRow = Math.min(size, Math.ceil(centerY + reach));
    const lastColumn = Math.min(size, Math.ceil(centerX + reach));
    const last = spriteSize - 1;
    for (let row = Math.max(0, Math.floor(centerY - reach)); row < lastRow; row += 1) {
      for (let column = Math.max(0, Math.floor(centerX - reach)); column < lastColumn; column += 1) {
        let [red, green, blue, alpha] = [0, 0, 0, 0];
        for (let part = 0; part < 4; part += 1) {
          const dx = column + (part & 1 ? 0.75 : 0.25) - centerX;
          const dy = row + (part & 2 ? 0.75 : 0.25) - centerY;
          const u = spriteSize / 2 + dx * uPerColumn + dy * uPerRow - 0.5;
          const v = spriteSize / 2 + dx * vPerColumn + dy * vPerRow - 0.5;
          if (u <= -1 || v <= -1 || u >= spriteSize || v >= spriteSize) continue;
          const left = Math.floor(u);
          const top = Math.floor(v);
          const right = u - left;
          const down = v - top;
          // The border of the sprite is clear: outside it, the weight of a missing neighbour falls away.
          const weightLeft = left >= 0 ? 1 - right : 0;
          const weightRight = left < last ? right : 0;
          const weightTop = top >= 0 ? 1 - down : 0;
          const weightBottom = top < last ? down : 0;
          const topLeft = (Math.max(0, top) * spriteSize + Math.max(0, left)) * 4;
          const toRight = left >= 0 && left < last ? 4 : 0;
          const toBottom = top >= 0 && top < last ? spriteSize * 4 : 0;
          const w00 = weightTop * weightLeft;
          const w01 = weightTop * weightRight;
          const w10 = weightBottom * weightLeft;
          const w11 = weightBottom * weightRight;
          const topRight = topLeft + toRight;
          const bottomLeft = topLeft + toBottom;
          const bottomRight = bottomLeft + toRight;
          red += w00 * data[topLeft] + w01 * data[topRight] + w10 * data[bottomLeft] + w11 * data[bottomRight];
          green +=
            w00 * data[topLeft + 1] +
            w01 * data[topRight + 1] +
            w10 * data[bottomLeft + 1] +
            w11 * data[bottomRight + 1];
          blue +=
            w00 * data[topLeft + 2] +
            w01 * data[topRight + 2] +
            w10 * data[bottomLeft + 2] +
            w11 * data[bottomRight + 2];
          alpha +=
            w00 * data[topLeft + 3] +
            w01 * data[topRight + 3] +
            w10 * data[bottomLeft + 3] +
            w11 * data[bottomRight + 3];
        }
        if (alpha === 0) continue;
        const at = (row * size + column) * 3;
        const keep = 1 - alpha / 1020;
        pixels[at] = pixels[at] * keep + red / 4;
        pixels[at + 1] = pixels[at + 1] * keep + green / 4;
        pixels[at + 2] = pixels[at + 2] * keep + blue / 4;
      }
    }
  }

  /** Bytes, `[size, size, 3]`. */
  toBytes(): Uint8Array {
    const out = new Uint8Array(this.pixels.length);
    // Adding one half and dropping the fraction is what rounding does here, at a fraction of the cost of Math.round.
    for (let i = 0; i < out.length; i += 1) out[i] = Math.min(255, this.pixels[i] + 0.5);
    return out;
  }

  #range(from: number, to: number): [number, number] {
    return [Math.max(0, Math.floor(from * this.size - 1)), Math.min(this.size, Math.ceil(to * this.size + 1))];
  }

  #blend(row: number, column: number, color: Rgb, opacity: number): void {
    const at = (row * this.size + column) * 3;
    const { pixels } = this;
    pixels[at] += opacity * (color[0] - pixels[at]);
    pixels[at + 1] += opacity * (color[1] - pixels[at + 1]);
    pixels[at + 2] += opacity * (color[2] - pixels[at + 2]);
  }
}
