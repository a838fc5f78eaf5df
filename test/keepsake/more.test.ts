/**
 * Teaching a concept that the library knows: further, with new photos, or anew.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { learnConcept, learnAll, previewLastLearn, type LearnProgress, type LearnRequest } from "./one-shot.ts";
import { forgetConcept } from "../../src/library/forget.ts";
import { libraryHistory, listConcepts } from "../../src/library/history.ts";
import { Library } from "../../src/library/library.ts";
import { describeChange } from "../../src/library/manifest/state.ts";
import { undo } from "../../src/library/undo.ts";
import { findUnfinishedRun } from "../../src/library/run/unfinished-run.ts";
import { STRATEGIES } from "../../src/strategies/registry.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
let dog: string;
let spring: string;
let mug: string;
/** Knows <dog>, then <mug>. */
let known: string;
let copies = 0;

beforeAll(async () => {
  dog = await writePhotos(inFolder("photos", "dog"), "dog");
  spring = await writePhotos(inFolder("photos", "spring"), "spring", 3);
  mug = await writePhotos(inFolder("photos", "mug"), "mug");
  known = inFolder("known");
  await learnQuickly({ library: known, name: "dog", photos: [dog] });
  await learnQuickly({ library: known, name: "mug", photos: [mug], classNoun: "cup" });
});

function copyOf(library: string): string {
  const copy = inFolder(`library ${copies++}`);
  cpSync(library, copy, { recursive: true });
  return copy;
}

type Asked = Pick<LearnRequest, "library"> & Partial<LearnRequest>;

/** Nothing is said of the class: the library knows it. */
const more = (request: Asked) =>
  learnQuickly({ name: "dog", photos: [spring], classNoun: undefined, more: true, ...request });
const replace = (request: Asked) =>
  learnQuickly({ name: "dog", photos: [spring], classNoun: undefined, replace: true, ...request });

async function embeddingOf(library: string, name: string): Promise<number[]> {
  const opened = await Library.open(library);
  const row = opened.concepts.findIndex((concept) => concept.name === name);
  return [...(await opened.embeddings())[row].vectors];
}

/** Stops after `step` steps, as Ctrl-C does. */
async function stopAfter(step: number, teach: (request: Asked) => Promise<unknown>, request: Asked): Promise<void> {
  const controller = new AbortController();
  const onProgress = (progress: LearnProgress) => {
    if (progress.kind === "step" && progress.step === step) controller.abort();
  };
  await teach({ ...request, signal: controller.signal, onProgress });
}

describe("a name that the library knows", () => {
  it("is refused unless the request says whether to teach it further or anew, and the line names both", async () => {
    const { kind, message } = await failure(learnQuickly({ library: known, name: "dog", photos: [spring] }));
    expect(kind).toBe("state");
    expect(message).toMatch(
      /already knows "dog"; add --more to go on teaching it, --replace to begin it anew, or choose/,
    );
  });

  it.each<{ fault: string; request: Partial<LearnRequest>; words: string }>([
    { fault: "both at once", request: { more: true, replace: true }, words: "leave one of the two out" },
    {
      fault: "more of what is not known",
      request: { name: "dogg", more: true },
      words: "leave --more out to teach it",
    },
    { fault: "to replace what is not known", request: { name: "dogg", replace: true }, words: "did you mean dog?" },
    { fault: "more as another class", request: { more: true, classNoun: "cat" }, words: 'with the class "dog"' },
    { fault: "more with other vectors", request: { more: true, vectors: 2 }, words: "taught with 1 vector," },
    { fault: "a new concept without a class", request: { name: "cat", classNoun: undefined }, words: "--class cat" },
  ])("is not taught with $fault, in one line", async ({ request, words }) => {
    const before = treeOf(known);
    const { message } = await failure(learnQuickly({ library: known, name: "dog", photos: [spring], ...request }));
    expect(message).toContain(words);
    expect(message).not.toContain("\n");
    expect(treeOf(known)).toEqual(before);
  });

  it("is still skipped by a series of concepts, which teaches none of them further", async () => {
    const library = copyOf(known);
    const things = [{ name: "dog", classNoun: "dog", photos: [spring] }];
    const [result] = await learnAll({ library, model: MODEL, things });
    expect(result).toMatchObject({ status: "skipped", name: "dog" });
    expect(treeOf(library)).toEqual(treeOf(known));
  });
});

