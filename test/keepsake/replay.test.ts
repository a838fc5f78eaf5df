/**
 * Generative replay in a library on disk: what is drawn before the first step, that it is told, and that nothing of it
 * is written.
 */
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { LearnProgress, LearnRequest } from "./one-shot.ts";
import { prepareLearning } from "../../src/keepsake/planning/prepare-learning.ts";
import { Session } from "../../src/keepsake/session.ts";
import { drawPicturesToReplay } from "../../src/keepsake/training/own-pictures.ts";
import { BoundAdapter } from "../../src/adapters/bound-adapter.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { planOf } from "../../src/learning/concept-run.ts";
import { replaySteps } from "../../src/learning/replayed-pictures.ts";
import { readLearned } from "../../src/library/library-model.ts";
import { Library } from "../../src/library/library.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
const REPLAY = { strategy: "replay", strategyOptions: { pictures: 2 } };
const training = { steps: 2, resolution: 32, seed: 3 };
/** Knows a dog, and nothing else. */
const knowsDog = inFolder("knows dog");
let mug: string;

const learnMug = (library: string, more: Partial<LearnRequest> = {}) =>
  learnQuickly({ library, name: "mug", photos: [mug], classNoun: "cup", training, ...REPLAY, ...more });

beforeAll(async () => {
  mug = await writePhotos(inFolder("mug"), "mug");
  const dog = await writePhotos(inFolder("dog"), "dog");
  await learnQuickly({ library: knowsDog, name: "dog", photos: [dog], training, ...REPLAY });
});

function copyOf(name: string): string {
  cpSync(knowsDog, inFolder(name), { recursive: true });
  return inFolder(name);
}

describe("pictures that are replayed", () => {
  it("are of what was learned, of class nouns and of other things, as the model draws them with what it was taught", async () => {
    const pictures = await drawn(knowsDog);
    expect(pictures.map((group) => group.map(({ sentence }) => sentence))).toEqual([
      ["a photo of a <dog>", "<dog>"],
      ["a photo of a cup", "a cup"],
      ["a photo of a dog", "a dog"],
      ["", "a photo"],
    ]);
    // Another noise for each, and the same again: a run that goes on sees the pictures that it began with.
    expect(new Set(pictures.flat().map(({ latents }) => latents[0])).size).toBe(8);
    expect(await drawn(knowsDog)).toEqual(pictures);
  });

  it("are drawn in few steps, with a solver that needs no more", async () => {
    const [[{ latents, sentence }]] = await drawn(knowsDog);
    const pipeline = await StableDiffusionPipeline.load(MODEL, { threads: 1 });
    const { adapter, embeddings: learnedEmbeddings } = await readLearned(knowsDog, pipeline);
    const [picture] = await pipeline.generate({
      ...{ prompt: sentence, seed: training.seed, width: 32, height: 32, learnedEmbeddings },
      ...{ adapter: adapter && new BoundAdapter(adapter), steps: 12, scheduler: "DPMSolverMultistepScheduler" },
    });
    expect(picture.latents).toEqual(latents);
    await pipeline.dispose();
    expect([4, 12, 30].map((steps) => replaySteps({ steps }))).toEqual([4, 12, 12]);
  });

  it("are drawn before the first step, and told", async () => {
    const told: LearnProgress[] = [];
    await learnMug(copyOf("told"), { onProgress: (progress) => told.push(progress) });
    const kinds = told.map(({ kind }) => kind);
    expect(kinds.lastIndexOf("replayed pictures")).toBeLessThan(kinds.indexOf("step"));
    const counts = told.flatMap((progress) =>
      progress.kind === "replayed pictures" ? [`${progress.done}/${progress.count}`] : [],
    );
    expect(counts).toEqual(Array.from({ length: 8 }, (_, i) => `${i + 1}/8`));
  });

  it("leave the library as it was where they are interrupted; the same call then learns as if nothing had been", async () => {
    const [straight, stopped] = [copyOf("straight"), copyOf("stopped")];
    await learnMug(straight);
    const controller = new AbortController();
    const onProgress = ({ kind }: LearnProgress) => {
      if (kind === "replayed pictures") controller.abort();
    };
    const result = await learnMug(stopped, { signal: controller.signal, onProgress });
    expect(result).toMatchObject({ status: "interrupted", step: 0 });
    expect(treeOf(stopped)).toEqual(treeOf(knowsDog));
    await learnMug(stopped);
    expect(treeOf(stopped)).toEqual(treeOf(straight));
  });

  it("are never written: no byte of them is in the library, nor in the snapshot of a run", async () => {
    const library = copyOf("searched");
    const seen: Buffer[] = [];
    await learnMug(library, { snapshotEvery: 1, onProgress: () => seen.push(...filesOf(library)) });
    seen.push(...filesOf(library));
    const pieces = (await drawn(knowsDog)).flat().map(({ latents }) => Buffer.from(latents.buffer).subarray(0, 16));
    expect(pieces).toHaveLength(8);
    for (const content of seen) for (const piece of pieces) expect(content.includes(piece)).toBe(false);
  });
});

/** What a run that learns the mug replays. */
async function drawn(folder: string) {
  const session = new Session(folder, { model: MODEL, program: { threads: 1 } });
  try {
    const library = await Library.open(folder);
    const loaded = await session.load(library);
    const request = { name: "mug", classNoun: "cup", photos: [], training, ...REPLAY };
    const { prepared, pool } = await prepareLearning(session, request, { ...loaded, library });
    const plan = await planOf(loaded.pipeline, pool, prepared);
    await pool.dispose();
    return (await drawPicturesToReplay(session, loaded, prepared, plan, {})) ?? [];
  } finally {
    await session.close();
  }
}

function filesOf(folder: string): Buffer[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? [readFileSync(join(entry.parentPath, entry.name))] : []));
}
