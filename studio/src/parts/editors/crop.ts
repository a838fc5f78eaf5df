/** @file Arithmetic of crops: squares inside a photo, as shares of it. */
import type { Crop } from "../../../../src/studio/api.ts";

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Share of the shorter side below which no crop goes. */
const LEAST = 0.1;

/** The largest square, in the middle. */
export function wholeCrop({ width, height }: Size): Crop {
  const side = Math.min(width, height);
  return { x: (width - side) / 2 / width, y: (height - side) / 2 / height, size: 1 };
}

/** The crop nearest to the one asked for that lies inside the photo. */
export function clamped({ x, y, size }: Crop, { width, height }: Size): Crop {
  const kept = Math.min(1, Math.max(LEAST, size));
  const side = kept * Math.min(width, height);
  return {
    x: Math.min(Math.max(0, x), 1 - side / width),
    y: Math.min(Math.max(0, y), 1 - side / height),
    size: kept,
  };
}

/** Moved by shares of the crop's own side. */
export function moved(crop: Crop, photo: Size, right: number, down: number): Crop {
  const side = crop.size * Math.min(photo.width, photo.height);
  const [x, y] = [crop.x + (right * side) / photo.width, crop.y + (down * side) / photo.height];
  return clamped({ ...crop, x, y }, photo);
}

/** Of another size, around the same middle. */
export function zoomed(crop: Crop, photo: Size, size: number): Crop {
  const kept = Math.min(1, Math.max(LEAST, size));
  const less = ((crop.size - kept) * Math.min(photo.width, photo.height)) / 2;
  return clamped({ x: crop.x + less / photo.width, y: crop.y + less / photo.height, size: kept }, photo);
}
