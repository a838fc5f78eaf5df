import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { framingOf, mirroredFraming, type PixelSquare } from "../../src/training/photos/photo-framing.ts";
import { checkPhotos, loadPhotos } from "../../src/training/photos/photos.ts";
import { encodePng, writePng } from "../../src/io/images/image.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { writePhoto } from "../keepsake/support.ts";

const inFolder = temporaryFolder();
let folders = 0;

/** A folder of photos of noise, one for each name, and text files. */
async function folderOf(photos: readonly string[], texts: Readonly<Record<string, string | Uint8Array>> = {}) {
  const folder = inFolder(`photos ${folders++}`);
  mkdirSync(folder);
  for (const name of photos) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    await writePhoto(join(folder, name), name);
  }
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  return folder;
}

/** Captions and warnings, in which the folder's own path is left out. */
async function found(folder: string, ...paths: string[]) {
  const { captions, found } = await loadPhotos(paths.length === 0 ? [folder] : paths, 32);
  return { captions, warnings: found.warnings.map((line) => line.replaceAll(`${folder}/`, "")) };
}

describe("the caption of a photo", () => {
  const [nfc, nfd] = ["caf\u00e9", "cafe\u0301"];

  it.each([
    ["its name and .txt", "3.png", "3.txt"],
    ["its name and .caption", "3.png", "3.caption"],
    ["capitals", "3.png", "3.TXT"],
    ["capitals in the name", "IMG_3.PNG", "img_3.Txt"],
    ["its whole name", "3.png", "3.png.txt"],
    ["its whole name and .caption", "3.png", "3.PNG.caption"],
    ["an accent written as one character, in the photo's name as two", `${nfd}.png`, `${nfc}.txt`],
    ["an accent written as two characters, in the photo's name as one", `${nfc}.png`, `${nfd}.TXT`],
    ["a name with dots", "3.1.png", "3.1.txt"],
  ])("may be in a file with %s", async (_, photo, text) => {
    const folder = await folderOf([photo], { [text]: "on the\nbeach\n" });
    const expected = { captions: ["on the beach"], warnings: [] };
    expect(await found(folder)).toEqual(expected);
    expect(await found(folder, `${folder}/`)).toEqual(expected);
    expect(await found(folder, join(folder, photo))).toEqual(expected);
    expect(await found(folder, join(folder, photo), join(folder, text))).toEqual(expected);
  });

  it("is the one with just its name, where another differs in capitals only", async () => {
    const folder = await folderOf(["a.png", "A.png"], { "a.txt": "small", "A.txt": "large" });
    expect(await found(folder)).toEqual({ captions: ["large", "small"], warnings: [] });
  });

  it("is the one with its whole name, then .txt before .caption; what differs from it is named", async () => {
    const all = { "0.caption": "third", "0.txt": "second", "0.png.txt": "first" };
    const folder = await folderOf(["0.png"], all);
    expect(await found(folder)).toEqual({
      captions: ["first"],
      warnings: ["0.png.txt and 0.txt both describe 0.png: 0.png.txt is used."],
    });
    const same = await folderOf(["0.png"], { "0.caption": "on the  beach", "0.txt": "on the beach\n" });
    expect(await found(same)).toEqual({ captions: ["on the beach"], warnings: [] });
  });

  it("is said to be missing where text files have the names of no photo; what is no caption is never read", async () => {
    const texts = {
      "README.txt": Uint8Array.of(0xff),
      "a1.txt": "x",
      "tags.json": "{}",
      "2.rtf": "",
      "1.txt": "in snow",
    };
    const folder = await folderOf(["1.png", "2.png"], texts);
    const advice = "A caption has its photo's name, 3.txt for 3.jpg.";
    expect(await found(folder)).toEqual({
      captions: ["in snow", undefined],
      warnings: [`4 text files match no photo: 2.rtf, README.txt, a1.txt and 1 more. ${advice}`],
    });
    expect((await found(folder, join(folder, "1.png"))).warnings).toEqual([]);
  });

  it("may be UTF-16 that says so; anything else that is not UTF-8 is refused, also before a long work", async () => {
    const folder = await folderOf(["0.png"], { "0.txt": Buffer.from("\ufeffon a café table", "utf16le") });
    expect((await found(folder)).captions).toEqual(["on a café table"]);
    writeFileSync(join(folder, "0.txt"), Buffer.from("on a café table", "latin1"));
    for (const read of [() => loadPhotos([folder], 32), () => checkPhotos([folder])]) {
      const { kind, message } = await failure(read());
      expect(kind).toBe("input");
      expect(message).toContain(`${join(folder, "0.txt")} is not UTF-8 text. Open it in a text editor and save it`);
    }
  });

  it.each([
    ["what was lost when it was saved", "in a caf\ufffd", "holds characters that were lost"],
    ["RTF", "{\\rtf1 in a cafe}", "is an RTF document and not plain text"],
    [
      "more than 64 kB",
      "tag, ".repeat(20_000),
      "is no caption of a photo: it has 100000 bytes, at most 64000 are read",
    ],
  ])("cannot be %s", async (_, text, words) => {
    const folder = await folderOf(["0.png"], { "0.txt": text });
    expect((await failure(loadPhotos([folder], 32))).message).toContain(`${join(folder, "0.txt")} ${words}`);
  });

  it.runIf(process.platform !== "win32")(
    "is not waited for in a pipe, nor read without end from a device",
    async () => {
      const folder = await folderOf(["0.png"]);
      const file = join(folder, "0.txt");
      const words = `Cannot read ${file}: it is not a regular file.`;
      execFileSync("mkfifo", [file]);
      expect((await failure(loadPhotos([folder], 32))).message).toBe(words);
      rmSync(file);
      symlinkSync("/dev/zero", file);
      expect((await failure(loadPhotos([folder], 32))).message).toBe(words);
    },
  );

  it("is that of a copy where only the copy has one; where both have one, the first is used and the other named", async () => {
    const folder = await folderOf(["a.png", "c.png"], { "b.txt": "on a rug", "c.txt": "first", "d.txt": "second" });
    copyFileSync(join(folder, "a.png"), join(folder, "b.png"));
    copyFileSync(join(folder, "c.png"), join(folder, "d.png"));
    expect(await found(folder)).toEqual({
      captions: ["on a rug", "first"],
      warnings: [
        "left out because they show the same: 2: b.png (as a.png), d.png (as c.png)",
        "d.png shows the same as c.png, but their captions differ: that of c.png is used.",
      ],
    });
  });
});

