import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { learnAll } from "../../src/continual/learn-all.ts";
import { readLearned, type Learned } from "../../src/continual/library-model.ts";
import { forgetConcept } from "../../src/continual/library/forget.ts";
import { keepStates } from "../../src/continual/library/history.ts";
import { redo, undo } from "../../src/continual/library/undo.ts";
import { previewLastLearn } from "../../src/continual/preview-last-learn.ts";
import { previewSheetOf } from "../../src/continual/preview-sheet.ts";
import { drawPreviews, PREVIEW_PICTURES } from "../../src/continual/previews.ts";
import { generatePictures } from "../../src/continual/generate.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { decodeImage, type RgbImage } from "../../src/io/image.ts";
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
}, 120_000);

afterAll(() => pipeline.dispose());

/** A picture of a sheet: its row, and its column from 0 over both halves. */
async function pictureAt(sheet: string | RgbImage, row: number, column: number): Promise<number[]> {
  const { width, data } = typeof sheet === "string" ? await decodeImage(sheet) : sheet;
  // Each half has gaps of 2 pixels of its own, and lies in gaps of the whole.
  const left = 4 + column * (RESOLUTION + 2) + (column < PREVIEW_PICTURES ? 0 : 4);
  const top = 4 + row * (RESOLUTION + 2);
  const rows = Array.from({ length: RESOLUTION }, (_, y) => {
    const start = ((top + y) * width + left) * 3;
    return [...data.subarray(start, start + RESOLUTION * 3)];
  });
  return rows.flat();
}

describe("the sheet of previews", () => {
  it("has a row for each concept: as it was drawn before the last learning, and as it is drawn now", async () => {
    const { width, height } = await decodeImage(mugSheet);
    const side = 2 * (RESOLUTION + 2) + 2;
    expect([width, height]).toEqual([2 * side + 6, side + 4]);
    for (const picture of [0, 1]) {
      // <rex> before <mug> is <rex> after <rex>.
      expect(await pictureAt(mugSheet, 0, picture)).toEqual(await pictureAt(rexSheet, 0, 2 + picture));
      expect(await pictureAt(mugSheet, 0, 2 + picture)).not.toEqual(await pictureAt(mugSheet, 0, picture));
    }
    expect(await pictureAt(mugSheet, 1, 2)).not.toEqual(await pictureAt(mugSheet, 1, 0));
  });

  it("shows what keepsake generate draws, and the class noun where the concept had no name yet", async () => {
    const draw = async (prompt: string, from: string) => {
      const files = [inFolder("0.png"), inFolder("1.png")];
      const size = { width: RESOLUTION, height: RESOLUTION };
      await generatePictures({ library: from, model: MODEL, prompt, files, ...size, program });
      return Promise.all(files.map(async (file) => [...(await decodeImage(file)).data]));
    };
    const sheetRow = (sheet: string, row: number, first: number) =>
      Promise.all([first, first + 1].map((column) => pictureAt(sheet, row, column)));
    expect(await draw("a photo of a <mug>", library)).toEqual(await sheetRow(mugSheet, 1, 2));
    expect(await draw("a photo of a <rex>", library)).toEqual(await sheetRow(mugSheet, 0, 2));
    expect(await draw("a photo of a dog", inFolder("none"))).toEqual(await sheetRow(rexSheet, 0, 0));
  });

  it("is drawn from the kept states: the same bytes whenever, and after an undo and back", async () => {
    const before = treeOf(library);
    const again = inFolder("new folder", "again.png");
    const report = await previewLastLearn({ library, sheet: again, program });
    expect(readFileSync(again)).toEqual(readFileSync(mugSheet));
    expect(report).toMatchObject({ sheet: again, concepts: ["rex", "mug"], confidence: [{ concept: "rex" }] });
    expect(treeOf(library)).toEqual(before);
    await undo({ library });
    await previewLastLearn({ library, sheet: again, program });
    expect(readFileSync(again)).toEqual(readFileSync(rexSheet));
    await redo({ library });
    await previewLastLearn({ library, sheet: again, program });
    expect(readFileSync(again)).toEqual(readFileSync(mugSheet));
  });
});

describe("the confidence of earlier concepts", () => {
  it("is the same before and after a learning that changed nothing", async () => {
    const still = inFolder("still");
    const training = { steps: 1, learningRate: 0, tokenLearningRate: 0 };
    await learnQuickly({ library: still, name: "rex", photos: [photos], training: { steps: 4, learningRate: 1e-2 } });
    // A noun of one token: the new token begins as a copy of it, not as the mean of several.
    await learnQuickly({ library: still, name: "cup", photos: [photos], classNoun: "x", training });
    const sheet = inFolder("still.png");
    const { confidence } = await previewLastLearn({ library: still, sheet, program });
    const [{ before, after }] = confidence;
    expect(after).toBe(before);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(1);
    for (const [row, column] of [0, 1].flatMap((row) => [0, 1].map((column) => [row, column] as const))) {
      expect(await pictureAt(sheet, row, column)).toEqual(await pictureAt(sheet, row, 2 + column));
    }
  });

  it("falls when the new concept takes over what an earlier one stood for", async () => {
    const after = await readLearned(library, pipeline);
    const [rex, mug] = after.embeddings;
    const before: Learned = { ...after, concepts: after.concepts.slice(0, 1), embeddings: [rex] };
    const usurped = {
      ...after,
      embeddings: [
        { ...rex, vectors: mug.vectors },
        { ...mug, vectors: rex.vectors },
      ],
    };
    const options = { resolution: RESOLUTION, guidanceScale: 2, program };
    const kept = await drawPreviews(pipeline, before, after, options);
    const lost = await drawPreviews(pipeline, before, usurped, options);
    expect(lost.confidence[0].after).toBeLessThan(kept.confidence[0].after);
    expect(lost.confidence[0].after + kept.confidence[0].after).toBeCloseTo(1, 6);
    expect(lost.confidence[0].before).toBe(kept.confidence[0].before);
  });
});

describe("previews", () => {
  it("need a learning to look back at, a state to compare with, and a PNG", async () => {
    const other = inFolder("other");
    await learnQuickly({ library: other, name: "rex", photos: [photos] });
    await learnQuickly({ library: other, name: "mug", photos: [photos] });
    const jpg = await failure(previewLastLearn({ library: other, sheet: inFolder("x.jpg"), program }));
    expect(jpg).toMatchObject({ kind: "usage", message: expect.stringContaining("ends in .png") as unknown });
    await forgetConcept({ library: other, name: "mug" });
    expect((await failure(previewLastLearn({ library: other, program }))).message).toContain("was no learning");
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
