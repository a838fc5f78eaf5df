import { writeFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../src/io/images/image.ts";
import { failure } from "../failure.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { tiff, type TiffLayout } from "./tiff.ts";

const inFolder = temporaryFolder();

/** The colour of a picture of one colour. */
async function colorOf(bytes: Uint8Array): Promise<number[]> {
  writeFileSync(inFolder("x"), bytes);
  const { width, height, data } = await decodeImage(inFolder("x"));
  expect([width, height, data.length]).toEqual([20, 16, 960]);
  for (let i = 3; i < data.length; i += 1) expect(data[i]).toBe(data[i - 3]);
  return [...data.subarray(0, 3)];
}

const flat = (layout: TiffLayout, pixel: readonly number[]) => tiff(20, 16, layout, () => pixel);

/** Of one colour, whatever the index. */
const colorMap = (bits: number) => [200, 100, 50].flatMap((value) => Array<number>(2 ** bits).fill(value * 257));

describe("a TIFF", () => {
  it.each<[string, TiffLayout, number[], number[]]>([
    ["grey", { bits: 8, photometric: 1 }, [100], [100, 100, 100]],
    ["grey, white being zero", { bits: 8, photometric: 0 }, [155], [100, 100, 100]],
    ["grey of 4 bits", { bits: 4, photometric: 1 }, [6], [102, 102, 102]],
    ["black and white", { bits: 1, photometric: 1 }, [1], [255, 255, 255]],
    ["black and white, white being zero", { bits: 1, photometric: 0 }, [1], [0, 0, 0]],
    ["grey of 16 bits", { bits: 16, photometric: 1 }, [25_700], [100, 100, 100]],
    ["grey of 16 bits, white being zero", { bits: 16, photometric: 0 }, [39_835], [100, 100, 100]],
    ["grey with alpha", { bits: 8, photometric: 1, extraSamples: [2] }, [100, 51], [224, 224, 224]],
    [
      "grey with something that is no alpha",
      { bits: 8, photometric: 1, extraSamples: [0] },
      [100, 51],
      [100, 100, 100],
    ],
    ["RGB", { bits: 8, photometric: 2 }, [200, 100, 50], [200, 100, 50]],
    ["RGB, one channel after the other", { bits: 8, photometric: 2, planar: true }, [200, 100, 50], [200, 100, 50]],
    ["RGB of 16 bits", { bits: 16, photometric: 2 }, [51_400, 25_700, 12_850], [200, 100, 50]],
    [
      "RGB of 16 bits, high byte first, one channel after the other",
      { bits: 16, photometric: 2, planar: true, bigEndian: true },
      [51_400, 25_700, 12_850],
      [200, 100, 50],
    ],
    ["RGB with alpha", { bits: 8, photometric: 2, extraSamples: [2] }, [200, 100, 50, 51], [244, 224, 214]],
    [
      "RGB with alpha of 16 bits",
      { bits: 16, photometric: 2, extraSamples: [2] },
      [51_400, 25_700, 0, 13_107],
      [244, 224, 204],
    ],
    ["RGB multiplied by alpha", { bits: 8, photometric: 2, extraSamples: [1] }, [40, 20, 10, 51], [244, 224, 214]],
    ["RGB with a selection", { bits: 8, photometric: 2, extraSamples: [0] }, [200, 100, 50, 0], [200, 100, 50]],
    ["palette", { bits: 8, photometric: 3, colorMap: colorMap(8) }, [9], [200, 100, 50]],
    ["palette of 4 bits", { bits: 4, photometric: 3, colorMap: colorMap(4) }, [9], [200, 100, 50]],
    ["CMYK without ink", { bits: 8, photometric: 5 }, [0, 0, 0, 0], [255, 255, 255]],
    ["CMYK of 16 bits without ink", { bits: 16, photometric: 5 }, [0, 0, 0, 0], [255, 255, 255]],
  ])("of %s is read", async (_, layout, pixel, color) => {
    const got = await colorOf(flat(layout, pixel));
    got.forEach((value, i) => {
      expect(Math.abs(value - color[i]), `${got.join()} is not ${color.join()}`).toBeLessThanOrEqual(1);
    });
  });

  it("of CMYK has the colours of its inks", async () => {
    const ink = (...pixel: number[]) => colorOf(flat({ bits: 8, photometric: 5 }, pixel));
    const [cyan, black] = [await ink(255, 0, 0, 0), await ink(0, 0, 0, 255)];
    expect(cyan[2] - cyan[0]).toBeGreaterThan(150);
    expect(Math.max(...black)).toBeLessThan(40);
  });

  it.each<[string, TiffLayout, number[], string]>([
    ["integers of 32 bits", { bits: 32, photometric: 1 }, [2 ** 31], "holds samples of 32 bits"],
    ["signed integers of 8 bits", { bits: 8, photometric: 2, sampleFormat: 2 }, [9, 9, 9], "holds signed integers"],
    ["signed integers of 16 bits", { bits: 16, photometric: 1, sampleFormat: 2 }, [9000], "holds signed integers"],
    ["signed integers of 32 bits", { bits: 32, photometric: 2, sampleFormat: 2 }, [9, 9, 9], "holds signed integers"],
    ["grey floats", { bits: 32, photometric: 1, sampleFormat: 3 }, [0.5], "holds floating-point numbers"],
    ["RGB floats", { bits: 32, photometric: 2, sampleFormat: 3 }, [1, 0.5, 0], "holds floating-point numbers"],
    ["doubles", { bits: 64, photometric: 1, sampleFormat: 3 }, [0.5], "holds floating-point numbers"],
    ["CMYK floats", { bits: 32, photometric: 5, sampleFormat: 3 }, [0, 1, 0, 0], "holds floating-point numbers"],
    ["L*a*b*", { bits: 8, photometric: 8 }, [128, 0, 0], "holds CIE L*a*b* colours"],
    ["L*a*b* of 16 bits", { bits: 16, photometric: 8 }, [32_896, 0, 0], "holds CIE L*a*b* colours"],
    ["five channels", { bits: 8, photometric: 2, extraSamples: [2, 0] }, [1, 2, 3, 4, 5], "has 5 channels"],
  ])("of %s is refused by name, and not shown black or white", async (_, layout, pixel, words) => {
    const file = inFolder("odd.tif");
    writeFileSync(file, flat(layout, pixel));
    const { kind, message } = await failure(decodeImage(file));
    expect(kind).toBe("input");
    expect(message).toContain(`${file} ${words}`);
    expect(message).toContain("save it as PNG or as TIFF of 8 or 16 bits");
  });

  it("that holds a camera's raw data is refused, and not taken for the small picture in it", async () => {
    const canon = flat({ bits: 8, photometric: 2 }, [9, 9, 9]);
    canon.write("CR", 8, "latin1");
    writeFileSync(inFolder("IMG_1.CR2"), canon);
    expect((await failure(decodeImage(inFolder("IMG_1.CR2")))).message).toContain("is a camera's raw file");
  });
});

describe("a PNG", () => {
  /** A PNG of one grey with a chunk more. */
  const withChunk = async (type: string, data: readonly number[]) => {
    const grey = { width: 20, height: 16, channels: 3 as const, background: { r: 100, g: 100, b: 100 } };
    const png = await sharp({ create: grey }).png().toBuffer();
    const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from(type), Buffer.from(data), Buffer.alloc(4)]);
    chunk.writeUInt32BE(data.length);
    chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), chunk.length - 4);
    return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
  };
  const gamma = (value: number) => withChunk("gAMA", [0, (value >> 16) & 255, (value >> 8) & 255, value & 255]);

  it("is as bright as its gamma says", async () => {
    // 100/255 of full light is 168/255 in sRGB; with an exponent of 1.8 it is a little brighter than with that of sRGB.
    expect(await colorOf(await gamma(100_000))).toEqual([168, 168, 168]);
    expect(await colorOf(await gamma(55_556))).toEqual([119, 119, 119]);
  });

  it("with the gamma of sRGB is left as it is", async () => {
    expect(await colorOf(await gamma(45_455))).toEqual([100, 100, 100]);
    expect(await colorOf(await withChunk("sRGB", [0]))).toEqual([100, 100, 100]);
  });

  it.each([
    [16, "PQ"],
    [18, "HLG"],
  ])("with the light of an HDR screen (%i, %s) is refused by name", async (transfer, name) => {
    writeFileSync(inFolder("hdr.png"), await withChunk("cICP", [9, transfer, 0, 1]));
    expect((await failure(decodeImage(inFolder("hdr.png")))).message).toContain(`holds an HDR picture (${name})`);
  });
});