describe("pictures that Keepsake drew", () => {
  const drawing = { width: 40, height: 40, data: new Uint8Array(4800).fill(99) };

  it("are no photos of a folder, and are named; a sheet of previews of an older version is none either", async () => {
    const folder = await folderOf(["0.png"]);
    await writePng(join(folder, "mochi-0.png"), drawing);
    writeFileSync(join(folder, "keepsake-library.previews.png"), await encodePng(drawing));
    const drawn = "keepsake-library.previews.png, mochi-0.png";
    expect(await found(folder)).toEqual({
      captions: [undefined],
      warnings: [`left out, because Keepsake drew them: ${drawn}. To learn from them, name them one by one.`],
    });
  });

  it("are learned from where they are named, which is said", async () => {
    const folder = await folderOf(["0.png"]);
    await writePng(join(folder, "mochi-0.png"), drawing);
    expect(await found(folder, folder, join(folder, "mochi-0.png"))).toEqual({
      captions: [undefined, undefined],
      warnings: ["drawn by Keepsake, and learned because they were named: mochi-0.png"],
    });
  });

  it("alone are no photos", async () => {
    const folder = await folderOf([]);
    await writePng(join(folder, "0.png"), drawing);
    const { message } = await failure(loadPhotos([folder], 32));
    expect(message).toContain(`There are no photos, only pictures that Keepsake drew: ${join(folder, "0.png")}.`);
  });
});

