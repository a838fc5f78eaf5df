/**
 * @file Photos as people have them: what a phone holds makes a sheet and a training run, each oddity is said in one
 * line, and nothing is shown but what training sees.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeImage, isDrawnPicture, tensorToImage } from "../../src/io/images/image.ts";
import { sha256 } from "../../src/io/hash.ts";
import type { PhotoReport } from "../../src/training/photos/photo-sheet.ts";
import { loadPhotos } from "../../src/training/photos/photos.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { treeOf, writePhoto } from "../keepsake/support.ts";
import { failureLine, keepsakeHere, learn, succeeded } from "./support.ts";

const inFolder = temporaryFolder();
const HEIC = join(import.meta.dirname, "..", "fixtures", "photos", "phone.heic");
const phone = inFolder("phone");
const here = (name: string) => join(phone, name);

/** The warnings among a command's news, without the folder's path. */
const warningsOf = (stderr: string) =>
  stderr
    .split("\n")
    .filter((line) => line.startsWith("warning: "))
    .map((line) => line.slice("warning: ".length).replaceAll(`${phone}/`, ""));

const FOUND = [
  "raw.dng is in a format that is not read; save it as JPEG.",
  "of a live photo the picture is used, and the movie passed over: IMG_1.MOV",
  "left out, because movies are not read: walk.mp4. Save single frames as JPEG.",
  "left out, because hidden files are no photos: ._IMG_1.HEIC",
  "1 mask matches no photo: lost.mask.png. A mask is called 3.mask.png for 3.jpg.",
  "left out because they show the same: 1: IMG_1 copy.heic (as IMG_1 (1).heic)",
  "1 text file matches no photo: notes.txt. A caption has its photo's name, 3.txt for 3.jpg.",
  "only the middle of a long photo is used: long.png (300 x 64). Crop it to the concept.",
  "smaller than 32 x 32, and enlarged, which makes them soft: tiny.png (20 x 24)",
];

beforeAll(async () => {
  mkdirSync(phone);
  for (const name of ["IMG_1.HEIC", "IMG_1 (1).heic", "IMG_1 copy.heic"]) copyFileSync(HEIC, here(name));
  // The same picture once more, but for the dust on it.
  await sharp(readFileSync(join(HEIC, "..", "plain.avif")))
    .rotate(90)
    .png()
    .toFile(here("IMG_1.HEIC"));
  for (const name of ["IMG_1.MOV", "walk.mp4", "._IMG_1.HEIC", ".DS_Store", "raw.dng", "IMG_1.AAE"]) {
    writeFileSync(here(name), "x");
  }
  await writePhoto(here("turned.jpg"), "turned");
  const turned = await sharp(here("turned.jpg")).withMetadata({ orientation: 6 }).toBuffer();
  writeFileSync(here("turned.jpg"), turned);
  await writePhoto(here("long.png"), "long", 300, 64);
  await writePhoto(here("tiny.png"), "tiny", 20, 24);
  await writePhoto(here("masked.png"), "masked");
  await sharp(join(HEIC, "..", "plain.avif"))
    .resize(200, 200, { fit: "fill" })
    .blur(30)
    .toFile(here("blurred.png"));
  const half = Uint8Array.from({ length: 72 * 64 }, (_, i) => (i % 72 < 36 ? 255 : 0));
  await sharp(half, { raw: { width: 72, height: 64, channels: 1 } }).toFile(here("masked.mask.png"));
  await sharp(half, { raw: { width: 72, height: 64, channels: 1 } }).toFile(here("lost.mask.png"));
  writeFileSync(here("turned.TXT"), "\ufeffon the\r\nbeach");
  writeFileSync(here("notes.txt"), "x");
});

