/**
 * @file Writes uncompressed TIFF files of any sample type, as scanners, cameras and programs of science write them
 * (TIFF 6.0).
 */

/** What a file says of its samples; TIFF 6.0's names. */
export interface TiffLayout {
  readonly bits: 1 | 4 | 8 | 16 | 32 | 64;
  /** 1 unsigned integer, 2 signed integer, 3 floating point. Default 1. */
  readonly sampleFormat?: 1 | 2 | 3;
  /** 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr, 8 CIE L*a*b*. */
  readonly photometric: number;
  /** 1 premultiplied alpha, 2 alpha, 0 something else; for each channel beyond the colours. */
  readonly extraSamples?: readonly number[];
  /** Each channel on its own, one after the other. */
  readonly planar?: boolean;
  /** `[3, 2^bits]`, 16-bit. */
  readonly colorMap?: readonly number[];
  readonly bigEndian?: boolean;
}

/** A picture of `width` x `height` whose pixels are given as stored numbers, one for each channel. */
export function tiff(
  width: number,
  height: number,
  layout: TiffLayout,
  at: (x: number, y: number) => readonly number[],
): Buffer {
  const {
    bits,
    sampleFormat = 1,
    photometric,
    extraSamples = [],
    planar = false,
    colorMap,
    bigEndian = false,
  } = layout;
  const channels = at(0, 0).length;
  const planes = planar
    ? Array.from({ length: channels }, (_, i) => [i])
    : [Array.from({ length: channels }, (_, i) => i)];
  const strips = planes.map((plane) => {
    const rowBytes = Math.ceil((width * plane.length * bits) / 8);
    const strip = Buffer.alloc(rowBytes * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        plane.forEach((channel, i) => {
          putSample(strip, y * rowBytes, x * plane.length + i, at(x, y)[channel], { bits, sampleFormat, bigEndian });
        });
      }
    }
    return strip;
  });
  const short = (...values: number[]) => ({ type: 3, size: 2, values });
  const long = (...values: number[]) => ({ type: 4, size: 4, values });
  const stripSizes = long(...strips.map(({ length }) => length));
  const entries = new Map([
    [256, long(width)],
    [257, long(height)],
    [258, short(...Array.from({ length: channels }, () => bits))],
    [259, short(1)],
    [262, short(photometric)],
    [273, long(...strips.map((_, i) => 8 + strips.slice(0, i).reduce((sum, { length }) => sum + length, 0)))],
    [277, short(channels)],
    [278, long(height)],
    [279, stripSizes],
    [284, short(planar ? 2 : 1)],
    ...(colorMap ? [[320, short(...colorMap)] as const] : []),
    ...(extraSamples.length > 0 ? [[338, short(...extraSamples)] as const] : []),
    [339, short(...Array.from({ length: channels }, () => sampleFormat))],
  ]);
  const pixels = Buffer.concat(strips);
  const start = 8 + pixels.length + (pixels.length % 2);
  const directory = Buffer.alloc(2 + entries.size * 12 + 4);
  const [put16, put32] = bigEndian
    ? [
        (b: Buffer, v: number, at: number) => b.writeUInt16BE(v, at),
        (b: Buffer, v: number, at: number) => b.writeUInt32BE(v, at),
      ]
    : [
        (b: Buffer, v: number, at: number) => b.writeUInt16LE(v, at),
        (b: Buffer, v: number, at: number) => b.writeUInt32LE(v, at),
      ];
  put16(directory, entries.size, 0);
  const overflow: Buffer[] = [];
  let overflowAt = start + directory.length;
  [...entries].forEach(([tag, { type, size, values }], i) => {
    const entry = 2 + i * 12;
    put16(directory, tag, entry);
    put16(directory, type, entry + 2);
    put32(directory, values.length, entry + 4);
    const data = Buffer.alloc(Math.max(4, values.length * size));
    values.forEach((value, j) => (size === 2 ? put16 : put32)(data, value, j * size));
    if (values.length * size <= 4) {
      data.copy(directory, entry + 8);
    } else {
      put32(directory, overflowAt, entry + 8);
      overflow.push(data);
      overflowAt += data.length;
    }
  });
  const head = Buffer.from(bigEndian ? "MM\0*\0\0\0\0" : "II*\0\0\0\0\0", "latin1");
  put32(head, start, 4);
  return Buffer.concat([head, pixels, Buffer.alloc(pixels.length % 2), directory, ...overflow]);
}

function putSample(
  strip: Buffer,
  row: number,
  index: number,
  value: number,
  { bits, sampleFormat, bigEndian }: { bits: number; sampleFormat: number; bigEndian: boolean },
): void {
  if (bits < 8) {
    strip[row + ((index * bits) >> 3)] |= value << (8 - bits - ((index * bits) & 7));
    return;
  }
  const bytes = bits / 8;
  const view = new DataView(strip.buffer, strip.byteOffset + row + index * bytes, bytes);
  if (sampleFormat === 3) {
    if (bits === 64) view.setFloat64(0, value, !bigEndian);
    else view.setFloat32(0, value, !bigEndian);
  } else if (bits === 32) view.setUint32(0, value, !bigEndian);
  else if (bits === 16) view.setUint16(0, value, !bigEndian);
  else view.setUint8(0, value);
}
