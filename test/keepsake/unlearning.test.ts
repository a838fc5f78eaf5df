import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { forgetConcept } from "../../src/library/forget.ts";
import { libraryHistory } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { describeChange } from "../../src/library/manifest/state.ts";
import { undo } from "../../src/library/undo.ts";
import { unlearnConcept, type UnlearnRequest, verifyLibrary } from "./one-shot.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
/** Knows <rex>, then <mug>, learned with EWC; tests work on copies. */
const original = inFolder("original");
let photos: string;

beforeAll(async () => {
  for (const name of ["rex", "mug"]) {
    photos = await writePhotos(inFolder(name), name);
    const training = { steps: 8, learningRate: 1e-2, tokenLearningRate: 1e-1 };
    await learnQuickly({ library: original, name, photos: [photos], training, strategy: "ewc" });
  }
});

function copy(name: string): string {
  cpSync(original, inFolder(name), { recursive: true });
  return inFolder(name);
}

const unlearnMug = (library: string, more: Partial<UnlearnRequest> = {}) =>
  unlearnConcept({ library, name: "mug", steps: 40, program: { threads: 1 }, ...more });

describe("unlearning a concept", () => {
  it("brings its token near to the bare model's class noun, holds the others, and can be undone", async () => {
    const library = copy("unlearned");
    const steps: number[] = [];
    const result = await unlearnMug(library, { onStep: (step) => steps.push(step) });
    expect(result).toMatchObject({ name: "mug", forgot: "concept", heldBy: 1, purged: 0, remains: "adapter" });
    const { distance, drift } = result.unlearned ?? { distance: { before: 0, after: 1 }, drift: 1 };
    expect(distance.after).toBeLessThan(distance.before / 2);
    expect(drift).toBeLessThan(distance.before / 4);
    expect(steps).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));

    const { states } = await libraryHistory(library);
    expect(states.map(({ change }) => describeChange(change)).slice(0, 2)).toEqual(["unlearned mug", "learned mug"]);
    expect(states[0].concepts).toEqual(["rex"]);
    expect(await verifyLibrary(library)).toMatchObject({ faults: [], leftovers: [] });
    const before = (await Library.open(original)).manifest;
    await undo({ library });
    const { adapter, strategy, concepts } = (await Library.open(library)).manifest;
    expect({ adapter, strategy, concepts }).toEqual({
      ...{ adapter: before.adapter, strategy: before.strategy, concepts: before.concepts },
    });
  });

  it("uses defaults for settings that the manifest does not have, and blames it for those that the model cannot have", async () => {
    const library = copy("settings");
    const path = join(library, "library.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replaceAll(/,\n\s*"(resolution|learningRate|batchSize)": [^,\n]*/g, ""));
    const { unlearned } = await unlearnMug(library, { steps: 1 });
    expect(unlearned?.distance.after).toBeLessThan(Infinity);
    writeFileSync(path, text.replaceAll(/"resolution": \d+/g, '"resolution": 33'));
    const { kind, message } = await failure(unlearnMug(library, { steps: 1 }));
    expect(kind).toBe("state");
    expect(message).toContain(`${path}: the manifest is damaged (`);
  });

  it.each([{ steps: 0 }, { steps: NaN }, { steps: 1.5 }, { seed: -1 }])("is not done with %o", async (wrong) => {
    const before = treeOf(original);
    expect((await failure(unlearnMug(original, wrong))).kind).toBe("usage");
    expect(treeOf(original)).toEqual(before);
  });

  it("begins nothing for which the memory does not suffice", async () => {
    const library = copy("too large");
    const path = join(library, "library.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(
      path,
      text.replaceAll('"batchSize": 1', '"batchSize": 256').replaceAll(/"resolution": \d+/g, '"resolution": 4096'),
    );
    const before = treeOf(library);
    // Before the drawings, which would take their time.
    const { message } = await failure(unlearnMug(library, { signal: AbortSignal.timeout(20_000) }));
    expect(message).toMatch(/^A training step on 256 pictures .* memory/);
    expect(treeOf(library)).toEqual(before);
  });

  it("gives the same bytes for the same seed, and leaves nothing but the state", async () => {
    const [first, second, other] = ["first", "second", "other"].map(copy);
    for (const library of [first, second]) await unlearnMug(library, { steps: 2 });
    await unlearnMug(other, { steps: 2, seed: 1 });
    expect(treeOf(second)).toEqual(treeOf(first));
    expect(treeOf(other)).not.toEqual(treeOf(first));
    // What plain forgetting leaves, but for another adapter and what EWC remembers.
    const plain = copy("plain");
    await forgetConcept({ library: plain, name: "mug" });
    expect(Object.keys(treeOf(first) ?? {})).toHaveLength(Object.keys(treeOf(plain) ?? {}).length + 2);
  });

  it("moves the anchor of EWC along, or the next concept would be pulled back", async () => {
    const library = copy("anchor");
    await unlearnMug(library, { steps: 2, purge: true });
    const opened = await Library.open(library);
    const [pipeline, memory] = [await StableDiffusionPipeline.load(MODEL), await opened.memory()];
    expect(memory.get("anchor")?.data).toEqual((await opened.adapter(pipeline))?.parameters);
    expect(memory.get("fisher")?.data).toEqual((await (await Library.open(original)).memory()).get("fisher")?.data);
    expect((await libraryHistory(library)).states.map(({ concepts }) => concepts)).toEqual([["rex"], ["rex"], []]);
  });

  it("that is stopped leaves the library as it was", async () => {
    const library = copy("stopped");
    const controller = new AbortController();
    const reason = new Error("enough");
    const onStep = (step: number) => {
      if (step === 2) controller.abort(reason);
    };
    await expect(unlearnMug(library, { signal: controller.signal, onStep })).rejects.toBe(reason);
    expect(treeOf(library)).toEqual(treeOf(original));
  });

  it("trains nothing for the last concept, and refuses one that is not known", async () => {
    const library = copy("last");
    await forgetConcept({ library, name: "rex" });
    const result = await unlearnMug(library);
    expect(result.remains).toBe("nothing");
    expect(result.unlearned).toBeUndefined();
    expect((await failure(unlearnMug(library))).message).toContain('does not know "mug"');
  });
});
