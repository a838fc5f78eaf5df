import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../src/io/hash.ts";
import { imageToTensor, resizeAndCrop, tensorToImage } from "../../../src/io/images/image.ts";
import type { RgbImage } from "../../../src/io/images/rgb-image.ts";
import { resample, resizeBicubicPil, resizeToCover, type ResampleFilter } from "../../../src/io/images/resample.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/safetensors.ts";

const side = fc.integer({ min: 1, max: 40 });
const filter = fc.constantFrom("bicubic" as const, "lanczos" as const);
const picture = fc.tuple(side, side, fc.nat(1000)).map(([width, height, seed]) => hashedPicture(width, height, seed));

/** A picture without any pattern. */
function hashedPicture(width: number, height: number, seed: number): RgbImage {
  return pictureOf(width, height, (x, y, channel) => ((x * 31 + y * 17 + channel * 101 + seed) * 2654435761) >>> 24);
}

function pictureOf(width: number, height: number, value: (x: number, y: number, channel: number) => number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i += 1) {
    const pixel = Math.floor(i / 3);
    data[i] = value(pixel % width, Math.floor(pixel / width), i % 3);
  }
  return { width, height, data };
}

/** The picture with its columns as rows. */
function transpose({ width, height, data }: RgbImage): RgbImage {
  return pictureOf(height, width, (x, y, channel) => data[(x * width + y) * 3 + channel]);
}

describe("resampling to the last bit", () => {
  /** SHA-256 of what `Image.resize` of Pillow 9.4.0 makes of the picture of this size and seed. */
  const golden = [
    {
      from: [50, 71],
      to: [32, 32],
      seed: 0,
      bicubic: "418a671ccef5fd0fd9db7434c79fefedadc84ef8978d9cf89aec1b250397239a",
      lanczos: "941c6753b1c789f298e4ea37da1e69272799b62966a5077fb6a69c495ad65361",
    },
    {
      from: [97, 40],
      to: [200, 13],
      seed: 1,
      bicubic: "dbfd090e1cd813597c4b49e438b544df465f3bbf3e150ab5beeb0143711c2afe",
      lanczos: "823080b348cc9b1cfdc9da66349b89cbb443b200acfbe6e62246c975f69ec703",
    },
    {
      from: [640, 480],
      to: [512, 384],
      seed: 3,
      bicubic: "3a61774240cf48dc5c8fb050e10062de3f362bfe91d55bbf7d24ff1aabe53578",
      lanczos: "b7a3d5f4ce05d13255f4a00728155597a35a88fe708f64b79f2d58a8a184acd3",
    },
    {
      from: [33, 17],
      to: [1, 1],
      seed: 4,
      bicubic: "5ee0482179b223828d4b6683777141d195b444b7a74332c8950809046b52ecdd",
      lanczos: "5ee0482179b223828d4b6683777141d195b444b7a74332c8950809046b52ecdd",
    },
    {
      from: [5, 300],
      to: [300, 5],
      seed: 6,
      bicubic: "aca3e004df8056aef81a41b59334feea6c4c6fb48196e6e3bf20dc7a79e17f32",
      lanczos: "6a6827d84f863b15cb428a8433228e77b7da3a9dc2d42c56767cbdb7b0c40eb8",
    },
  ];

  it.each(golden)(
    "scales $from to $to as Pillow does",
    ({ from: [width, height], to: [newWidth, newHeight], seed, ...hashes }) => {
      const image = hashedPicture(width, height, seed);
      expect(sha256(resizeBicubicPil(image, newWidth, newHeight).data)).toBe(hashes.bicubic);
      expect(sha256(resample(image, newWidth, newHeight, "lanczos").data)).toBe(hashes.lanczos);
    },
  );

  it.each([0, 1, 2])("prepares picture %i for CLIP as openai/CLIP does with Pillow, to the last bit", async (i) => {
    const golden = await SafetensorsFile.open("test/fixtures/forward/clip-preprocess.safetensors");
    const [height, width] = golden.info(`image${i}`).shape;
    const cropped = resizeToCover({ width, height, data: await golden.readBytes(`image${i}`) }, 32, 32, "bicubic");
    const mean = [0.48145466, 0.4578275, 0.40821073].map(Math.fround);
    const std = [0.26862954, 0.26130258, 0.27577711].map(Math.fround);
    const expected = await golden.readFloat32(`pixel_values${i}`);
    const got = expected.map((_, j) => {
      const channel = Math.floor(j / 1024);
      const value = Math.fround(cropped.data[(j % 1024) * 3 + channel] / 255);
      return Math.fround(Math.fround(value - mean[channel]) / std[channel]);
    });
    expect(got).toEqual(expected);
  });
});

