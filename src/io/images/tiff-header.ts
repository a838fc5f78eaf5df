/**
 * @file What a TIFF file says of its first picture, as far as it decides whether its numbers can be understood.
 * Decoders take many kinds of samples and show those that they cannot scale as black or white: such files are refused
 * by name.
 *
 * Source: Adobe: TIFF Revision 6.0; BigTIFF of libtiff.
 */

import { RAW_FAULT } from "./image-format.ts";

const tags = {
  newSubfileType: 254,
  bitsPerSample: 258,
  photometric: 262,
  samplesPerPixel: 277,
  subIfds: 330,
  extraSamples: 338,
  sampleFormat: 339,
  dngVersion: 50706,
} as const;

/** Colours that are read, and how many channels each has: TIFF 6.0, PhotometricInterpretation. */
const colorChannels: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3 };

const otherColors: Readonly<Record<number, string>> = {
  8: "CIE L*a*b* colours",
  9: "ICC L*a*b* colours",
  10: "ITU L*a*b* colours",
  32844: "LogLuv colours",
  32845: "LogLuv colours",
};

const sampleKinds: Readonly<Record<number, string>> = {
  2: "signed integers",
  3: "floating-point numbers, whose scale it does not say",
  4: "samples of an undefined kind",
  5: "complex integers",
  6: "complex numbers",
};

/** A TIFF file's first directory. */
export interface TiffHeader {
  /** Why the file is not read. */
  readonly fault?: string;
  /** Channels beyond the colours; alpha is one only where the file says so. */
  readonly extraChannels: number;
  readonly hasAlpha: boolean;
}

/**
 * Reads the first directory of a TIFF file.
 * @returns undefined where it is damaged: the decoder says so.
 */
export function readTiffHeader(bytes: Uint8Array): TiffHeader | undefined {
  const entries = firstDirectory(bytes);
  if (entries === undefined) return undefined;
  const one = (tag: number, otherwise: number) => entries.get(tag)?.[0] ?? otherwise;
  const photometric = one(tags.photometric, 1);
  const channels = one(tags.samplesPerPixel, 1);
  const extraSamples = entries.get(tags.extraSamples) ?? [];
  const extraChannels = Math.max(0, channels - (colorChannels[photometric] ?? channels));
  const header = { extraChannels, hasAlpha: extraSamples[0] === 1 || extraSamples[0] === 2 };

  const isCanonRaw = bytes[8] === 0x43 && bytes[9] === 0x52;
  const isPreviewOfRaw = (one(tags.newSubfileType, 0) & 1) === 1 && entries.has(tags.subIfds);
  if (isCanonRaw || isPreviewOfRaw || entries.has(tags.dngVersion) || photometric === 32803) {
    return { ...header, fault: RAW_FAULT };
  }
  const kinds = entries.get(tags.sampleFormat) ?? [1];
  const odd = kinds.find((kind) => kind !== 1);
  if (odd !== undefined)
    return { ...header, fault: notRead(`holds ${sampleKinds[odd] ?? "samples of an unknown kind"}`) };
  if (!Object.hasOwn(colorChannels, photometric)) {
    return { ...header, fault: notRead(`holds ${otherColors[photometric] ?? `colours of kind ${photometric}`}`) };
  }
  const bits = entries.get(tags.bitsPerSample) ?? [1];
  const oddBits = bits.find((value) => ![1, 2, 4, 8, 16].includes(value) || value !== bits[0]);
  if (oddBits !== undefined) return { ...header, fault: notRead(`holds samples of ${oddBits} bits`) };
  if (extraChannels > 1) return { ...header, fault: notRead(`has ${channels} channels`) };
  return header;
}

const notRead = (what: string) => `${what}, which are not read: save it as PNG or as TIFF of 8 or 16 bits, flattened`;

/** Bytes of a value of each type that matters: BYTE, SHORT, LONG, IFD, LONG8, IFD8. */
const sizes: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 };

/** The values of the first directory's entries, at most a few of each. */
function firstDirectory(bytes: Uint8Array): ReadonlyMap<number, readonly number[]> | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  const number = (at: number, size: number): number => {
    if (size === 8) return Number(view.getBigUint64(at, little));
    return size === 4 ? view.getUint32(at, little) : size === 2 ? view.getUint16(at, little) : view.getUint8(at);
  };
  try {
    const big = number(2, 2) === 43;
    const word = big ? 8 : 4;
    const start = number(big ? 8 : 4, word);
    const count = number(start, big ? 8 : 2);
    const entrySize = big ? 20 : 12;
    const entries = new Map<number, readonly number[]>();
    for (let i = 0; i < Math.min(count, 1000); i += 1) {
      const entry = start + (big ? 8 : 2) + i * entrySize;
      const [tag, size, length] = [number(entry, 2), sizes[number(entry + 2, 2)], number(entry + 4, word)];
      if (size === undefined) {
        entries.set(tag, []);
        continue;
      }
      const inline = entry + 4 + word;
      const from = length * size <= word ? inline : number(inline, word);
      entries.set(
        tag,
        Array.from({ length: Math.min(length, 16) }, (_, j) => number(from + j * size, size)),
      );
    }
    return entries;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
