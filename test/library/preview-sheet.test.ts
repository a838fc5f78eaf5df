import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { forgetConcept } from "../../src/library/forget.ts";
import { encodePng, writePng } from "../../src/io/images/image.ts";
import { Library } from "../../src/library/library.ts";
import { previewSheetOf } from "../../src/library/preview-sheet.ts";
import { renameConcept } from "../../src/library/renaming/rename.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { addConcept, emptyLibrary } from "./support.ts";

const inFolder = temporaryFolder();
const picture = { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3).fill(9) };

async function forgetDog(folder: string) {
  const result = await forgetConcept({ library: folder, name: "dog" });
  expect((await Library.open(folder)).concepts).toEqual([]);
  return result;
}

describe("forgetting a concept", () => {
  it("deletes the preview sheet beside the library", async () => {
    const folder = inFolder("drawn");
    await emptyLibrary(folder);
    await addConcept(folder, "dog");
    await writePng(previewSheetOf(folder), picture);
    expect(await forgetDog(folder)).not.toHaveProperty("leftBeside");
    expect(existsSync(previewSheetOf(folder))).toBe(false);
  });

  it("leaves the preview sheet where only an old name goes: it has no names, and shows what is known", async () => {
    const library = inFolder("renamed");
    await emptyLibrary(library);
    await addConcept(library, "dog");
    await renameConcept({ library, name: "dog", to: "rex" });
    await writePng(previewSheetOf(library), picture);
    const forget = (name: string) => forgetConcept({ library, name, purge: true });
    expect(await forget("dog")).toMatchObject({ remains: "concept", knownAs: "rex" });
    expect(existsSync(previewSheetOf(library))).toBe(true);
    expect(await forget("rex")).toMatchObject({ remains: "nothing" });
    expect(existsSync(previewSheetOf(library))).toBe(false);
  });

  it.each<{ what: string; put: (path: string) => void | Promise<void> }>([
    {
      what: "a photo",
      put: async (path) => {
        writeFileSync(path, await encodePng(picture));
      },
    },
    {
      what: "a folder",
      put: (path) => {
        mkdirSync(path);
      },
    },
    {
      what: "a pipe",
      put: (path) => {
        execFileSync("mkfifo", [path]);
      },
    },
    {
      what: "a link to a picture that Keepsake drew",
      put: async (path) => {
        await writePng(`${path}.elsewhere.png`, picture);
        symlinkSync(`${path}.elsewhere.png`, path);
      },
    },
    {
      what: "a link that leads nowhere",
      put: (path) => {
        symlinkSync("nowhere", path);
      },
    },
  ])("leaves $what of that name, and says so", async ({ what, put }) => {
    const folder = inFolder(what);
    await emptyLibrary(folder);
    await addConcept(folder, "dog");
    const path = previewSheetOf(folder);
    await put(path);
    const content = lstatSync(path).isFile() ? readFileSync(path) : undefined;
    expect(await forgetDog(folder)).toMatchObject({ forgot: "concept", leftBeside: path });
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeDefined();
    if (content !== undefined) expect(readFileSync(path)).toEqual(content);
  });
});
