/**
 * @file Masks, which keep the background of photos out of the loss, and photos that are seen mirrored.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { encodeTrainingPhotos } from "../../src/training/photos/encode-photos.ts";
import { checkPhotos, loadPhotos } from "../../src/training/photos/photos.ts";
import { drawBatch, drawSample, type DrawMaterial } from "../../src/training/training-draws.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL, writePhoto } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
let folders = 0;
const [WIDTH, HEIGHT, SIDE] = [72, 64, 32];

/** Writes a picture of one channel, or of four if `channels` says so. */
async function write(file: string, value: (x: number, y: number) => number[], size = [WIDTH, HEIGHT]): Promise<string> {
  const [width, height] = size;
  const pixels = Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)));
  const channels = pixels[0].length === 4 ? 4 : 1;
  await sharp(Uint8Array.from(pixels.flat()), { raw: { width, height, channels } }).toFile(file);
  return file;
}

/** A folder with `0.png` of noise, and masks. */
async function folderWith(masks: Readonly<Record<string, (x: number, y: number) => number[]>>): Promise<string> {
  const folder = inFolder(`photos ${folders++}`);
  mkdirSync(folder);
  await writePhoto(join(folder, "0.png"), "masked");
  for (const [name, value] of Object.entries(masks)) await write(join(folder, name), value);
  return folder;
}

const leftHalf = (x: number) => [x < WIDTH / 2 ? 255 : 0];
/** How much of the left and of the right half of a square counts. */
const halves = (mask: Float32Array | undefined, side: number) => {
  const sums = [0, 0];
  mask?.forEach((value, i) => (sums[i % side < side / 2 ? 0 : 1] += value / (mask.length / 2)));
  return sums.map((sum) => Math.round(sum));
};

describe("the mask of a photo", () => {
  it.each(["0.mask.png", "0.png.mask.png", "0.MASK.PNG"])("may be called %s, and is no photo", async (name) => {
    const folder = await folderWith({ [name]: leftHalf });
    for (const paths of [[folder], [join(folder, "0.png")], [join(folder, name), join(folder, "0.png")]]) {
      const { found, images, masks } = await loadPhotos(paths, SIDE);
      expect(found).toMatchObject({ count: 1, masked: 1, warnings: [] });
      expect(images).toHaveLength(1);
      expect(masks.map((mask) => halves(mask, SIDE))).toEqual([[1, 0]]);
    }
  });

  it("is cropped and scaled as its photo", async () => {
    const wave = (x: number, y: number) => [Math.round(127 + 60 * Math.sin(x / 5) + 60 * Math.cos(y / 7))];
    const folder = inFolder(`photos ${folders++}`);
    mkdirSync(folder);
    await write(join(folder, "0.png"), wave, [100, 70]);
    await write(join(folder, "0.mask.png"), wave, [100, 70]);
    const { images, masks } = await loadPhotos([folder], SIDE);
    const seen = images[0].subarray(0, SIDE * SIDE).map((value) => Math.round((value + 1) * 127.5));
    expect(masks[0]?.map((value) => Math.round(value * 255))).toEqual(seen);
  });

  it("makes another run of the same photos, unless it is white all over", async () => {
    const digest = async (folder: string) => (await loadPhotos([folder], SIDE)).digest;
    const none = await digest(await folderWith({}));
    expect(await digest(await folderWith({ "0.mask.png": () => [255] }))).toBe(none);
    const masked = await digest(await folderWith({ "0.mask.png": leftHalf }));
    expect(masked).not.toBe(none);
    expect(await digest(await folderWith({ "0.mask.png": (x) => [255 - leftHalf(x)[0]] }))).not.toBe(masked);
  });

  it("is black where it is transparent", async () => {
    const cutOut = (x: number) => [255, 255, 255, leftHalf(x)[0]];
    const { masks } = await loadPhotos([await folderWith({ "0.mask.png": cutOut })], SIDE);
    expect(halves(masks[0], SIDE)).toEqual([1, 0]);
  });

  it("is the photo's transparency only if that is asked for, and a file of its own goes before it", async () => {
    const folder = await folderWith({ "1.png": (x) => [9, 90, 200, leftHalf(x)[0]] });
    const named = [join(folder, "1.png")];
    expect((await loadPhotos(named, SIDE)).masks).toEqual([undefined]);
    expect((await loadPhotos([folder], SIDE, { alphaMasks: true })).masks.map((mask) => halves(mask, SIDE))).toEqual([
      [0, 0],
      [1, 0],
    ]);
    await write(join(folder, "1.mask.png"), (x) => [255 - leftHalf(x)[0]]);
    expect(halves((await loadPhotos(named, SIDE, { alphaMasks: true })).masks[0], SIDE)).toEqual([0, 1]);
  });

  it.each([
    { what: "of another size", mask: [64, 64], value: () => 255, words: "has 64 x 64 pixels and its photo" },
    { what: "that is turned", mask: [64, 72], value: () => 255, words: "72 x 64: turn it as the photo is looked at." },
    { what: "that is black", mask: [72, 64], value: () => 0, words: "is black all over: nothing of the photo" },
    {
      what: "that is black where the photo is not cropped away",
      photo: [200, 64],
      mask: [200, 64],
      value: (x: number) => (x === 0 ? 255 : 0),
      words: "is black all over but where 0.png is cropped away",
    },
  ])("is refused by name: one $what", async ({ photo = [WIDTH, HEIGHT], mask, value, words }) => {
    const folder = await folderWith({});
    await writePhoto(join(folder, "0.png"), "masked", photo[0], photo[1]);
    const file = await write(join(folder, "0.mask.png"), (x) => [value(x)], mask);
    for (const read of [() => loadPhotos([folder], SIDE), () => checkPhotos([folder])]) {
      const { kind, message } = await failure(read());
      expect(kind).toBe("input");
      expect(message).toContain(file);
      expect(message).toContain(words);
    }
  });

  it("is refused where it is no picture, or the only file that is named", async () => {
    const folder = await folderWith({});
    const file = join(folder, "0.mask.png");
    writeFileSync(file, "x");
    expect((await failure(loadPhotos([folder], SIDE))).message).toContain(`${file} is not a picture`);
    expect((await failure(loadPhotos([file], SIDE))).message).toContain("is the mask of a photo, and no photo");
  });

  it("is said to be of no photo where it is called otherwise", async () => {
    const folder = await folderWith({ "other.mask.png": leftHalf });
    const { masks, found } = await loadPhotos([folder], SIDE);
    expect(masks).toEqual([undefined]);
    expect(found.warnings).toEqual([
      `1 mask matches no photo: ${join(folder, "other.mask.png")}. A mask is called 3.mask.png for 3.jpg.`,
    ]);
  });
});

