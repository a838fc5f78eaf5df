import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import type { Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage, decodingError, encodePng, isDrawnPicture, writePng } from "../../../src/io/images/image.ts";
import type { RgbImage } from "../../../src/io/images/rgb-image.ts";
import { failure } from "../failure.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const inFolder = temporaryFolder();
let files = 0;

function write(bytes: Uint8Array | string, extension = "jpg"): string {
  files += 1;
  const file = inFolder(`${files}.${extension}`);
  writeFileSync(file, bytes);
  return file;
}

async function decodeBytes(bytes: Uint8Array): Promise<RgbImage> {
  return decodeImage(write(bytes));
}

type Color = readonly [number, number, number];
const [red, green, blue, white]: Color[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
];

/** A picture of one colour. */
function flat(color: readonly number[], width = 40, height = 30): Sharp {
  const channels = color.length === 4 ? 4 : 3;
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => color[i % channels]);
  return sharp(data, { raw: { width, height, channels } });
}

/** A picture of one colour with 16 bits per channel. */
function flat16(color: readonly number[]): Sharp {
  const channels = color.length === 4 ? 4 : color.length === 3 ? 3 : color.length === 2 ? 2 : 1;
  const data = Uint16Array.from({ length: 20 * 20 * channels }, (_, i) => color[i % channels] * 257);
  return sharp(data, { raw: { width: 20, height: 20, channels } }).toColourspace(channels < 3 ? "grey16" : "rgb16");
}

function pixel(image: RgbImage, x: number, y: number): number[] {
  const start = (y * image.width + x) * 3;
  return [...image.data.subarray(start, start + 3)];
}

function expectColor(image: RgbImage, color: readonly number[], tolerance: number, x = 10, y = 10): void {
  pixel(image, x, y).forEach((value, i) => {
    expect(Math.abs(value - color[i]), `${pixel(image, x, y).join()} is not ${color.join()}`).toBeLessThanOrEqual(
      tolerance,
    );
  });
}

/** Noise, which no format can make small: any cut falls into the pixels. */
function noise(): Sharp {
  let state = 1;
  const next = () => (state = Math.imul(state, 48271) % 0x7fffffff) & 255;
  return sharp(Uint8Array.from({ length: 100 * 100 * 3 }, next), { raw: { width: 100, height: 100, channels: 3 } });
}

