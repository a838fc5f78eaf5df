/**
 * The training options that other trainers have, asked for through the facade: recorded, resumed, refused.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { LearnProgress, LearnRequest } from "./one-shot.ts";
import { prepareLearning } from "../../src/keepsake/planning/prepare-learning.ts";
import { Session } from "../../src/keepsake/session.ts";
import { drawClassPictures } from "../../src/keepsake/training/own-pictures.ts";
import { Library } from "../../src/library/library.ts";
import { findUnfinishedRun } from "../../src/library/run/unfinished-run.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhoto, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
const ALL = {
  ...{ steps: 4, warmupSteps: 1, gradientAccumulation: 2, emaDecay: 0.9 },
  ...{ minSnrGamma: 5, noiseOffset: 0.05, priorWeight: 1, priorPictures: 2 },
};
let photos: string;
let heldBack: string;
/** Learned with all options at once. */
const whole = inFolder("whole");
const told: LearnProgress[] = [];

const learn = (library: string, more: Partial<LearnRequest> = {}) =>
  learnQuickly({
    ...{ library, name: "rex", photos: [photos], validation: { photos: [heldBack], every: 2 }, samples: { every: 2 } },
    ...more,
    training: { ...ALL, ...more.training },
  });

beforeAll(async () => {
  photos = await writePhotos(inFolder("photos"), "rex");
  heldBack = inFolder("held back.png");
  await writePhoto(heldBack, "held back");
  await learn(whole, { onProgress: (progress) => told.push(progress) });
});

describe("further training options", () => {
  it("are recorded with the concept, and only those that are on", async () => {
    const [{ training }] = (await Library.open(whole)).concepts;
    expect(training).toMatchObject(ALL);
    const plain = inFolder("plain");
    const off = { warmupSteps: 0, gradientAccumulation: 1, emaDecay: 0, noiseOffset: 0, priorWeight: 0 };
    await learnQuickly({ library: plain, name: "rex", photos: [photos], training: off });
    const [concept] = (await Library.open(plain)).concepts;
    for (const name of Object.keys(off)) expect(concept.training).not.toHaveProperty(name);
  });

  it("go on after a stop to the same bytes, and the library says with which command", async () => {
    const library = inFolder("stopped");
    const controller = new AbortController();
    const onProgress = (progress: LearnProgress) => {
      if (progress.kind === "step" && progress.step === 3) controller.abort();
    };
    await learn(library, { signal: controller.signal, onProgress });
    const command = (await findUnfinishedRun(await Library.open(library)))?.command;
    const training = "--warmup-steps 1 --gradient-accumulation 2 --ema 0.9 --min-snr-gamma 5 --noise-offset 0.05";
    expect(command).toContain(`${training} --prior-weight 1 --prior-pictures 2 --sample-every 2`);
    expect(command).toMatch(/ --validation-every 2 --validation <the photo held back>$/);
    const other = await failure(learn(library, { training: { emaDecay: 0.5 } }));
    expect(other.message).toContain("begun with other training options");
    await learn(library);
    expect(treeOf(library)).toEqual(treeOf(whole));
  });

  it("are not changed by samples and validation", async () => {
    const library = inFolder("unwatched");
    await learnQuickly({ library, name: "rex", photos: [photos], training: ALL });
    expect(treeOf(library)).toEqual(treeOf(whole));
  });

  it.each<{ fault: string; request: Partial<LearnRequest>; words: string }>([
    { fault: "a warm-up as long as the run", request: { training: { warmupSteps: 4 } }, words: "choose a shorter one" },
    { fault: "a decay of 1", request: { training: { emaDecay: 1 } }, words: "The decay of the average is 1" },
    { fault: "half a batch", request: { training: { gradientAccumulation: 1.5 } }, words: "batches in a step is 1.5" },
    { fault: "a gamma of 0", request: { training: { minSnrGamma: 0 } }, words: "gamma of min-SNR weighting is 0" },
    { fault: "noise below 0", request: { training: { noiseOffset: -1 } }, words: "The noise offset is -1" },
    {
      fault: "class pictures without a weight",
      request: { training: { priorWeight: 0, priorPictures: 4 } },
      words: "add --prior-weight",
    },
    {
      fault: "class pictures where only a token is trained",
      request: { strategy: "textual-inversion" },
      words: "textual-inversion trains the token alone",
    },
    { fault: "no photo to validate on", request: { validation: { photos: [] } }, words: "name at least one" },
  ])("refuse $fault in one line, before anything is written", async ({ fault, request, words }) => {
    const { message } = await failure(learn(inFolder(fault), request));
    expect(message).toContain(words);
    expect(message).not.toContain("\n");
    expect(treeOf(inFolder(fault))).toBeUndefined();
  });
});

describe("a validation", () => {
  it("is told before the first step, every so many steps and at the end", () => {
    const measured = told.filter((progress) => progress.kind === "validation");
    expect(measured.map(({ step }) => step)).toEqual([0, 2, 4]);
    for (const { error } of measured) expect(error).toBeGreaterThan(0);
  });

  it("is refused on a photo that is learned from, whatever its file is called", async () => {
    const copy = inFolder("a copy.png");
    writeFileSync(copy, readFileSync(join(photos, "1.png")));
    const { kind, message } = await failure(learn(inFolder("same photo"), { validation: { photos: [copy] } }));
    expect(kind).toBe("input");
    expect(message).toContain("is one of those that are learned from; hold another one back");
  });
});

describe("class pictures", () => {
  it("are drawn before the first step, the same ones each time, and told", async () => {
    const drawn = told.filter((progress) => progress.kind === "class pictures");
    expect(drawn.map(({ done, count }) => [done, count])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(await classPictures()).toEqual(await classPictures());
  });

  it("are never written: no byte of them is in the library, nor in the snapshot of a run", async () => {
    const library = inFolder("searched");
    const seen: Buffer[] = [];
    const onProgress = () => seen.push(...filesOf(library));
    await learn(library, { snapshotEvery: 1, onProgress });
    seen.push(...filesOf(library));
    expect(seen.length).toBeGreaterThan(4);
    const pieces = (await classPictures()).map(({ latents }) => Buffer.from(latents.buffer).subarray(0, 16));
    expect(pieces).toHaveLength(2);
    for (const content of seen) for (const piece of pieces) expect(content.includes(piece)).toBe(false);
  });
});

/** As a run with all options draws them. */
async function classPictures() {
  const session = new Session(inFolder("nothing"), { model: MODEL, program: { threads: 1 } });
  try {
    const loaded = await session.load(undefined);
    const library = Library.blank(session.folder, { folder: MODEL, fingerprint: "" });
    const request = { name: "rex", classNoun: "dog", photos: [], strategy: "sequential" };
    const training = { ...ALL, resolution: 32, seed: 3 };
    const { prepared, pool } = await prepareLearning(session, { ...request, training }, { ...loaded, library });
    await pool.dispose();
    return (await drawClassPictures(session, loaded, prepared, {})) ?? [];
  } finally {
    await session.close();
  }
}

function filesOf(folder: string): Buffer[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [readFileSync(join(entry.parentPath, entry.name))] : []));
}
