/** @file Square pictures with transparency, kept in several sizes so that each is drawn from about twice its size. */

/** Premultiplied RGBA bytes, `[size, size, 4]`. */
export interface Bitmap {
  readonly size: number;
  readonly data: Uint8Array;
}

/** The same picture, each half as large as the one before. */
export type Sprite = readonly Bitmap[];

/** @param rgba - straight alpha, `[size, size, 4]` */
export function premultiplied(rgba: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgba.length);
  for (let i = 0; i < rgba.length; i += 4) {
    const alpha = rgba[i + 3];
    if (alpha === 0) continue;
    for (let c = 0; c < 3; c += 1) out[i + c] = (rgba[i + c] * alpha) / 255 + 0.5;
    out[i + 3] = alpha;
  }
  return out;
}

export function halved({ size, data }: Bitmap): Bitmap {
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

/** The smallest size of a sprite that is at least 1.4 times as large as it will be drawn, or the largest. */
export function levelFor(sprite: Sprite, drawnSize: number): Bitmap {
  let [best] = sprite;
  for (const bitmap of sprite) if (bitmap.size >= 1.4 * drawnSize) best = bitmap;
  return best;
}
