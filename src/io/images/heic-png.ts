/**
 * @file From HEIC to PNG in memory: what sharp's libraries cannot decode, in a form that they read.
 */
import { codecs } from "./codecs.ts";
import { decodeHeic } from "./heic.ts";
import { checkSize, refuseHdr, type ImageLimits } from "./image-limits.ts";
import { withColorProfile } from "./png-chunks.ts";

/** The pixels of a HEIC photo in a form that the codecs read, with its colour profile and without its EXIF. */
export async function heicAsPng(file: string, bytes: Uint8Array, limits: ImageLimits): Promise<Uint8Array> {
  const sharp = await codecs();
  const { width, height, channels, data, profile } = await decodeHeic(bytes, ({ hdr, ...size }) => {
    refuseHdr(file, hdr);
    checkSize(file, size, limits);
  });
  const png = await sharp(data, { raw: { width, height, channels } }).png({ compressionLevel: 0 }).toBuffer();
  if (profile === undefined) return png;
  return withColorProfile(png, profile === "p3" ? await displayP3() : profile);
}

/** The codecs' own profile of Display P3. */
async function displayP3(): Promise<Uint8Array> {
  const sharp = await codecs();
  const create = { width: 1, height: 1, channels: 3, background: "white" } as const;
  const { icc } = await sharp(await sharp({ create }).withIccProfile("p3").png().toBuffer()).metadata();
  if (icc === undefined) throw new Error("the codecs give no profile of Display P3");
  return icc;
}
