/**
 * @file Pictures in and out. Whatever a camera or a program wrote becomes upright 8-bit sRGB, or one clear line that says why
 * not; what is written holds pixels and nothing else (no place, time or camera).
 */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { KeepsakeError } from "../errors.ts";
import { writeFileAtomic } from "./atomic.ts";
import { imageExtensions, otherImageExtensions, recognizeImage } from "./image-format.ts";
import { describeReadError, readWholeFile } from "./read-file.ts";
import { resizeToCover } from "./resample.ts";

/** A picture in 8-bit sRGB. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`: red, green, blue. */
  readonly data: Uint8Array;
}

/** What is too large or too small to be decoded. */
export interface ImageLimits {
  /** Largest file, in bytes. Default: 200 million. */
  readonly maxFileSize?: number;
  /** Most pixels, width times height. Default: 100 million. */
  readonly maxPixels?: number;
  /** Shortest side, in pixels. Default: 16. */
  readonly minSide?: number;
}

/**
 * Reads a picture: JPEG, PNG, WebP, GIF, TIFF or AVIF of any colour space and depth. It is turned as its EXIF orientation says,
 * brought to 8-bit sRGB through its colour profile, and put on white where it is transparent; of an animation, the first frame.
 * The limits are checked on the header, before anything is decoded.
 * @throws KeepsakeError in one line that names the file: missing, not a picture, damaged, too large or too small.
 */
export async function decodeImage(file: string, limits: ImageLimits = {}): Promise<RgbImage> {
  const { maxFileSize = 200e6, maxPixels = 100e6, minSide = 16 } = limits;
  const bytes = await readWholeFile(file, maxFileSize);
  const recognized = recognizeImage(bytes);
  if ("fault" in recognized) throw new KeepsakeError("input", `${file} ${recognized.fault}.`);
  try {
    const { width, height, depth, hasProfile } = await sharp(bytes, { limitInputPixels: false }).metadata();
    checkSize(file, width, height, maxPixels, minSide);
    // "error": a photo that is cut off or damaged is refused, one with a harmless oddity, as some phones write them, is not.
    const pipeline = sharp(bytes, { autoOrient: true, failOn: "error", limitInputPixels: maxPixels })
      .flatten({ background: "white" })
      .toColourspace("srgb");
    // sharp brings 16-bit colours with a profile to Display P3, and from there to sRGB only if it is asked for the profile.
    if (depth === "ushort" && hasProfile) pipeline.withIccProfile("srgb");
    const { data, info } = await pipeline.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { width: info.width, height: info.height, data: pixels };
  } catch (error) {
    if (error instanceof KeepsakeError) throw error;
    const fault = `is damaged or incomplete: it cannot be decoded as ${recognized.format}. Export or copy it again.`;
    throw new KeepsakeError("input", `${file} ${fault}`, { cause: error });
  }
}

function checkSize(file: string, width: number, height: number, maxPixels: number, minSide: number): void {
  const size = `has ${width} x ${height} pixels`;
  if (width * height > maxPixels) {
    const limit = `${Math.floor(maxPixels / 1e6)} megapixels`;
    throw new KeepsakeError("input", `${file} ${size}; the limit is ${limit}. Scale it down first.`);
  }
  if (Math.min(width, height) < minSide) {
    throw new KeepsakeError("input", `${file} ${size}; at least ${minSide} x ${minSide} are needed.`);
  }
}

/** Pictures that were found, and files that look like pictures but are not read. */
export interface FoundImages {
  /** Each file once, in the order of the paths; the files of a folder sorted by name. */
  readonly images: readonly string[];
  /** Files of the folders in formats that are not read, such as HEIC. */
  readonly skipped: readonly string[];
}

/**
 * Finds pictures: a file that is named is taken as it is, a folder is searched for the extensions of the formats that are read
 * (not its subfolders, and not hidden files).
 * @throws KeepsakeError in one line that names the path: missing, or a folder without pictures.
 */
