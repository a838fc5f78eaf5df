/**
 * @file Pictures in and out. Whatever a camera or a program wrote becomes upright 8-bit sRGB, or one clear line that
 * says why not; what is written holds pixels, who drew it and, if asked, how, and nothing else (no place, time or
 * camera).
 */
import type { RgbImage } from "./rgb-image.ts";
import type { Metadata } from "sharp";
import { KeepsakeError } from "../../errors.ts";
import { writeFileAtomic } from "../atomic.ts";
import { codecs } from "./codecs.ts";
import { heicAsPng } from "./heic-png.ts";
import { UnsupportedHeicError } from "./heic.ts";
import { checkSize, MAX_PIXELS, refuseHdr, type ImageLimits } from "./image-limits.ts";
import { recognizeImage, type ImageFormat } from "./image-format.ts";
import { hdrTransfer, isMarkedAsDrawn, markAsDrawn, unusualGamma, withText } from "./png-chunks.ts";
import { beginningOf, nameOf, readSource, type ImageSource } from "./image-source.ts";
import { resizeToCover } from "./resample.ts";
import { readTiffHeader } from "./tiff-header.ts";

/**
 * The version of sharp, which decodes and encodes pictures. @throws KeepsakeError if it cannot be loaded on this
 * machine
 */
export async function sharpVersion(): Promise<string> {
  return (await codecs()).versions.sharp ?? "unknown";
}

/**
 * Reads a picture: JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIC of 1 to 16 bits, grey, colour or CMYK. It is turned as its
 * EXIF orientation says (HEIC and AVIF: as the container says), brought to 8-bit sRGB through its colour profile, and
 * put on white where it is transparent; of an animation, the first frame. The limits are checked on the header, before
 * anything is decoded.
 * @throws KeepsakeError in one line that names the file: missing, not a picture, damaged, too large, too small, too
 *   long, of samples that cannot be understood, or more than the machine's memory holds.
 */
export async function decodeImage(source: ImageSource, limits: ImageLimits = {}): Promise<RgbImage> {
  return decoded(source, limits, async ({ bytes, metadata, isOpaque, gamma }) => {
    const image = await decodePixels(bytes, metadata, { maxPixels: limits.maxPixels ?? MAX_PIXELS, isOpaque });
    if (gamma !== undefined) applyGamma(image.data, gamma);
    return image;
  });
}

/** A picture that {@link decodeImage} can read, before its pixels are. */
export interface OpenedImage {
  /** The file, or of a format that the codecs do not know, the same pixels as PNG. */
  readonly bytes: Uint8Array;
  readonly metadata: Metadata;
  /** Whether a further channel is not alpha. */
  readonly isOpaque: boolean;
  /** See `unusualGamma`. */
  readonly gamma: number | undefined;
}

/**
 * Checks a file as far as its header goes, and decodes of it what is wanted. @throws KeepsakeError as
 * {@link decodeImage}
 */
export async function decoded<T>(
  source: ImageSource,
  limits: ImageLimits,
  decode: (image: OpenedImage) => Promise<T>,
): Promise<T> {
  const file = nameOf(source);
  const bytes = await readSource(source, limits.maxFileSize ?? 200e6);
  const recognized = recognizeImage(bytes);
  if ("fault" in recognized) throw new KeepsakeError("input", `${file} ${recognized.fault}.`);
  const { format } = recognized;
  refuseHdr(file, format === "PNG" ? hdrTransfer(bytes) : undefined);
  const tiff = format === "TIFF" ? readTiffHeader(bytes) : undefined;
  if (tiff?.fault !== undefined) throw new KeepsakeError("input", `${file} ${tiff.fault}.`);
  try {
    const sharp = await codecs();
    const readable = format === "HEIC" ? await heicAsPng(file, bytes, limits) : bytes;
    const metadata = await sharp(readable, { limitInputPixels: false }).metadata();
    checkSize(file, metadata, limits);
    // A program may keep a selection, or anything, in a further channel: only what the file calls alpha is.
    const isOpaque = tiff !== undefined && tiff.extraChannels > 0 && !tiff.hasAlpha;
    return await decode({
      bytes: readable,
      metadata,
      isOpaque,
      gamma: format === "PNG" ? unusualGamma(bytes) : undefined,
    });
  } catch (error) {
    throw error instanceof KeepsakeError ? error : decodingError(file, format, error);
  }
}