describe("resampling", () => {
  it("gives back a picture whose size does not change", () => {
    fc.assert(
      fc.property(picture, filter, (image, kernel) => {
        expect(resample(image, image.width, image.height, kernel)).toEqual(image);
      }),
    );
  });

  it("keeps a flat colour flat, at every size", () => {
    fc.assert(
      fc.property(side, side, side, side, fc.nat(255), filter, (width, height, newWidth, newHeight, grey, kernel) => {
        const flat = resample(
          pictureOf(width, height, () => grey),
          newWidth,
          newHeight,
          kernel,
        );
        expect(flat).toEqual(pictureOf(newWidth, newHeight, () => grey));
      }),
    );
  });

  it("treats rows and columns alike, one axis at a time", () => {
    fc.assert(
      fc.property(picture, side, filter, (image, size, kernel) => {
        const columns = resample(image, image.width, size, kernel);
        expect(columns).toEqual(transpose(resample(transpose(image), size, image.width, kernel)));
      }),
    );
  });

  it("keeps the mean of a smooth picture when it scales down", () => {
    const smooth = pictureOf(64, 48, (x, y, channel) => 128 + 60 * Math.sin(x / 10 + channel) * Math.cos(y / 8));
    const mean = ({ data }: RgbImage) => data.reduce((sum, value) => sum + value, 0) / data.length;
    for (const kernel of ["bicubic", "lanczos"] as const) {
      expect(Math.abs(mean(resample(smooth, 16, 12, kernel)) - mean(smooth))).toBeLessThan(0.5);
    }
  });

  it("averages stripes that are too fine to be drawn, where a plain lookup would show false ones", () => {
    const stripes = pictureOf(64, 64, (x) => (x % 2) * 255);
    const inner = [...resizeBicubicPil(stripes, 16, 16).data].slice(12, 36);
    for (const value of inner) expect(Math.abs(value - 127.5)).toBeLessThan(2);
  });

  it.each([0, -1, 1.5])("refuses the size %s", (size) => {
    const image = pictureOf(2, 2, () => 0);
    expect(() => resample(image, size, 2, "bicubic")).toThrow(RangeError);
    expect(() => resample(image, 2, size, "lanczos")).toThrow(RangeError);
  });
});

describe("resizeAndCrop", () => {
  it("keeps the middle of the long side", async () => {
    // Red, green and blue thirds: the middle square is green.
    const wide = pictureOf(96, 32, (x, _, channel) => (Math.floor(x / 32) === channel ? 255 : 0));
    const green = pictureOf(32, 32, (_x, _y, channel) => (channel === 1 ? 255 : 0));
    expect(await resizeAndCrop(wide, 32, 32)).toEqual(green);
    expect(await resizeAndCrop(transpose(wide), 32, 32)).toEqual(green);
  });

  it("gives exactly the size that is asked for, whatever the proportions", async () => {
    await fc.assert(
      fc.asyncProperty(picture, side, side, async (image, width, height) => {
        const cropped = await resizeAndCrop(image, width, height);
        expect([cropped.width, cropped.height, cropped.data.length]).toEqual([width, height, width * height * 3]);
      }),
    );
  });

  it("leaves a picture alone that has the right size already", async () => {
    await fc.assert(
      fc.asyncProperty(picture, async (image) => {
        expect(await resizeAndCrop(image, image.width, image.height)).toEqual(image);
      }),
    );
  });
});

describe("resizeToCover", () => {
  /** What it stands for: the whole picture scaled, then its middle cut out; torchvision's `Resize` and `CenterCrop`. */
  const scaledThenCut = (image: RgbImage, width: number, height: number, kernel: ResampleFilter): RgbImage => {
    const wide = image.width * height > image.height * width;
    const newWidth = wide ? Math.max(width, Math.trunc((height * image.width) / image.height)) : width;
    const newHeight = wide ? height : Math.max(height, Math.trunc((width * image.height) / image.width));
    const scaled = resample(image, newWidth, newHeight, kernel);
    const halfToEven = (value: number) => Math.floor(value / 2) + (value % 4 === 3 ? 1 : 0);
    const [left, top] = [halfToEven(newWidth - width), halfToEven(newHeight - height)];
    const at = (x: number, y: number, channel: number) => scaled.data[((top + y) * newWidth + left + x) * 3 + channel];
    return pictureOf(width, height, at);
  };

  it("is the middle of the whole picture scaled, to the last bit, whatever the proportions", () => {
    fc.assert(
      fc.property(picture, side, side, filter, (image, width, height, kernel) => {
        expect(resizeToCover(image, width, height, kernel)).toEqual(scaledThenCut(image, width, height, kernel));
      }),
    );
  });

  it("computes no more of a long picture than it keeps", () => {
    // Scaled as a whole this is 1024 x 64,000,000 pixels, which no machine holds.
    const stripe = { width: 16, height: 1_000_000, data: new Uint8Array(16 * 1_000_000 * 3).fill(77) };
    const kept = resizeToCover(stripe, 1024, 1024, "lanczos");
    expect([kept.width, kept.height]).toEqual([1024, 1024]);
    expect(new Set(kept.data)).toEqual(new Set([77]));
  });
});

describe("tensors of pictures", () => {
  it("have the channels first, and values from -1 to 1", () => {
    const image = { width: 2, height: 1, data: Uint8Array.of(0, 255, 51, 102, 0, 255) };
    const expected = [-1, -0.2, 1, -1, -0.6, 1];
    expect([...imageToTensor(image)]).toEqual(expected.map(Math.fround));
  });

  it("become the same picture again", () => {
    fc.assert(
      fc.property(picture, (image) => {
        expect(tensorToImage(imageToTensor(image), image.width, image.height)).toEqual(image);
      }),
    );
  });

  it("are clamped, and rounded to the nearest level", () => {
    const values = Float32Array.of(-3, 7, (2 * 100.4) / 255 - 1, (2 * 100.6) / 255 - 1, Infinity, -Infinity);
    // One row of two pixels: the values are red, red, green, green, blue, blue.
    expect([...tensorToImage(values, 2, 1).data]).toEqual([0, 100, 255, 255, 101, 0]);
  });

  it("are refused with the wrong length, or with values that are not numbers", () => {
    expect(() => tensorToImage(new Float32Array(11), 2, 2)).toThrow(RangeError);
    expect(() => tensorToImage(Float32Array.of(0, Number.NaN, 0), 1, 1)).toThrow("not numbers");
  });
});