describe("keepsake photos", () => {
  const sheet = inFolder("sheets", "sheet.png");
  const photos = (...more: string[]) =>
    keepsakeHere(["photos", phone, "--resolution", "32", ...more], { cwd: inFolder() });

  it("says each oddity of a phone's photos in one line, and which captions and masks it found", async () => {
    const { stdout, stderr } = succeeded(await photos());
    expect(warningsOf(stderr)).toEqual(
      expect.arrayContaining([
        ...FOUND,
        "almost the same as an earlier photo, and of little use: IMG_1.HEIC (as IMG_1 (1).heic)",
        "blurred, which is learned too: blurred.png",
      ]),
    );
    expect(warningsOf(stderr)).toHaveLength(FOUND.length + 2);
    expect(stdout.replaceAll(`${phone}/`, "").trimEnd().split("\n")).toEqual([
      "IMG_1 (1).heic",
      "IMG_1.HEIC",
      "blurred.png",
      "long.png",
      "masked.png (mask: masked.mask.png)",
      "tiny.png",
      'turned.jpg: "on the beach"',
      "7 photos, cropped to 32 x 32",
    ]);
  });

  it("draws the very crops of training, each pixel a square, dimmed where they are masked out", async () => {
    const { stdout } = succeeded(await photos("-o", sheet, "--json"));
    const report = JSON.parse(stdout) as PhotoReport;
    expect(report).toMatchObject({ sheet, resolution: 32 });
    const { images } = await loadPhotos([phone], 32);
    expect(report.photos).toHaveLength(images.length);
    const drawn = await decodeImage(sheet);
    // 256 pixels a crop, two lines of text, and two pixels between cells.
    const cell = { width: 258, height: 278 };
    for (const [i, image] of images.entries()) {
      const crop = tensorToImage(image, 32, 32);
      const isMasked = basename(report.photos[i].file) === "masked.png";
      for (const [x, y] of [
        [0, 0],
        [9, 30],
        [31, 31],
        [20, 5],
      ]) {
        const column = 2 + (i % 4) * cell.width + x * 8 + 3;
        const row = 2 + Math.floor(i / 4) * cell.height + 20 + y * 8 + 3;
        const at = (row * drawn.width + column) * 3;
        const share = isMasked && x > 16 ? 0.25 : 1;
        const seen = [...crop.data.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 3)].map((v) => Math.floor(v * share));
        expect([...drawn.data.subarray(at, at + 3)], `${report.photos[i].file} at ${x}, ${y}`).toEqual(seen);
      }
    }
    const bytes = sha256(readFileSync(sheet));
    succeeded(await photos("-o", sheet));
    expect(sha256(readFileSync(sheet))).toBe(bytes);
    expect(await isDrawnPicture(sheet)).toBe(true);
  });

  it("writes over nobody's file, and nothing where there is nothing to show", async () => {
    const before = treeOf(inFolder());
    const photo = here("masked.png");
    expect(failureLine(await photos("-o", photo), 3)).toContain("holds something that Keepsake did not draw");
    expect(failureLine(await photos("-o", inFolder("sheet.jpg")), 2)).toContain(
      "the sheet of photos is written as PNG",
    );
    const missing = ["photos", inFolder("nowhere"), "-o", inFolder("new", "sheet.png"), "--resolution", "32"];
    expect(failureLine(await keepsakeHere(missing), 3)).toContain("no such file");
    expect(treeOf(inFolder())).toEqual(before);
  });

  it("asks for more photos where there are few", async () => {
    const { stderr } = succeeded(await keepsakeHere(["photos", here("turned.jpg"), "--resolution", "32"]));
    expect(warningsOf(stderr)).toEqual(["4 to 10 photos in different places and light teach a thing better."]);
  });
});

describe("keepsake learn", () => {
  it("learns from a phone's photos, mirrored and masked, and says the same of what it found", async () => {
    const args = (library: string, ...more: string[]) =>
      learn(inFolder(library), "rex", [phone], "--no-previews", ...more);
    const { stderr } = succeeded(await keepsakeHere(args("plain")));
    const ofPhotos = warningsOf(stderr).filter((line) => !line.includes("pixels are far from"));
    expect(ofPhotos.sort()).toEqual([...FOUND].sort());
    expect(stderr).toContain("7 photos, 1 with a caption, 1 with a mask\n");
    succeeded(await keepsakeHere(args("flipped", "--flip")));
    succeeded(await keepsakeHere(args("again", "--flip")));
    const blobs = (library: string) => treeOf(inFolder(library, "blobs"));
    expect(blobs("again")).toEqual(blobs("flipped"));
    expect(blobs("flipped")).not.toEqual(blobs("plain"));
    const manifest = JSON.parse(readFileSync(inFolder("flipped", "library.json"), "utf8")) as object;
    expect(JSON.stringify(manifest)).toContain('"flip":true');
    expect(readFileSync(inFolder("plain", "library.json"), "utf8")).not.toMatch(/flip|alphaMasks/);
  });
});