describe("photos", () => {
  it("that cannot be read are named all at once: the first with its fault", async () => {
    const folder = await folderOf(["1.png"], { "0.jpg": "no picture", "2.jpg": "<html>", "3.png": "%PDF-" });
    const [first, second, third] = ["0.jpg", "2.jpg", "3.png"].map((name) => join(folder, name));
    const fault = `${first} is not a picture that can be read (JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIC).`;
    for (const read of [() => loadPhotos([folder], 32), () => checkPhotos([folder])]) {
      const { kind, message } = await failure(read());
      expect([kind, message]).toEqual(["input", `${fault} 2 more have faults, too: ${second}, ${third}.`]);
    }
    expect((await failure(checkPhotos([first, third]))).message).toBe(`${fault} One more has faults, too: ${third}.`);
    expect((await failure(checkPhotos([first]))).message).toBe(fault);
  });

  it("that are long or small are named, with their size", async () => {
    const folder = await folderOf([]);
    await writePhoto(join(folder, "panorama.png"), "wide", 129, 40);
    await writePhoto(join(folder, "screen.png"), "tall", 40, 130);
    await writePhoto(join(folder, "thumb.png"), "small", 30, 31);
    await writePhoto(join(folder, "three to one.png"), "fine", 120, 40);
    const long = "panorama.png (129 x 40), screen.png (40 x 130)";
    expect((await found(folder)).warnings).toEqual([
      `only the middle of a long photo is used: ${long}. Crop it to the concept.`,
      "smaller than 32 x 32, and enlarged, which makes them soft: thumb.png (30 x 31)",
    ]);
  });

  it("in folders of the folder are named, and used where their folder is named", async () => {
    const folder = await folderOf(["0.png", "more/1.png"]);
    const more = join(folder, "more");
    expect((await found(folder)).warnings).toEqual([
      "folders with pictures that are not used: more (1). To use them, name them too.",
    ]);
    expect(await found(folder, folder, more)).toEqual({ captions: [undefined, undefined], warnings: [] });
  });
});

describe("the framing of a photo", () => {
  it("is its size as decoded, and where the middle begins once it is scaled", async () => {
    const folder = await folderOf([]);
    await writePhoto(join(folder, "wide.png"), "wide", 90, 48);
    await writePhoto(join(folder, "tall.png"), "tall", 64, 72);
    const { framings } = await loadPhotos([join(folder, "wide.png"), join(folder, "tall.png")], 32);
    const targetSize = { width: 32, height: 32 };
    expect(framings).toEqual([
      { originalSize: { width: 90, height: 48 }, crop: { top: 0, left: 14 }, targetSize, scaledWidth: 60 },
      { originalSize: { width: 64, height: 72 }, crop: { top: 2, left: 0 }, targetSize, scaledWidth: 32 },
    ]);
  });

  it("lies at the other side of a mirrored photo", () => {
    const leftOf = (width: number, height: number, square?: PixelSquare) => {
      const framing = framingOf({ width, height }, 32, square);
      expect(mirroredFraming(mirroredFraming(framing))).toEqual(framing);
      const { crop, ...same } = mirroredFraming(framing);
      expect(same).toEqual({
        originalSize: framing.originalSize,
        targetSize: framing.targetSize,
        scaledWidth: same.scaledWidth,
      });
      expect(crop.top).toBe(framing.crop.top);
      return [framing.crop.left, crop.left];
    };
    expect(leftOf(90, 48)).toEqual([14, 14]);
    // 61 - 32 is odd.
    expect(leftOf(92, 48)).toEqual([14, 15]);
    expect(leftOf(64, 72)).toEqual([0, 0]);
    // Scaled by two thirds: 60 wide, with 10 to the left of the square and 18 to its right.
    expect(leftOf(90, 80, { left: 15, top: 20, side: 48 })).toEqual([10, 18]);
    expect(leftOf(90, 80, { left: 42, top: 0, side: 48 })).toEqual([28, 0]);
  });
});
