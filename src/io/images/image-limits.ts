/**
 * @file Which pictures are not decoded, as far as their headers say.
 */
import { KeepsakeError } from "../../errors.ts";

/** What is too large or too small to be decoded. */
export interface ImageLimits {
  /** Largest file, in bytes. Default: 200 million. */
  readonly maxFileSize?: number;
  /** Most pixels, width times height. Default: 100 million. */
  readonly maxPixels?: number;
  /** Shortest side, in pixels. Default: 16. */
  readonly minSide?: number;
  /** How many times the long side may be the short one. Default: 20. */
  readonly maxAspect?: number;
}

export const MAX_PIXELS = 100e6;

/** @throws KeepsakeError in one line if a picture is too large, too small or too long */
export function checkSize(
  file: string,
  { width, height }: { readonly width: number; readonly height: number },
  limits: ImageLimits,
): void {
  const { maxPixels = MAX_PIXELS, minSide = 16, maxAspect = 20 } = limits;
  const size = `has ${width} x ${height} pixels`;
  if (width * height > maxPixels) {
    const limit = `${Math.floor(maxPixels / 1e6)} megapixels`;
    throw new KeepsakeError("input", `${file} ${size}; the limit is ${limit}. Scale it down first.`);
  }
  if (Math.min(width, height) < minSide) {
    throw new KeepsakeError("input", `${file} ${size}; at least ${minSide} x ${minSide} are needed.`);
  }
  if (Math.max(width, height) > maxAspect * Math.min(width, height)) {
    const fault = `one side is more than ${maxAspect} times the other. Crop it first`;
    throw new KeepsakeError("input", `${file} ${size}; ${fault}.`);
  }
}

/** @param hdr - "PQ" or "HLG". @throws KeepsakeError in one line if a picture holds the light of an HDR screen */
export function refuseHdr(file: string, hdr: string | undefined): void {
  if (hdr === undefined) return;
  throw new KeepsakeError("input", `${file} holds an HDR picture (${hdr}), which is not read: save it as sRGB.`);
}