describe("decodeImage", () => {
  it.each([
    ["JPEG", (image: Sharp) => image.jpeg({ quality: 100, chromaSubsampling: "4:4:4" }), 3],
    ["progressive JPEG", (image: Sharp) => image.jpeg({ quality: 100, progressive: true }), 3],
    ["PNG", (image: Sharp) => image.png(), 0],
    ["palette PNG", (image: Sharp) => image.png({ palette: true }), 0],
    ["lossless WebP", (image: Sharp) => image.webp({ lossless: true }), 0],
    ["GIF", (image: Sharp) => image.gif(), 0],
    ["TIFF", (image: Sharp) => image.tiff({ compression: "lzw" }), 0],
    ["AVIF", (image: Sharp) => image.avif({ lossless: true, effort: 0 }), 2],
  ] as const)("reads %s", async (_, encode, tolerance) => {
    const image = await decodeBytes(await encode(flat([200, 100, 50])).toBuffer());
    expect([image.width, image.height, image.data.length]).toEqual([40, 30, 3600]);
    expectColor(image, [200, 100, 50], tolerance);
  });

  it("goes by what is in the file, not by its name", async () => {
    expectColor(await decodeImage(write(await flat(red).png().toBuffer(), "jpg")), red, 0);
    expectColor(await decodeImage(write(await flat(red).png().toBuffer(), "txt")), red, 0);
  });

  /** Where a pixel of the upright picture (48 x 32) comes from in the stored one: EXIF 2.3, tag 0x0112. */
  const stored: Record<number, (x: number, y: number) => [column: number, row: number]> = {
    1: (x, y) => [x, y],
    2: (x, y) => [47 - x, y],
    3: (x, y) => [47 - x, 31 - y],
    4: (x, y) => [x, 31 - y],
    5: (x, y) => [y, x],
    6: (x, y) => [y, 47 - x],
    7: (x, y) => [31 - y, 47 - x],
    8: (x, y) => [31 - y, x],
  };

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("turns a photo as its EXIF orientation %i says", async (orientation) => {
    const corners = (x: number, y: number) => (y < 16 ? (x < 24 ? red : green) : x < 24 ? blue : white);
    const [width, height] = orientation < 5 ? [48, 32] : [32, 48];
    const data = new Uint8Array(48 * 32 * 3);
    for (let y = 0; y < 32; y += 1) {
      for (let x = 0; x < 48; x += 1) {
        const [column, row] = stored[orientation](x, y);
        data.set(corners(x, y), (row * width + column) * 3);
      }
    }
    const photo = sharp(data, { raw: { width, height, channels: 3 } }).withMetadata({ orientation });
    const image = await decodeBytes(await photo.jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer());
    expect([image.width, image.height]).toEqual([48, 32]);
    for (const [x, y] of [
      [4, 4],
      [43, 4],
      [4, 27],
      [43, 27],
    ])
      expectColor(image, corners(x, y), 3, x, y);
  });

  it("puts what is transparent on white", async () => {
    expectColor(await decodeBytes(await flat([255, 0, 0, 0]).png().toBuffer()), white, 0);
    expectColor(await decodeBytes(await flat([255, 0, 0, 128]).png().toBuffer()), [255, 127, 127], 1);
    expectColor(
      await decodeBytes(await flat([255, 0, 0, 128]).webp({ lossless: true }).toBuffer()),
      [255, 127, 127],
      1,
    );
    expectColor(await decodeBytes(await flat([0, 0, 0, 0]).gif().toBuffer()), white, 0);
    expectColor(await decodeBytes(await flat([0, 0, 255, 0]).png({ palette: true }).toBuffer()), white, 0);
    expectColor(await decodeBytes(await flat16([255, 0, 0, 128]).png().toBuffer()), [255, 127, 127], 1);
    expectColor(await decodeBytes(await flat16([0, 128]).png().toBuffer()), [127, 127, 127], 1);
  });

  it("reads greyscale of 8 and 16 bits", async () => {
    const grey = flat([100, 100, 100]).toColourspace("b-w");
    expectColor(await decodeBytes(await grey.clone().png().toBuffer()), [100, 100, 100], 0);
    expectColor(await decodeBytes(await grey.clone().jpeg().toBuffer()), [100, 100, 100], 1);
    expectColor(await decodeBytes(await flat16([100]).png().toBuffer()), [100, 100, 100], 1);
    expectColor(
      await decodeBytes(await grey.clone().png({ palette: true, colours: 2 }).toBuffer()),
      [100, 100, 100],
      2,
    );
  });

  it("reads colours of 16 bits", async () => {
    expectColor(await decodeBytes(await flat16([200, 100, 50]).png().toBuffer()), [200, 100, 50], 0);
    expectColor(await decodeBytes(await flat16([200, 100, 50]).tiff().toBuffer()), [200, 100, 50], 0);
  });

  it("reads CMYK", async () => {
    const cmyk = await flat(white).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe("cmyk");
    expectColor(await decodeBytes(cmyk), white, 4);
    // Printed red is duller than that of a screen.
    const [r, g, b] = pixel(await decodeBytes(await flat(red).toColourspace("cmyk").jpeg().toBuffer()), 5, 5);
    expect(r).toBeGreaterThan(190);
    expect(Math.max(g, b)).toBeLessThan(80);
  });

  it("brings colours to sRGB through the profile in the file", async () => {
    // The pixels are stored as (145, 121, 94): the same colour has other numbers in Display P3.
    const p3 = await flat([150, 120, 90]).withIccProfile("p3").png().toBuffer();
    const ignored = await sharp(p3, { ignoreIcc: true }).raw().toBuffer();
    expect([...ignored.subarray(0, 3)]).not.toEqual([150, 120, 90]);
    expectColor(await decodeBytes(p3), [150, 120, 90], 1);
  });

  it("brings colours of 16 bits to sRGB through the profile in the file", async () => {
    const profile = (await sharp(await flat(red).withIccProfile("srgb").png().toBuffer()).metadata()).icc;
    if (profile === undefined) throw new Error("sharp wrote no profile.");
    writeFileSync(inFolder("srgb.icc"), profile);
    // When sharp writes 16-bit pixels it takes them for Display P3: what the file holds are their numbers in sRGB.
    const tagged = await flat16([150, 120, 90]).withIccProfile(inFolder("srgb.icc")).png().toBuffer();
    const metadata = await sharp(tagged).metadata();
    expect([metadata.depth, metadata.hasProfile]).toEqual(["ushort", true]);
    const untouched = await sharp(tagged, { ignoreIcc: true }).raw().toBuffer();
    expectColor(await decodeBytes(tagged), [...untouched.subarray(0, 3)], 1);
  });

  it.each(["gif", "webp"] as const)("takes the first frame of an animated %s", async (format) => {
    const frames = [red, green, blue].map((color) => ({
      create: { width: 20, height: 20, channels: 3 as const, background: { r: color[0], g: color[1], b: color[2] } },
    }));
    const pictures = await Promise.all(frames.map((frame) => sharp(frame).png().toBuffer()));
    const animation = sharp(pictures, { join: { animated: true } });
    const bytes = await (format === "gif" ? animation.gif() : animation.webp({ lossless: true })).toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(3);
    const image = await decodeBytes(bytes);
    expect([image.width, image.height]).toEqual([20, 20]);
    expectColor(image, red, 0);
  });

  it("reads names with spaces, accents and pictures", async () => {
    writeFileSync(inFolder("my dog é 🐶.png"), await flat(blue).png().toBuffer());
    expectColor(await decodeImage(inFolder("my dog é 🐶.png")), blue, 0);
  });
});

