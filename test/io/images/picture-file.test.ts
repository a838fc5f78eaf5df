import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { KeepsakeError } from "../../../src/errors.ts";
import {
  checkPngFile,
  isPngFile,
  replaceFile,
  writeBeside,
  checkReplaceable,
} from "../../../src/io/images/picture-file.ts";
import { writePng } from "../../../src/io/images/image.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const inFolder = temporaryFolder();
const [first, second, third] = ["one", "two", "ten"].map((text) => Buffer.from(text));

describe("the name of a picture", () => {
  it("ends in .png; anything that names no file is a folder", () => {
    expect(["x.png", "a b/X.PNG", ".x.png"].map(isPngFile)).toEqual([true, true, true]);
    expect(["pictures", "x.png/", "v1.5", "out.d", ".", "cat.jpg/", "my.pictures"].some(isPngFile)).toBe(false);
  });

  it.each(["cat.jpg", "cat.JPEG", "cat.webp", "a/b.gif", "x.png.tiff", "cat.heic", "cat.bmp", "cat.pdf", "cat.mp4"])(
    "%s is refused",
    (name) => {
      expect(() => isPngFile(name)).toThrow(KeepsakeError);
      expect(() => isPngFile(name)).toThrow(`${name}: pictures are written as PNG; give a name that ends in .png`);
    },
  );

  it.each(["sheet", "sheet.jpg", "sheets/", "sheet.png/"])("%s is none where a file is needed", (name) => {
    expect(() => {
      checkPngFile(name, "the sheet");
    }).toThrow("the sheet is written as PNG; give a name that ends in .png, e.g. sheet");
  });
});

describe("a picture beside others", () => {
  it("never takes the place of something else, and has the same name again", async () => {
    const file = inFolder("beside", "x.png");
    mkdirSync(inFolder("beside"));
    expect(await writeBeside(file, first)).toBe(file);
    expect(await writeBeside(file, second)).toBe(inFolder("beside", "x-2.png"));
    expect(await writeBeside(file, third)).toBe(inFolder("beside", "x-3.png"));
    expect(await writeBeside(file, first)).toBe(file);
    expect(await writeBeside(file, second)).toBe(inFolder("beside", "x-2.png"));
    expect(readdirSync(inFolder("beside")).sort()).toEqual(["x-2.png", "x-3.png", "x.png"]);
  });

  it("makes way for links that lead nowhere, and for folders", async () => {
    const file = inFolder("taken.png");
    symlinkSync(inFolder("nowhere"), file);
    mkdirSync(inFolder("taken-2.png"));
    expect(await writeBeside(file, first)).toBe(inFolder("taken-3.png"));
  });

  it("is one of as many as are written at once", async () => {
    mkdirSync(inFolder("at once"));
    const contents = Array.from({ length: 20 }, (_, i) => Buffer.from(`picture ${i}`));
    const names = await Promise.all(contents.map((content) => writeBeside(inFolder("at once", "x.png"), content)));
    expect(new Set(names).size).toBe(20);
    expect(names.map((name) => readFileSync(name, "utf8"))).toEqual(contents.map(String));
  });
});

describe("a picture in a file that was named", () => {
  it("replaces what is there, and tells whether that was something else", async () => {
    const file = inFolder("named.png");
    expect(await replaceFile(file, first)).toBe("nothing");
    expect(await replaceFile(file, first)).toBe("same");
    writeFileSync(file, "a holiday");
    expect(await replaceFile(file, first)).toBe("other");
    expect(readFileSync(file)).toEqual(first);
  });
});

describe("a file that a picture is to replace", () => {
  it("may be one that Keepsake drew, also behind a link, or an empty one, and nothing else", async () => {
    await writePng(inFolder("drawn.png"), { width: 1, height: 1, data: Uint8Array.of(1, 2, 3) });
    symlinkSync(inFolder("drawn.png"), inFolder("link.png"));
    writeFileSync(inFolder("empty.png"), "");
    for (const name of ["drawn.png", "link.png", "empty.png", "missing.png"]) await checkReplaceable(inFolder(name));
  });

  it.each(["photo.png", "mine.previews.png"])("is refused if it holds something else, as %s", async (name) => {
    writeFileSync(inFolder(name), first);
    await expect(checkReplaceable(inFolder(name))).rejects.toThrow("holds something that Keepsake did not draw");
  });
});