export async function findImages(paths: readonly string[]): Promise<FoundImages> {
  const images = new Set<string>();
  const skipped: string[] = [];
  for (const item of paths) {
    if (!(await isFolder(item))) {
      images.add(item);
      continue;
    }
    const names = await visibleFiles(item);
    const found = names.filter((name) => imageExtensions.has(path.extname(name).toLowerCase()));
    const others = names.filter((name) => otherImageExtensions.has(path.extname(name).toLowerCase()));
    if (found.length === 0) {
      const hint = others.length > 0 ? `; ${others[0]} is of a format that is not read: save it as JPEG` : "";
      throw new KeepsakeError("input", `${item} holds no pictures (JPEG, PNG, WebP, GIF, TIFF or AVIF)${hint}.`);
    }
    for (const name of found) images.add(path.join(item, name));
    skipped.push(...others.map((name) => path.join(item, name)));
  }
  if (images.size === 0) throw new KeepsakeError("usage", "No pictures were given: name files or a folder.");
  return { images: [...images], skipped };
}

/** The pictures of {@link findImages}. */
export async function listImages(paths: readonly string[]): Promise<string[]> {
  return [...(await findImages(paths)).images];
}

async function isFolder(item: string): Promise<boolean> {
  const status = await stat(item).catch((error: unknown) => {
    throw describeReadError(item, error);
  });
  return status.isDirectory();
}

/** The names of the files of a folder, sorted, the same on every machine. */
async function visibleFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw describeReadError(folder, error);
  });
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
}

/**
 * Scales a photo until its short side fits, and keeps the middle of the long one. Lanczos, the default of diffusers'
 * `VaeImageProcessor`.
 * @param width In pixels, as `height`.
 */
export function resizeAndCrop(image: RgbImage, width: number, height: number): Promise<RgbImage> {
  return Promise.resolve(resizeToCover(image, width, height, "lanczos"));
}

/** A picture as a PNG file: pixels only, and the same pixels give the same bytes. */
export function encodePng({ width, height, data }: RgbImage): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/**
 * Writes a PNG file atomically.
 * @throws KeepsakeError in one line if the file cannot be written.
 */
export async function writePng(file: string, image: RgbImage): Promise<void> {
  await writeFileAtomic(file, await encodePng(image));
}

/**
 * A picture as the VAE takes it.
 * @returns `[3, height, width]` in [-1, 1]
 */
export function imageToTensor(image: RgbImage): Float32Array {
  const pixels = image.width * image.height;
  const tensor = new Float32Array(3 * pixels);
  for (let channel = 0; channel < 3; channel += 1) {
    for (let i = 0; i < pixels; i += 1) tensor[channel * pixels + i] = image.data[i * 3 + channel] / 127.5 - 1;
  }
  return tensor;
}

/**
 * What the VAE gives as a picture: clamped, and rounded to the nearest of 256 levels, ties to even.
 * @param data `[3, height, width]` in [-1, 1]
 * @throws KeepsakeError if a value is not a number: the model has overflowed, and the picture would be black.
 */
export function tensorToImage(data: Float32Array, width: number, height: number): RgbImage {
  const pixels = width * height;
  if (data.length !== 3 * pixels) {
    throw new RangeError(`A picture of ${width} x ${height} has ${3 * pixels} values, not ${data.length}.`);
  }
  // A clamped array rounds as it is filled.
  const out = new Uint8ClampedArray(3 * pixels);
  for (let channel = 0; channel < 3; channel += 1) {
    for (let i = 0; i < pixels; i += 1) {
      const value = data[channel * pixels + i];
      if (Number.isNaN(value)) {
        throw new KeepsakeError(
          "input",
          "The picture holds values that are not numbers: the model's weights are damaged or overflow.",
        );
      }
      out[i * 3 + channel] = (value + 1) * 127.5;
    }
  }
  return { width, height, data: new Uint8Array(out.buffer) };
}