describe("more of a concept", () => {
  it("begins with its token and the adapter as they were learned, and leaves the other tokens alone", async () => {
    const library = copyOf(known);
    await more({ library, training: { steps: 1, learningRate: 0, tokenLearningRate: 0 } });
    expect(await embeddingOf(library, "dog")).toEqual(await embeddingOf(known, "dog"));
    const [before, after] = [await Library.open(known), await Library.open(library)];
    expect(after.manifest.adapter).toEqual(before.manifest.adapter);
    await more({ library });
    expect(await embeddingOf(library, "dog")).not.toEqual(await embeddingOf(known, "dog"));
    expect(await embeddingOf(library, "mug")).toEqual(await embeddingOf(known, "mug"));
  });

  it("keeps its place, counts how often it was taught, and can be undone", async () => {
    const library = copyOf(known);
    const before = (await Library.open(library)).stateId;
    await more({ library });
    const { concepts } = await listConcepts(library);
    expect(concepts).toMatchObject([{ name: "dog", classNoun: "dog", taught: 2 }, { name: "mug" }]);
    expect(concepts[1]).not.toHaveProperty("taught");
    await more({ library, photos: [dog], training: { steps: 2 } });
    expect((await listConcepts(library)).concepts[0]).toMatchObject({ taught: 3, steps: 2 });
    const [{ begun }] = (await Library.open(known)).concepts;
    expect(begun).toBeDefined();
    expect((await Library.open(library)).concepts[0]).toMatchObject({ begun });
    const { states } = await libraryHistory(library);
    const changes = states.map(({ change }) => describeChange(change));
    expect(changes.slice(0, 3)).toEqual(["learned more of dog", "learned more of dog", "learned mug"]);
    await undo({ library });
    await undo({ library });
    expect((await Library.open(library)).stateId).toBe(before);
  });

  it("sees other noise than the first time, with the same seed and photos", async () => {
    const still = { steps: 2, learningRate: 0, tokenLearningRate: 0 };
    const first = await learnQuickly({ library: inFolder("first"), name: "dog", photos: [dog], training: still });
    const again = await more({ library: inFolder("first"), photos: [dog], training: still });
    expect(again.losses).not.toEqual(first.losses);
  });

  it("goes on after a stop to the bytes of a run that was not stopped; the library says with which command", async () => {
    const [whole, stopped] = [copyOf(known), copyOf(known)];
    await more({ library: whole });
    await stopAfter(3, more, { library: stopped });
    const run = await findUnfinishedRun(await Library.open(stopped));
    expect(run?.command).toMatch(/^keepsake learn dog <the same photos> --more --class dog --library /);
    const { message } = await failure(replace({ library: stopped }));
    expect(message).toContain("begun with other --more or --replace");
    await more({ library: stopped });
    expect(treeOf(stopped)).toEqual(treeOf(whole));
  });

  it("is not taught twice if the process was killed when it was done, but could not clear up", async () => {
    const library = copyOf(known);
    await stopAfter(3, more, { library });
    const snapshot = readFileSync(join(library, "run.safetensors"));
    await more({ library });
    const done = treeOf(library);
    writeFileSync(join(library, "run.safetensors"), snapshot);
    expect(await more({ library })).toMatchObject({ status: "learned", step: 4, losses: [] });
    expect(treeOf(library)).toEqual(done);
    // A budget chose its steps when it was begun.
    writeFileSync(join(library, "run.safetensors"), snapshot);
    const inBudget = { library, budget: 600, training: { steps: undefined } };
    expect(await more(inBudget)).toMatchObject({ status: "learned", step: 4, losses: [] });
    expect(treeOf(library)).toEqual(done);
    await more({ library });
    expect((await listConcepts(library)).concepts[0]).toMatchObject({ taught: 3 });
  });

  it("is given up by forgetting its unfinished run, which leaves the concept as it was", async () => {
    const library = copyOf(known);
    await stopAfter(2, more, { library });
    expect(await forgetConcept({ library, name: "dog" })).toMatchObject({ forgot: "run", remains: "concept" });
    expect((await Library.open(library)).stateId).toBe((await Library.open(known)).stateId);
    await stopAfter(2, more, { library });
    expect(await forgetConcept({ library, name: "dog", purge: true })).toMatchObject({ forgot: "concept", heldBy: 0 });
    expect((await Library.open(library)).concepts.map(({ name }) => name)).toEqual(["mug"]);
  });

  it("is drawn on the preview sheet as it was before, in its own row", async () => {
    const library = copyOf(known);
    await more({ library, training: { steps: 1, learningRate: 0, tokenLearningRate: 0 } });
    const sheet = inFolder("more.png");
    const report = await previewLastLearn({ library, sheet, program: { threads: 1 } });
    expect(report).toMatchObject({ concepts: ["dog", "mug"], changes: [{ concept: "mug", change: 0 }] });
  });
});

