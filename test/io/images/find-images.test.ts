import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { findImages, listImages } from "../../../src/io/images/find-images.ts";
import { failure } from "../failure.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const inFolder = temporaryFolder();

/** A folder with files of these paths; nothing is read of them but their names. */
function folder(name: string, ...files: string[]): string {
  mkdirSync(inFolder(name));
  for (const file of files) {
    mkdirSync(dirname(inFolder(name, file)), { recursive: true });
    writeFileSync(inFolder(name, file), "x");
  }
  return inFolder(name);
}

describe("listImages", () => {
  it("finds the pictures of a folder, sorted, without hidden files, other files and subfolders", async () => {
    const hidden = [".hidden.jpg", "._a.jpeg", "Thumbs.db", "desktop.ini", "@eaDir/a.jpeg", "__MACOSX/a.jpeg"];
    const photos = folder("photos", "b.JPG", "a.jpeg", "c.png", "notes.txt", "d.webp", "e.avif", ...hidden);
    mkdirSync(inFolder("photos", "more.jpg"));
    const names = ["a.jpeg", "b.JPG", "c.png", "d.webp", "e.avif"];
    expect(await listImages([photos])).toEqual(names.map((name) => inFolder("photos", name)));
    expect((await findImages([photos])).subfolders).toEqual([]);
  });

  it("takes files as they are named, and each file once, however it is written", async () => {
    const both = folder("both", "1.png", "2.png");
    const first = `${both}/./1.png`;
    expect(await listImages([inFolder("both", "2.png"), first, both])).toEqual([inFolder("both", "2.png"), first]);
  });
});

describe("findImages", () => {
  it("tells which pictures of a folder are of no use", async () => {
    const phone = folder("phone", "1.jpg", "2.HEIC", "3.dng", "4.bmp");
    expect(await findImages([phone])).toMatchObject({
      images: [inFolder("phone", "1.jpg"), inFolder("phone", "2.HEIC")],
      skipped: [inFolder("phone", "3.dng"), inFolder("phone", "4.bmp")],
    });
  });

  it("tells which folders in a folder hold pictures that are not used, unless they are named too", async () => {
    const holiday = folder("holiday", "1.jpg", "day 2/1.jpg", "day 2/2.jpg", "empty/x.txt", "day 3/1.jpg");
    const day2 = { folder: inFolder("holiday", "day 2"), count: 2 };
    const day3 = { folder: inFolder("holiday", "day 3"), count: 1 };
    expect((await findImages([holiday])).subfolders).toEqual([day2, day3]);
    expect((await findImages([holiday, `${day3.folder}/`])).subfolders).toEqual([day2]);
  });

  it("passes over pipes and devices in a folder, and names them", async () => {
    const odd = folder("odd", "0.png");
    execFileSync("mkfifo", [inFolder("odd", "1.jpg")]);
    symlinkSync("/dev/zero", inFolder("odd", "2.png"));
    symlinkSync("0.png", inFolder("odd", "3.png"));
    expect(await findImages([odd])).toMatchObject({
      images: [inFolder("odd", "0.png"), inFolder("odd", "3.png")],
      special: [inFolder("odd", "1.jpg"), inFolder("odd", "2.png")],
    });
  });

  it("takes text files that are named beside pictures, as a shell names them, for texts", async () => {
    folder("globbed", "1.png", "1.txt");
    const paths = [inFolder("globbed", "1.png"), inFolder("globbed", "1.txt")];
    expect(await findImages(paths)).toMatchObject({ images: [paths[0]], texts: [paths[1]] });
    expect(await findImages([paths[1]])).toMatchObject({ images: [paths[1]], texts: [] });
  });

  it.each([
    { fault: "a missing path", paths: () => [inFolder("nowhere")], words: "nowhere: no such file or folder" },
    { fault: "no path", paths: () => [], words: "No pictures were given" },
    { fault: "an empty folder", paths: () => [folder("empty")], words: "AVIF or HEIC): it is empty." },
    {
      fault: "a folder of texts",
      paths: () => [folder("texts", "a.txt", "b.txt")],
      words: "AVIF or HEIC), only other files: a.txt and 1 more.",
    },
    {
      fault: "a folder of raw photos",
      paths: () => [folder("raw", "1.dng", "2.dng", "1.mov")],
      words: "; 1.dng and 1 more are of a format that is not read: save them as JPEG.",
    },
    {
      fault: "a folder of videos",
      paths: () => [folder("videos", "1.MOV")],
      words: "; videos are not read (1.MOV): save single frames as JPEG.",
    },
    {
      fault: "a folder with an archive",
      paths: () => [folder("zipped", "photos.zip")],
      words: "; unpack photos.zip first.",
    },
    {
      fault: "a folder whose pictures are in a folder of it",
      paths: () => [folder("train", "10_mochi cat/0.jpg", "10_mochi cat/1.jpg", "readme.md")],
      words: 'train holds no pictures itself; its folder "10_mochi cat" holds 2: name that one.',
    },
    {
      fault: "a folder whose pictures are two folders down",
      paths: () => [folder("dataset", "img/5_dog/0.jpg", "log/x.txt")],
      words: 'dataset holds no pictures itself; its folder "img/5_dog" holds 1: name that one.',
    },
    {
      fault: "a folder whose pictures are in several folders",
      paths: () => [folder("set", "train/0.jpg", "train/1.jpg", "test/0.jpg")],
      words: 'set holds no pictures itself, but folders that do: "test" (1), "train" (2).',
    },
  ])("refuses $fault in one line", async ({ paths, words }) => {
    const { kind, message } = await failure(findImages(paths()));
    expect(["input", "usage"]).toContain(kind);
    expect(message).toContain(words);
  });

  it.runIf(process.platform === "linux")("names a picture whose name is no UTF-8", async () => {
    const latin = folder("latin", "0.png");
    writeFileSync(Buffer.concat([Buffer.from(`${latin}/caf`), Buffer.from([0xe9]), Buffer.from(".jpg")]), "x");
    expect((await failure(findImages([latin]))).message).toContain(
      "its name is not UTF-8 and cannot be opened. Rename it.",
    );
  });
});
