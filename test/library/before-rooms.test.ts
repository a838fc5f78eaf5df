import { readFileSync } from "node:fs";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyLibrary } from "../keepsake/one-shot.ts";
import { BlobStore } from "../../src/library/blobs.ts";
import { libraryHistory } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { sha256 } from "../../src/io/hash.ts";
import { SafetensorsFile } from "../../src/io/safetensors/safetensors.ts";
import { fixture } from "../diffusion/support.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { TINY_SD1 } from "../keepsake/support.ts";
import { copyOf, draw, FORMS, goOn, learnOn, type Form } from "./before-rooms.ts";

interface Blobs {
  readonly adapter: string;
  readonly memory?: string;
  readonly embedding: string;
}

interface Expected {
  readonly states: readonly string[];
  readonly picture: string;
  readonly learnedOn: Blobs;
  readonly goneOn: Blobs;
}

const recorded = (name: string) => fixture("libraries/before-rooms", name);
const expected = JSON.parse(readFileSync(recorded("expected.json"), "utf8")) as Record<Form, Expected> & {
  readonly bareModel: string;
};
const inFolder = temporaryFolder();
/** Processors of another kind round differently: there the numbers are compared, and not the bytes. */
let roundsAsThere: boolean;

beforeAll(async () => {
  const bare = await draw(undefined, inFolder("bare.png"));
  roundsAsThere = sha256(readFileSync(bare)) === expected.bareModel;
});

/** @throws unless the numbers are the same to 1e-4 */
function expectClose(numbers: ArrayLike<number>, known: ArrayLike<number>, scale = 1): void {
  expect(numbers).toHaveLength(known.length);
  const far = Array.from(numbers, (value, i) => Math.abs(value - known[i])).filter((off) => !(off <= 1e-4 * scale));
  expect(far).toEqual([]);
}

async function expectLearned({ folder, manifest }: Library, blobs: Blobs, adapter: string): Promise<void> {
  const blob = manifest.adapter?.blob ?? "";
  const numbers = await (await new BlobStore(folder).open(blob)).readFloat32("lora");
  expectClose(numbers, await (await SafetensorsFile.open(recorded(adapter))).readFloat32("lora"));
  if (!roundsAsThere) return;
  const { memory } = manifest.strategy ?? {};
  const { embedding } = manifest.concepts.at(-1) ?? {};
  expect({ adapter: blob, ...(memory && { memory }), embedding }).toEqual(blobs);
}

describe.each(FORMS)("a library made before the rooms, with an adapter of the form %s", (form) => {
  it("opens and is whole, its states have the ids that they had, and its adapter has the numbers of its blob", async () => {
    const folder = copyOf(form, inFolder(form, "looked at"));
    expect(await verifyLibrary(folder)).toMatchObject({ faults: [], leftovers: [], model: "checked" });
    const { states, unfinishedRun } = await libraryHistory(folder);
    expect(states.map(({ id }) => id)).toEqual(expected[form].states);
    expect(unfinishedRun).toMatchObject({ concept: "cup" });
    const library = await Library.open(folder);
    const adapter = await library.adapter(await StableDiffusionPipeline.load(TINY_SD1));
    const blob = await new BlobStore(folder).open(library.manifest.adapter?.blob ?? "");
    expect(adapter?.parameters).toEqual(await blob.readFloat32("lora"));
  });

  it("draws the same picture", async () => {
    const picture = await draw(copyOf(form, inFolder(form, "drawn with")), inFolder(form, "picture.png"));
    const pixels = (file: string) => sharp(file).raw().toBuffer();
    // Rounding may take a pixel to the next of its 256 values.
    expectClose(await pixels(picture), await pixels(recorded(`${form}-picture.png`)), 1e4);
    if (roundsAsThere) expect(sha256(readFileSync(picture))).toBe(expected[form].picture);
  });

  it("learns another concept as it would have", async () => {
    const library = await learnOn(copyOf(form, inFolder(form, "learned on")), inFolder("photos"));
    expect(library.concepts.map(({ name }) => name)).toEqual(["dog", "mug", "hat"]);
    await expectLearned(library, expected[form].learnedOn, `${form}-learned-on.safetensors`);
  });

  it("goes on with its unfinished run, to what that would have ended in", async () => {
    const library = await goOn(copyOf(form, inFolder(form, "gone on")), inFolder("photos"));
    expect(library.concepts.map(({ name }) => name)).toEqual(["dog", "mug", "cup"]);
    await expectLearned(library, expected[form].goneOn, `${form}-gone-on.safetensors`);
  });
});