/** Pictures of four quarters, made by test/fixtures/photos/make-photos.ts. */
const photoFile = (name: string) => join(import.meta.dirname, "..", "..", "fixtures", "photos", name);
const fixture = (name: string) => readFileSync(photoFile(name));

describe("photos of a phone", () => {
  const quarters: Color[] = [
    [220, 40, 40],
    [40, 200, 60],
    [40, 60, 220],
    [240, 240, 240],
  ];

  it.each(["plain.heic", "plain.avif"])("%s has the colours that it was made of", async (name) => {
    const image = await decodeImage(photoFile(name));
    expect([image.width, image.height]).toEqual([96, 64]);
    for (const [i, color] of quarters.entries()) expectColor(image, color, 12, 24 + 48 * (i % 2), i < 2 ? 16 : 48);
  });

  it("are turned once, though container and EXIF both say so, and brought to sRGB through their profile", async () => {
    const image = await decodeImage(photoFile("phone.heic"));
    expect([image.width, image.height]).toEqual([64, 96]);
    const [topLeft, topRight, bottomLeft, bottomRight] = quarters;
    for (const [i, color] of [bottomLeft, topLeft, bottomRight, topRight].entries()) {
      expectColor(image, color, 14, 16 + 32 * (i % 2), i < 2 ? 24 : 72);
    }
  });

  it("are brought to sRGB where numbers and no profile say that their colours are those of Display P3", async () => {
    // The red of P3 is beyond that of sRGB: its numbers go to the edge.
    expectColor(await decodeImage(photoFile("wide.heic")), [240, 0, 26], 14, 24, 16);
  });

  it.each(["mirrored about its upright axis", "turned to the left"])("an AVIF photo %s is upright", async (how) => {
    const turn = how.startsWith("turned") ? 8 : 2;
    const pixels = await sharp(fixture("plain.avif"))
      .withMetadata({ orientation: turn })
      .avif({ effort: 0 })
      .toBuffer();
    const image = await decodeBytes(pixels);
    const upright = await sharp(pixels).autoOrient().raw().toBuffer({ resolveWithObject: true });
    expect([image.width, image.height]).toEqual([upright.info.width, upright.info.height]);
    expect(image.width).toBe(turn === 8 ? 64 : 96);
    expectColor(image, quarters[1], 14, 12, 12);
  });
});

