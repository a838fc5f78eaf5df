/**
 * @file The chunks of a PNG file that say more than its pixels: that Keepsake drew it and how, and how its numbers
 * become light.
 *
 * Source: W3C: Portable Network Graphics (PNG) Specification (Third Edition).
 */
import { crc32, deflateSync } from "node:zlib";

/** The signature and the header chunk, which is the first. */
const HEADER_LENGTH = 8 + 25;

/** With length and checksum. @param type - four letters */
function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  chunk.set(body, 4);
  chunk.writeUInt32BE(crc32(body), chunk.length - 4);
  return chunk;
}

/** The same for every picture, and nothing of it. */
const MARK = pngChunk("tEXt", Buffer.from("Software\0Keepsake", "latin1"));

function withChunkAt(png: Uint8Array, at: number, chunk: Uint8Array): Uint8Array {
  return Buffer.concat([png.subarray(0, at), chunk, png.subarray(at)]);
}

/** Marks a PNG file as drawn by Keepsake, so that it is not taken for a photo later. */
export function markAsDrawn(png: Uint8Array): Uint8Array {
  return withChunkAt(png, HEADER_LENGTH, MARK);
}

/** Says in a PNG file without a colour profile what its colours are. @param icc - the profile */
export function withColorProfile(png: Uint8Array, icc: Uint8Array): Uint8Array {
  const data = Buffer.concat([Buffer.from("profile\0\0", "latin1"), deflateSync(icc)]);
  return withChunkAt(png, HEADER_LENGTH, pngChunk("iCCP", data));
}

/**
 * Adds a text to a PNG file that is marked, behind the mark: `tEXt` for ASCII, which every reader knows, else `iTXt`.
 * (Pillow, and with it AUTOMATIC1111's program, writes other letters of Latin-1 as `tEXt` too, which many readers take
 * for UTF-8; it reads both.)
 *
 * @param keyword - of ASCII letters
 */
export function withText(png: Uint8Array, keyword: string, text: string): Uint8Array {
  const isAscii = /^[\n -~]*$/.test(text);
  // The five bytes of an iTXt: the end of the keyword, not compressed (two), no language, no other keyword.
  const chunk = isAscii
    ? pngChunk("tEXt", Buffer.from(`${keyword}\0${text}`, "latin1"))
    : pngChunk("iTXt", Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, "latin1"), Buffer.from(text, "utf8")]));
  return withChunkAt(png, HEADER_LENGTH + MARK.length, chunk);
}

/**
 * Whether a file is a PNG that Keepsake drew.
 * @param bytes The file, or its beginning.
 */
export function isMarkedAsDrawn(bytes: Uint8Array): boolean {
  return chunksBeforePixels(bytes).some(
    ({ type, data }) => type === "tEXt" && data.toString("latin1") === "Software\0Keepsake",
  );
}

/**
 * The exponent with which the numbers of a PNG become light, where it is one that a decoder does not handle: neither
 * sRGB's nor overruled by a profile.
 */
export function unusualGamma(bytes: Uint8Array): number | undefined {
  const chunks = chunksBeforePixels(bytes);
  const gamma = chunks.find(({ type, data }) => type === "gAMA" && data.length === 4)?.data.readUInt32BE();
  if (gamma === undefined || gamma === 0 || chunks.some(({ type }) => /^(sRGB|iCCP|cICP)$/.test(type)))
    return undefined;
  const exponent = 100_000 / gamma;
  // 1/2.2 stands for sRGB. Other numbers beside it are meant to be the same.
  return Math.abs(exponent - 2.2) < 0.1 ? undefined : exponent;
}

/**
 * "PQ" or "HLG" where a PNG holds the light of such a screen, which would look pale and flat when it is taken for sRGB.
 */
export function hdrTransfer(bytes: Uint8Array): string | undefined {
  const transfer = chunksBeforePixels(bytes).find(({ type }) => type === "cICP")?.data[1];
  return transfer === 16 ? "PQ" : transfer === 18 ? "HLG" : undefined;
}

function chunksBeforePixels(bytes: Uint8Array): { readonly type: string; readonly data: Buffer }[] {
  const png = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: { type: string; data: Buffer }[] = [];
  if (png.toString("latin1", 0, 8) !== "\x89PNG\r\n\x1a\n") return chunks;
  for (let at = 8; at + 12 <= png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    if (type === "IDAT" || chunks.length === 1000) break;
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}