describe("a concept that is replaced", () => {
  it("begins as its class noun, keeps its place, and comes back with one undo", async () => {
    const library = copyOf(known);
    const noun = inFolder("noun");
    const still = { steps: 1, learningRate: 0, tokenLearningRate: 0 };
    await learnQuickly({ library: noun, name: "dog", classNoun: "puppy", photos: [dog], training: still });
    await replace({ library, classNoun: "puppy", training: still });
    expect(await embeddingOf(library, "dog")).toEqual(await embeddingOf(noun, "dog"));
    const { concepts, manifest } = await Library.open(library);
    expect(concepts).toMatchObject([
      { name: "dog", classNoun: "puppy" },
      { name: "mug", classNoun: "cup" },
    ]);
    expect(concepts[0]).not.toHaveProperty("taught");
    expect(describeChange(manifest.change)).toBe("learned dog anew");
    await undo({ library });
    expect((await Library.open(library)).concepts).toEqual((await Library.open(known)).concepts);
  });

  it("leaves nothing of itself if it is the only one: the library is as if it had been begun so", async () => {
    const [library, begun] = [inFolder("replaced"), inFolder("begun")];
    await learnQuickly({ library, name: "dog", photos: [dog], strategy: "ewc" });
    const asked = { adapter: { rank: 3 }, strategy: "ewc" };
    await replace({ library, ...asked });
    await learnQuickly({ library: begun, name: "dog", photos: [spring], ...asked });
    const [after, like] = [await Library.open(library), await Library.open(begun)];
    expect(after.stateId).toBe(like.stateId);
  });
});

describe("every strategy", () => {
  const names = STRATEGIES.filter((each) => each.create().order === "one-by-one").map(({ name }) => name);

  it.each(names)("%s teaches a concept further, and keeps no more for that", async (strategy) => {
    const library = inFolder(`more ${strategy}`);
    const asked = {
      ...{ library, model: MODEL, name: "dog", classNoun: "dog", strategy, program: { threads: 1 } },
      ...(strategy === "custom-diffusion" ? {} : { adapter: { rank: 2 } }),
      training: { steps: 2, resolution: 32, learningRate: 1e-2, tokenLearningRate: 1e-2 },
    };
    await learnConcept({ ...asked, photos: [dog] });
    const before = await listConcepts(library);
    await learnConcept({ ...asked, photos: [spring], more: true });
    const after = await listConcepts(library);
    expect(after.sharedBytes).toBe(before.sharedBytes);
    expect(after.concepts).toMatchObject([{ name: "dog", taught: 2, bytes: before.concepts[0].bytes }]);
  });
});