describe("decodeImage refuses, in one line that names the file", () => {
  /** The beginning of an ISO base media file of these brands. */
  const baseMedia = (...brands: string[]) => {
    const size = Buffer.alloc(4);
    size.writeUInt32BE(12 + 4 * brands.length);
    const [major, ...compatible] = brands;
    return Buffer.concat([size, Buffer.from(`ftyp${major}\0\0\0\0${compatible.join("")}`), Buffer.alloc(2000)]);
  };

  /** A PNG that says it has so many pixels. */
  const pngOf = (width: number, height: number) => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 2, 0, 0, 0], 8);
    const chunk = (type: string, data: Uint8Array) => {
      const [length, checksum, body] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.concat([Buffer.from(type), data])];
      length.writeUInt32BE(data.length);
      checksum.writeUInt32BE(crc32(body));
      return Buffer.concat([length, body, checksum]);
    };
    const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
    return Buffer.concat([
      signature,
      chunk("IHDR", header),
      chunk("IDAT", deflateSync(Buffer.alloc(1000))),
      chunk("IEND", Buffer.alloc(0)),
    ]);
  };

  /** A HEIC photo that says it has so many pixels. */
  const heicOf = (width: number, height: number) => {
    const bytes = Buffer.from(fixture("plain.heic"));
    const size = bytes.indexOf("ispe") + 8;
    bytes.writeUInt32BE(width, size);
    bytes.writeUInt32BE(height, size + 4);
    return bytes;
  };

  const huge = () => {
    const file = write(pngOf(100, 100));
    truncateSync(file, 200_000_001);
    return file;
  };

  it.each([
    { fault: "a missing file", file: () => inFolder("none.jpg"), words: "no such file" },
    { fault: "a folder", file: () => inFolder(), words: "it is a folder" },
    { fault: "an empty file", file: () => write(""), words: "is empty" },
    {
      fault: "a text file named .jpg",
      file: () => write("This is not a photo.\n"),
      words: "is not a picture that can be read (JPEG",
    },
    { fault: "a few bytes", file: () => write("x"), words: "is not a picture that can be read" },
    {
      fault: "a PNG of 30000 x 30000 pixels",
      file: () => write(pngOf(30000, 30000)),
      words: "has 30000 x 30000 pixels; the limit is 100 megapixels",
    },
    {
      fault: "a PNG of 10001 x 10000 pixels",
      file: () => write(pngOf(10001, 10000)),
      words: "has 10001 x 10000 pixels",
    },
    { fault: "a file over 200 MB", file: huge, words: "has 201 MB; the limit is 200 MB" },
    {
      fault: "a picture of 1 x 1 pixels",
      file: () => write(pngOf(1, 1)),
      words: "has 1 x 1 pixels; at least 16 x 16 are needed",
    },
    {
      fault: "a picture 3125 times as high as wide",
      file: () => write(pngOf(16, 50_000)),
      words: "has 16 x 50000 pixels; one side is more than 20 times the other. Crop it first.",
    },
    {
      fault: "a picture 21 times as wide as high",
      file: () => write(pngOf(420, 20)),
      words: "one side is more than 20 times the other",
    },
    { fault: "a picture of 100 x 15 pixels", file: () => write(pngOf(100, 15)), words: "at least 16 x 16" },
    {
      fault: "an SVG drawing",
      file: () => write('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"/>'),
      words: "is an SVG drawing, which is not read",
    },
    {
      fault: "a damaged HEIC photo",
      file: () => write(baseMedia("heic", "mif1", "heic")),
      words: "is damaged or incomplete: it cannot be decoded as HEIC",
    },
    {
      fault: "a damaged HEIF",
      file: () => write(baseMedia("mif1", "mif1", "heix")),
      words: "cannot be decoded as HEIC",
    },
    {
      fault: "a HEIC photo that says it has 40000 x 30000 pixels",
      file: () => write(heicOf(40_000, 30_000)),
      words: "has 40000 x 30000 pixels; the limit is 100 megapixels",
    },
    {
      fault: "a HEIC photo that holds another size than it says",
      file: () => write(heicOf(96, 48)),
      words: "cannot be decoded as HEIC",
    },
    { fault: "an HDR photo", file: () => photoFile("hdr.heic"), words: "holds an HDR picture (PQ), which is not read" },
    {
      fault: "AVIF in a HEIC file",
      file: () =>
        write(
          Buffer.from(
            fixture("plain.avif")
              .toString("latin1")
              .replaceAll(/avif|miaf/g, "heic"),
            "latin1",
          ),
        ),
      words: "is coded in a way that is not read",
    },
    { fault: "a video", file: () => write(baseMedia("isom", "isom", "mp41")), words: "is a video" },
    {
      fault: "a damaged AVIF",
      file: () => write(baseMedia("avif", "avif", "mif1")),
      words: "cannot be decoded as AVIF",
    },
    { fault: "a Canon CR3 photo", file: () => write(baseMedia("crx ", "crx ")), words: "is a camera's raw file" },
    { fault: "a Fuji photo", file: () => write("FUJIFILMCCD-RAW 0201"), words: "is a camera's raw file" },
    {
      fault: "a ZIP archive",
      file: () => write("PK\x03\x04____"),
      words: "is a ZIP archive, not a picture: unpack it",
    },
    { fault: "a Photoshop document", file: () => write("8BPS\0\x01"), words: "is a Photoshop document" },
    { fault: "a JPEG XL picture", file: () => write(Uint8Array.of(0xff, 0x0a, 0, 0)), words: "is a JPEG XL picture" },
    {
      fault: "a Git LFS pointer",
      file: () => write("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
      words: 'is a Git LFS pointer and not the picture itself: run "git lfs pull"',
    },
    { fault: "a web page", file: () => write("\n<!DOCTYPE html><html></html>"), words: "is a web page, not a picture" },
    { fault: "a BMP picture", file: () => write("BM______"), words: "is a BMP picture" },
    { fault: "a PDF document", file: () => write("%PDF-1.7\n"), words: "is a PDF document" },
    {
      fault: "a JPEG of nothing but its first bytes",
      file: () => write(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)),
      words: "cannot be decoded as JPEG",
    },
  ])("$fault", async ({ file, words }) => {
    const name = file();
    const { kind, message } = await failure(decodeImage(name));
    expect(kind).toBe("input");
    expect(message).toContain(name);
    expect(message).toContain(words);
  });

  it.each([
    ["JPEG", (image: Sharp) => image.jpeg()],
    ["progressive JPEG", (image: Sharp) => image.jpeg({ progressive: true })],
    ["PNG", (image: Sharp) => image.png()],
    ["WebP", (image: Sharp) => image.webp()],
    ["GIF", (image: Sharp) => image.gif()],
    ["TIFF", (image: Sharp) => image.tiff()],
    ["AVIF", (image: Sharp) => image.avif({ effort: 0 })],
  ] as const)("a %s that is cut off", async (_, encode) => {
    const whole = await encode(noise()).toBuffer();
    for (const part of [0.2, 0.6, 0.95]) {
      const file = write(whole.subarray(0, Math.floor(whole.length * part)));
      const { message } = await failure(decodeImage(file));
      expect(message).toContain(`${file} is damaged or incomplete`);
    }
  });

  it("a HEIC photo that is cut off", async () => {
    const whole = fixture("phone.heic");
    for (const part of [0.05, 0.3, 0.6, 0.7]) {
      const file = write(whole.subarray(0, Math.floor(whole.length * part)));
      expect((await failure(decodeImage(file))).message).toContain(`${file} is damaged or incomplete`);
    }
  });

  it("what is beyond limits that the caller sets", async () => {
    const file = write(await flat(red).png().toBuffer());
    await decodeImage(file, { maxPixels: 1200, minSide: 30 });
    expect((await failure(decodeImage(file, { maxPixels: 1199 }))).message).toContain(
      "has 40 x 30 pixels; the limit is",
    );
    expect((await failure(decodeImage(file, { minSide: 31 }))).message).toContain("at least 31 x 31");
    expect((await failure(decodeImage(file, { maxFileSize: 10 }))).message).toContain("the limit is 1 MB");
  });
});

