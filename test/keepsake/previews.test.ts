import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generatePictures, learnAll, previewLastLearn } from "./one-shot.ts";
import { readLearned, type Learned } from "../../src/library/library-model.ts";
import { forgetConcept } from "../../src/library/forget.ts";
import { keepStates } from "../../src/library/history.ts";
import { redo, undo } from "../../src/library/undo.ts";
import { previewSheetOf } from "../../src/library/preview-sheet.ts";
import { drawPreviews, PREVIEW_PICTURES } from "../../src/keepsake/previews/previews.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { decodeImage } from "../../src/io/images/image.ts";
import type { RgbImage } from "../../src/io/images/rgb-image.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const RESOLUTION = 32;
const program = { threads: 1 };
const inFolder = temporaryFolder();
/** Knows <rex>, then <mug>. */
const library = inFolder("library");
const [rexSheet, mugSheet] = [inFolder("rex.png"), inFolder("mug.png")];
let photos: string;
let pipeline: StableDiffusionPipeline;

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "rex");
  const training = { steps: 6, learningRate: 1e-2, tokenLearningRate: 1e-1 };
  await learnQuickly({ library, name: "rex", photos: [photos], training });
  await previewLastLearn({ library, sheet: rexSheet, program });
  await learnQuickly({ library, name: "mug", photos: [photos], classNoun: "cup", training });
  await previewLastLearn({ library, sheet: mugSheet, program });
  pipeline = await StableDiffusionPipeline.load(MODEL, program);
});

afterAll(() => pipeline.dispose());

/** Pixels of a sheet in the side of one of the model's: 32 become 256. */
const ZOOM = 8;
/** What is above a row and between two groups, at this size. */
const [LINE, GAP] = [24, 18];
const GROUP = { width: 2 * (256 + 2) + 2, height: 256 + 4 };

/** A picture of a sheet in the size in which it was drawn: its row, and its column from 0 over both groups. */
async function pictureAt(sheet: string | RgbImage, row: number, column: number): Promise<number[]> {
  const { width, data } = typeof sheet === "string" ? await decodeImage(sheet) : sheet;
  const group = Math.floor(column / PREVIEW_PICTURES);
  const left = GAP + group * (GROUP.width + GAP) + 2 + (column % PREVIEW_PICTURES) * (256 + 2);
  const top = 2 * LINE + row * (LINE + GROUP.height + 2) + 2;
  const pixels = Array.from({ length: RESOLUTION ** 2 }, (_, i) => {
    const [x, y] = [left + ZOOM * (i % RESOLUTION), top + ZOOM * Math.floor(i / RESOLUTION)];
    return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
  });
  return pixels.flat();
}

describe("the sheet of previews", () => {
  it("has a row for each concept: as it was drawn before the last learning, and as it is drawn now", async () => {
    const { width, height } = await decodeImage(mugSheet);
    expect([width, height]).toEqual([2 * GROUP.width + 3 * GAP, LINE + 2 * (LINE + GROUP.height + 2) + GAP]);
    for (const picture of [0, 1]) {
      // <rex> before <mug> is <rex> after <rex>.
      expect(await pictureAt(mugSheet, 0, picture)).toEqual(await pictureAt(rexSheet, 0, 2 + picture));
      expect(await pictureAt(mugSheet, 0, 2 + picture)).not.toEqual(await pictureAt(mugSheet, 0, picture));
    }
    expect(await pictureAt(mugSheet, 1, 2)).not.toEqual(await pictureAt(mugSheet, 1, 0));
  });

  it("shows what keepsake generate draws, and the class noun where the concept had no name yet", async () => {
    const draw = async (prompt: string, from: string | undefined) => {
      const files = [inFolder("0.png"), inFolder("1.png")];
      const size = { width: RESOLUTION, height: RESOLUTION };
      await generatePictures({
        ...(from !== undefined && { library: from }),
        model: MODEL,
        prompt,
        files,
        ...size,
        program,
      });
      return Promise.all(files.map(async (file) => [...(await decodeImage(file)).data]));
    };
    const sheetRow = (sheet: string, row: number, first: number) =>
      Promise.all([first, first + 1].map((column) => pictureAt(sheet, row, column)));
    expect(await draw("a photo of a <mug>", library)).toEqual(await sheetRow(mugSheet, 1, 2));
    expect(await draw("a photo of a <rex>", library)).toEqual(await sheetRow(mugSheet, 0, 2));
    expect(await draw("a photo of a dog", undefined)).toEqual(await sheetRow(rexSheet, 0, 0));
  });

  it("is drawn from the kept states: the same bytes whenever, and after an undo and back", async () => {
    const before = treeOf(library);
    const again = inFolder("new folder", "again.png");
    const report = await previewLastLearn({ library, sheet: again, program });
    expect(readFileSync(again)).toEqual(readFileSync(mugSheet));
    expect(report).toMatchObject({ sheet: again, concepts: ["rex", "mug"], changes: [{ concept: "rex" }] });
    expect(treeOf(library)).toEqual(before);
    await undo({ library });
    await previewLastLearn({ library, sheet: again, program });
    expect(readFileSync(again)).toEqual(readFileSync(rexSheet));
    await redo({ library });
    await previewLastLearn({ library, sheet: again, program });
    expect(readFileSync(again)).toEqual(readFileSync(mugSheet));
  });
});

