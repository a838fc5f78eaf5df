import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { checkPhotos, loadPhotos, readPhotos } from "../../src/training/photos/photos.ts";
import { sha256 } from "../../src/io/hash.ts";
import { encodePng, writePng } from "../../src/io/images/image.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { writePhoto } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
const wide = inFolder("wide.png");
const tall = inFolder("tall.png");
const bytesOf = (file: string) => new Uint8Array(readFileSync(file));

beforeAll(async () => {
  await writePhoto(wide, "wide", 90, 48);
  await writePhoto(tall, "tall", 64, 72);
});

/** A picture in which each pixel says where it is: red the column, green the row. */
async function ruler(width: number, height: number): Promise<Uint8Array> {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return [pixel % width, Math.floor(pixel / width), 0][i % 3];
  });
  return encodePng({ width, height, data });
}

describe("photos in memory", () => {
  it("are the photos that the same files are: pixels, captions, masks, framings and identity", async () => {
    const mask = await sharp({ create: { width: 64, height: 72, channels: 3, background: "white" } })
      .composite([{ input: { create: { width: 30, height: 30, channels: 3, background: "black" } }, left: 0, top: 0 }])
      .png()
      .toBuffer();
    writeFileSync(inFolder("tall.mask.png"), mask);
    writeFileSync(inFolder("wide.txt"), "on the beach");
    const fromFiles = await loadPhotos([wide, tall], 32);
    const fromMemory = await loadPhotos(
      [
        { name: wide, bytes: bytesOf(wide), caption: " on the beach\n" },
        { name: tall, bytes: bytesOf(tall), mask: new Uint8Array(mask) },
      ],
      32,
    );
    expect(fromMemory.digest).toBe(fromFiles.digest);
    for (const part of ["images", "captions", "masks", "framings"] as const) {
      expect(fromMemory[part]).toEqual(fromFiles[part]);
    }
    expect(fromMemory.found).toMatchObject({ count: 2, captioned: 1, masked: 1, duplicates: 0, warnings: [] });
  });

  it("may stand beside files and folders; the same picture is used once", async () => {
    const { found, captions } = await loadPhotos([wide, { name: "again.png", bytes: bytesOf(wide) }], 32);
    expect(captions).toEqual(["on the beach"]);
    expect(found.warnings).toEqual([`left out because they show the same: 1: again.png (as ${wide})`]);
  });

  it("are named where they cannot be used", async () => {
    const cases: [Parameters<typeof checkPhotos>[0][number], string][] = [
      [{ name: "note.jpg", bytes: new TextEncoder().encode("no picture") }, "note.jpg "],
      [{ name: "cut.png", bytes: bytesOf(wide).subarray(0, 400) }, "cut.png is damaged or incomplete"],
      [{ name: "a.png", bytes: bytesOf(wide), mask: bytesOf(tall) }, "the mask of a.png has 64 x 72 pixels"],
    ];
    for (const [photo, message] of cases) {
      expect((await failure(loadPhotos([photo], 32))).message).toContain(message);
      expect((await failure(checkPhotos([photo]))).message).toContain(message);
    }
  });

  it("that Keepsake drew are used, which is said", async () => {
    const drawn = join(inFolder("drawn.png"));
    await writePng(drawn, { width: 40, height: 40, data: new Uint8Array(4800).fill(7) });
    const { found } = await loadPhotos([{ name: "cat.png", bytes: bytesOf(drawn) }], 32);
    expect(found.warnings).toEqual(["drawn by Keepsake, and learned because they were named: cat.png"]);
  });
});

describe("the crop of a photo", () => {
  it("is the square of whole pixels that it says, and the framing says where it lies in the scaled photo", async () => {
    const { photos } = await readPhotos(
      [{ name: "ruler.png", bytes: await ruler(90, 48), crop: { x: 20 / 90, y: 8 / 48, size: 32 / 48 } }],
      32,
    );
    const [{ image, framing }] = photos;
    expect([...image.data.subarray(0, 3)]).toEqual([20, 8, 0]);
    expect([...image.data.subarray(-3)]).toEqual([51, 39, 0]);
    expect(framing).toMatchObject({ originalSize: { width: 90, height: 48 }, crop: { left: 20, top: 8 } });
  });

  it("that is all of a square photo changes nothing", async () => {
    const photo = { name: "ruler.png", bytes: await ruler(48, 48) };
    const plain = await loadPhotos([photo], 16);
    const cropped = await loadPhotos([{ ...photo, crop: { x: 0, y: 0, size: 1 } }], 16);
    expect(cropped.images).toEqual(plain.images);
    expect(cropped.framings).toEqual(plain.framings);
  });

  it("makes other photos of the same pixels for a model that is told of it, and for no other", async () => {
    const photo = { name: "ruler.png", bytes: await ruler(90, 48), crop: { x: 20 / 90, y: 8 / 48, size: 32 / 48 } };
    const [{ image }] = (await readPhotos([photo], 32)).photos;
    const cut = { name: "cut.png", bytes: await encodePng(image) };
    const digests = async (tellsFraming?: boolean) => {
      const read = [photo, cut, photo].map((each) => loadPhotos([each], 32, { tellsFraming }));
      return (await Promise.all(read)).map(({ digest }) => digest);
    };
    const [cropped, whole, again] = await digests(true);
    expect(again).toBe(cropped);
    expect(whole).not.toBe(cropped);
    // A run of another model that was begun before framings counted goes on.
    const pixels = sha256(image.data);
    const usual = sha256(JSON.stringify([[pixels, undefined]]));
    expect(await digests()).toEqual([usual, usual, usual]);
  });

  it("cuts the mask as it cuts the photo, and moves in what reaches over an edge", async () => {
    const mask = await encodePng({
      ...{ width: 40, height: 40 },
      data: Uint8Array.from({ length: 4800 }, (_, i) => (Math.floor(i / 3) % 40 < 20 ? 255 : 0)),
    });
    const photo = { name: "ruler.png", bytes: await ruler(40, 40), mask: new Uint8Array(mask) };
    const { photos } = await readPhotos([{ ...photo, crop: { x: 0.9, y: 1, size: 0.75 } }], 30);
    const [{ image, mask: cut }] = photos;
    expect([...image.data.subarray(0, 3)]).toEqual([10, 10, 0]);
    expect(Array.from({ length: 30 }, (_, i) => cut?.data[i])).toEqual([
      ...new Array<number>(10).fill(255),
      ...new Array<number>(20).fill(0),
    ]);
    const nothing = { ...photo, crop: { x: 0.5, y: 0, size: 0.5 } };
    const { message } = await failure(loadPhotos([nothing], 30));
    expect(message).toContain("the mask of ruler.png is black all over but where ruler.png is cropped away");
  });

  it("is refused where it is no part of the photo", async () => {
    const photo = { name: "ruler.png", bytes: await ruler(40, 40) };
    for (const crop of [
      { x: -0.1, y: 0, size: 1 },
      { x: 0, y: 1.5, size: 1 },
      { x: 0, y: 0, size: 0 },
      { x: Number.NaN, y: 0, size: 1 },
    ]) {
      const { kind, message } = await failure(loadPhotos([{ ...photo, crop }], 30));
      expect([kind, message.startsWith("The crop of ruler.png is x ")]).toEqual(["usage", true]);
    }
  });
});