describe("a step", () => {
  const material = async (flip: boolean): Promise<DrawMaterial> => {
    const pipeline = await StableDiffusionPipeline.load(MODEL);
    const loaded = await loadPhotos([await folderWith({ "0.mask.png": leftHalf })], SIDE);
    return {
      concept: "dog",
      concepts: [
        {
          token: "<dog>",
          classNoun: "dog",
          photos: await encodeTrainingPhotos(pipeline.vae, loaded, SIDE, {}, { flip }),
        },
      ],
      earlierTokens: [],
      vae: pipeline.vae.config,
      schedule: new NoiseSchedule(pipeline.schedulerConfig),
      seed: 0,
      tokenize: () => [0],
    };
  };
  const masksOf = (draws: DrawMaterial) => {
    const items = [
      ...Array.from({ length: 24 }, (_, step) => drawBatch(draws, "learn", step, 1, 1)[0]),
      ...Array.from({ length: 24 }, (_, index) => drawSample(draws, index, 24, 1)),
    ];
    return items.map(({ mask }) => halves(mask, Math.sqrt(mask?.length ?? 0)).join());
  };

  it("has the mask at the size of the latents", async () => {
    const draws = await material(false);
    const [item] = drawBatch(draws, "learn", 0, 1, 1);
    expect(item.mask).toHaveLength(item.noisyLatents.length / draws.vae.latentChannels);
    expect(new Set(masksOf(draws))).toEqual(new Set(["1,0"]));
  });

  it("sees photo and mask mirrored, as often as not, if that is asked for, and all else is drawn as before", async () => {
    const [plain, flipped] = [await material(false), await material(true)];
    const masks = masksOf(flipped);
    for (const part of [masks.slice(0, 24), masks.slice(24)]) {
      const share = part.filter((mask) => mask === "0,1").length / part.length;
      expect(share).toBeGreaterThan(0.2);
      expect(share).toBeLessThan(0.8);
    }
    const at = masks.indexOf("1,0");
    expect(drawBatch(flipped, "learn", at, 1, 1)).toEqual(drawBatch(plain, "learn", at, 1, 1));
    const mirrored = masks.indexOf("0,1");
    const [seen, usual] = [flipped, plain].map((draws) => drawBatch(draws, "learn", mirrored, 1, 1)[0]);
    expect(seen.timestep).toBe(usual.timestep);
    expect(seen.noisyLatents).not.toEqual(usual.noisyLatents);
  });

  it("is told of a mirrored photo as if it had been mirrored before it was cropped", async () => {
    const { vae } = await StableDiffusionPipeline.load(MODEL);
    const file = join(await folderWith({}), "0.png");
    // A crop of SIDE pixels: it is not scaled.
    const encoded = async (bytes: Uint8Array, left: number, flip: boolean) => {
      const crop = { x: left / WIDTH, y: 8 / HEIGHT, size: SIDE / HEIGHT };
      const loaded = await loadPhotos([{ name: "0.png", bytes, crop }], SIDE);
      return (await encodeTrainingPhotos(vae, loaded, SIDE, {}, { flip }))[0];
    };
    const { framing, mirrored } = await encoded(new Uint8Array(readFileSync(file)), 11, true);
    const before = await encoded(new Uint8Array(await sharp(file).flop().png().toBuffer()), WIDTH - SIDE - 11, false);
    expect(framing?.crop).toEqual({ top: 8, left: 11 });
    expect(mirrored?.framing).toEqual({ ...framing, crop: { top: 8, left: 29 } });
    const { caption, ...view } = before;
    expect([caption, view]).toEqual([undefined, mirrored]);
  });
});