async function decodePixels(
  bytes: Uint8Array,
  { depth, hasProfile }: Metadata,
  { maxPixels, isOpaque }: { readonly maxPixels: number; readonly isOpaque: boolean },
): Promise<RgbImage> {
  const sharp = await codecs();
  // "error": a photo that is cut off or damaged is refused, one with a harmless oddity, as some phones write them, is
  // not.
  const upright = sharp(bytes, { autoOrient: true, failOn: "error", limitInputPixels: maxPixels });
  const opaque = isOpaque ? upright.removeAlpha() : upright.flatten({ background: "white" });
  const pipeline = opaque.toColourspace("srgb");
  // sharp brings 16-bit colours with a profile to Display P3, and from there to sRGB only if it is asked for the
  // profile.
  if (depth === "ushort" && hasProfile) pipeline.withIccProfile("srgb");
  const { data, info } = await pipeline.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { width: info.width, height: info.height, data: pixels };
}

/** Numbers that stand for light to the power of 1/exponent become those of sRGB (IEC 61966-2-1). */
function applyGamma(data: Uint8Array, exponent: number): void {
  const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => {
    const light = (value / 255) ** exponent;
    return 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
  });
  for (let i = 0; i < data.length; i += 1) data[i] = table[data[i]];
}

/** What the decoder's libraries say when the machine, and not the file, is at fault. */
const SHORTAGE = /memory|alloc|creating thread|temporarily unavailable/i;

/** A decoder's error as one line: a sound picture is not called damaged where there is too little memory. */
export function decodingError(file: string, format: ImageFormat, cause: unknown): KeepsakeError {
  if (cause instanceof UnsupportedHeicError) {
    const fault = `is coded in a way that is not read (${cause.message}): save it as JPEG`;
    return new KeepsakeError("input", `${file} ${fault}.`, { cause });
  }
  if (cause instanceof Error && SHORTAGE.test(cause.message)) {
    const fault = "cannot be decoded: the machine has too little free memory. Close other programs, or scale it down.";
    return new KeepsakeError("environment", `${file} ${fault}`, { cause });
  }
  const fault = `is damaged or incomplete: it cannot be decoded as ${format}. Export or copy it again.`;
  return new KeepsakeError("input", `${file} ${fault}`, { cause });
}

/**
 * Scales a photo until its short side fits, and keeps the middle of the long one. Lanczos, the default of diffusers'
 * `VaeImageProcessor`.
 * @param width In pixels, as `height`.
 */
export function resizeAndCrop(image: RgbImage, width: number, height: number): Promise<RgbImage> {
  return Promise.resolve(resizeToCover(image, width, height, "lanczos"));
}

/** The bytes of a PNG file that holds pixels and nothing else; the same pixels give the same bytes. */
export async function encodePng({ width, height, data }: RgbImage): Promise<Buffer> {
  const sharp = await codecs();
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/**
 * As {@link encodePng}, with the mark of a drawn picture, by which it is not taken for a photo later: "Software:
 * Keepsake".
 *
 * @param text - a further text, by its key
 */
export async function encodeDrawnPng(
  image: RgbImage,
  text?: { readonly key: string; readonly value: string },
): Promise<Uint8Array> {
  const png = markAsDrawn(await encodePng(image));
  return text === undefined ? png : withText(png, text.key, text.value);
}

/**
 * Writes a drawn picture as a PNG file, atomically.
 * @throws KeepsakeError in one line if the file cannot be written.
 */
export async function writePng(file: string, image: RgbImage): Promise<void> {
  await writeFileAtomic(file, await encodeDrawnPng(image));
}

/**
 * Whether a file is a picture that Keepsake drew: marked by {@link writePng}, or named as sheets of previews are, also
 * those of versions that wrote no mark.
 * @throws KeepsakeError in one line that names the file if it cannot be read.
 */
export async function isDrawnPicture(source: ImageSource): Promise<boolean> {
  return /\.previews\.png$/i.test(nameOf(source)) || (await carriesMark(source));
}

/**
 * Whether a file carries the mark of {@link writePng}: the only ground on which one is replaced or deleted.
 * @throws KeepsakeError in one line that names the file if it cannot be read.
 */
export async function carriesMark(source: ImageSource): Promise<boolean> {
  return isMarkedAsDrawn(await beginningOf(source, 4096));
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