describe("decodingError", () => {
  it.each([
    "vips_image_write_to_memory: out of memory -- size == 137MB",
    "Input buffer has corrupt header: vips_tracked: out of memory -- size == 183MB",
    "../glib/gprintf.c:351: failed to allocate memory",
    "glib: Error creating thread: Resource temporarily unavailable",
  ])("blames the machine and not the picture for: %s", (message) => {
    const error = decodingError("0.png", "PNG", new Error(message));
    expect(error.kind).toBe("environment");
    expect(error.message).toContain("0.png cannot be decoded: the machine has too little free memory.");
  });

  it("blames the picture for anything else", () => {
    const error = decodingError("0.png", "PNG", new Error("Input buffer has corrupt header: libspng read error"));
    expect(error.kind).toBe("input");
    expect(error.message).toContain("0.png is damaged or incomplete: it cannot be decoded as PNG.");
  });
});

describe("writePng", () => {
  const image: RgbImage = {
    width: 17,
    height: 16,
    data: Uint8Array.from({ length: 17 * 16 * 3 }, (_, i) => (i * 7) % 256),
  };

  it("writes the pixels as they are", async () => {
    await writePng(inFolder("out.png"), image);
    expect(await decodeImage(inFolder("out.png"))).toEqual(image);
  });

  it("marks them as drawn by Keepsake, by which they are told from photos; other pictures are not marked", async () => {
    await writePng(inFolder("drawn.png"), image);
    expect(await isDrawnPicture(inFolder("drawn.png"))).toBe(true);
    expect(await isDrawnPicture(write(await encodePng(image), "png"))).toBe(false);
    expect(await isDrawnPicture(write(await flat(red).jpeg().toBuffer()))).toBe(false);
    expect(await isDrawnPicture(write(""))).toBe(false);
    expect(await isDrawnPicture(write(await encodePng(image), "previews.png"))).toBe(true);
  });

  it("writes nothing but pixels and the mark, and the same bytes each time", async () => {
    await writePng(inFolder("one.png"), image);
    await writePng(inFolder("two.png"), image);
    const bytes = readFileSync(inFolder("one.png"));
    expect(bytes.equals(readFileSync(inFolder("two.png")))).toBe(true);
    const others: string[] = [];
    for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at)) {
      const chunk = bytes.subarray(at + 4, at + 8 + bytes.readUInt32BE(at));
      expect(bytes.readUInt32BE(at + 4 + chunk.length)).toBe(crc32(chunk));
      if (!/^(IHDR|pHYs|IDAT|IEND)/.test(chunk.toString("latin1"))) others.push(chunk.toString("latin1"));
    }
    expect(others).toEqual(["tEXtSoftware\0Keepsake"]);
  });

  it("says in one line why it cannot write", async () => {
    expect((await failure(writePng(inFolder("no", "out.png"), image))).message).toContain("the folder does not exist");
  });
});