describe("how much earlier concepts have changed", () => {
  it("is 0 after a training run that changed nothing", async () => {
    const still = inFolder("still");
    const training = { steps: 1, learningRate: 0, tokenLearningRate: 0 };
    await learnQuickly({ library: still, name: "rex", photos: [photos], training: { steps: 4, learningRate: 1e-2 } });
    // A noun of one token: the new token begins as a copy of it, not as the mean of several.
    await learnQuickly({ library: still, name: "cup", photos: [photos], classNoun: "x", training });
    const sheet = inFolder("still.png");
    const { changes } = await previewLastLearn({ library: still, sheet, program });
    expect(changes).toEqual([{ concept: "rex", change: 0 }]);
    for (const [row, column] of [0, 1].flatMap((row) => [0, 1].map((column) => [row, column] as const))) {
      expect(await pictureAt(sheet, row, column)).toEqual(await pictureAt(sheet, row, 2 + column));
    }
  });

  it("grows with what the pictures have changed, and is that of the pictures on the sheet", async () => {
    const after = await readLearned(library, pipeline);
    const [rex, mug] = after.embeddings;
    const before: Learned = { ...after, concepts: after.concepts.slice(0, 1), embeddings: [rex] };
    const moved = (share: number): Learned => {
      const vectors = rex.vectors.map((x, i) => x + share * (mug.vectors[i] - x));
      return { ...after, embeddings: [{ ...rex, vectors }, mug] };
    };
    const options = { resolution: RESOLUTION, program };
    const [little, much] = [
      await drawPreviews(pipeline, before, moved(0.1), options),
      await drawPreviews(pipeline, before, moved(1), options),
    ];
    expect(little.changes[0].change).toBeGreaterThan(0);
    expect(much.changes[0].change).toBeGreaterThan(2 * little.changes[0].change);

    const [row, cup] = await Promise.all(
      [0, 1].map((each) => Promise.all([0, 1, 2, 3].map((column) => pictureAt(much.sheet, each, column)))),
    );
    const distance = (a: number[], b: number[]) =>
      Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length);
    const unit = (distance(row[0], row[1]) + distance(cup[0], cup[1])) / 2;
    const change = (distance(row[0], row[2]) + distance(row[1], row[3])) / 2 / unit;
    expect(much.changes[0].change).toBeCloseTo(change, 10);
  });
});

describe("previews", () => {
  it("need a training run to look back at, a state to compare with, and a PNG", async () => {
    const other = inFolder("other");
    await learnQuickly({ library: other, name: "rex", photos: [photos] });
    await learnQuickly({ library: other, name: "mug", photos: [photos] });
    const jpg = await failure(previewLastLearn({ library: other, sheet: inFolder("x.jpg"), program }));
    expect(jpg).toMatchObject({ kind: "usage", message: expect.stringContaining("ends in .png") as unknown });
    await forgetConcept({ library: other, name: "mug" });
    expect((await failure(previewLastLearn({ library: other, program }))).message).toContain("was no training run");
    await undo({ library: other });
    await keepStates({ library: other, keep: 0 });
    expect((await failure(previewLastLearn({ library: other, program }))).message).toContain("is not kept");
    const things = [{ name: "cup", classNoun: "dog", photos: [photos] }];
    const asked = await failure(learnAll({ library: other, things, previews: true, program }));
    expect(asked.message).toContain("keeps no earlier states, so previews have nothing to compare");
    expect(existsSync(previewSheetOf(other))).toBe(false);
  });

  it("lie beside the library, whatever way it is named", () => {
    expect(previewSheetOf("keepsake-library")).toBe("keepsake-library.previews.png");
    expect(previewSheetOf("a/b/")).toBe("a/b.previews.png");
    expect(previewSheetOf(".")).toMatch(/^\.\.\/.+\.previews\.png$/);
  });
});
