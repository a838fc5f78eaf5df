/**
 * Strategies in a library on disk: stops in every phase, what is kept, and changes from one strategy to another.
 */
import { cpSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { initLibrary, type LearnProgress, type LearnRequest } from "./one-shot.ts";
import { learnSequence } from "../../src/learning/learn-sequence.ts";
import { Library } from "../../src/library/library.ts";
import { encodePhotos } from "../../src/training/photos/encode-photos.ts";
import { loadPhotos } from "../../src/training/photos/photos.ts";
import { createStrategy } from "../../src/strategies/registry.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
const training = { steps: 2 };
let dog: string;
let mug: string;
let copies = 0;

beforeAll(async () => {
  dog = await writePhotos(inFolder("photos", "dog"), "dog");
  mug = await writePhotos(inFolder("photos", "mug"), "mug");
});

function copyOf(library: string): string {
  const copy = inFolder(`library ${copies++}`);
  cpSync(library, copy, { recursive: true });
  return copy;
}

const learnDog = (library: string, request: Partial<LearnRequest> = {}) =>
  learnQuickly({ library, name: "dog", photos: [dog], training, ...request });
const learnMug = (library: string, request: Partial<LearnRequest> = {}) =>
  learnQuickly({ library, name: "mug", photos: [mug], classNoun: "cup", training, ...request });

/** Stops after `step` steps, as Ctrl-C does. */
function stopAfter(step: number, library: string, request: Partial<LearnRequest>) {
  const controller = new AbortController();
  const onProgress = (progress: LearnProgress) => {
    if (progress.kind === "step" && progress.step === step) controller.abort();
  };
  return learnMug(library, { ...request, signal: controller.signal, onProgress });
}

describe("a strategy in a library", () => {
  it.each<{ strategy: string; strategyOptions?: LearnRequest["strategyOptions"]; phases: string[] }>([
    { strategy: "dsc-ewc-dc", strategyOptions: { draws: 1 }, phases: ["teacher", "learn", "consolidate"] },
    { strategy: "kv-nullspace", strategyOptions: { rank: 20, contexts: 2 }, phases: ["learn"] },
    { strategy: "replay", strategyOptions: { pictures: 1 }, phases: ["learn"] },
  ])("$strategy goes on from a stop in any phase to the same bytes", async ({ phases, ...request }) => {
    const knowsDog = inFolder(`${request.strategy} knows dog`);
    await learnDog(knowsDog, request);
    const straight = copyOf(knowsDog);
    const seen = new Map<string, number>();
    const onProgress = (progress: LearnProgress) => {
      if (progress.kind === "step") seen.set(progress.phase, progress.step);
    };
    const result = await learnMug(straight, { ...request, onProgress });
    expect([...seen.keys()]).toEqual(phases);
    for (const last of seen.values()) {
      // At the end of the phase; of the last one, within it. Every other step is stopped at in the runs on a linear
      // denoiser.
      const step = last < result.step ? last : last - 1;
      const library = copyOf(knowsDog);
      expect(await stopAfter(step, library, request)).toMatchObject({ status: "interrupted", step });
      const { evaluations } = await learnMug(library, request);
      expect(evaluations).toEqual(result.evaluations);
      expect(treeOf(library)).toEqual(treeOf(straight));
    }
  });

  it("is written down with its options, and keeps nothing that grows but a token for each concept", async () => {
    const request = { strategy: "ewc-dc", strategyOptions: { draws: 1, candidates: 3 } };
    const library = inFolder("ewc-dc");
    const bytes = (folder: string) =>
      Object.keys(treeOf(join(folder, "blobs")) ?? {}).map((file) => statSync(join(folder, "blobs", file)).size);
    await initLibrary({ library, model: MODEL, keep: 0 });
    await learnDog(library, request);
    const first = bytes(library);
    await learnMug(library, request);
    const { manifest } = await Library.open(library);
    expect(manifest.strategy).toMatchObject({ name: "ewc-dc", options: { draws: 1, candidates: 3, lambda: 30 } });
    const memory = await (await Library.open(library)).memory();
    expect([...memory.keys()].sort()).toEqual(["anchor", "fisher", "score-temperature"]);
    expect(first).toHaveLength(3);
    const second = bytes(library);
    expect(second).toHaveLength(4);
    expect(Math.max(...second)).toBe(Math.max(...first));
  });

  it.each(["sequential", "replay"])("learns what it learns in memory: %s", async (strategy) => {
    const library = inFolder(`${strategy} on disk`);
    await learnDog(library, { strategy });
    await learnMug(library, { strategy });
    const pipeline = await StableDiffusionPipeline.load(MODEL, { threads: 1 });
    const encode = async (folder: string) =>
      encodePhotos(pipeline.vae, (await loadPhotos([folder], 32)).images, 32, { threads: 1 });
    const concepts = [
      { name: "dog", classNoun: "dog", photos: await encode(dog) },
      { name: "mug", classNoun: "cup", photos: await encode(mug) },
    ];
    const settings = { ...training, resolution: 32, seed: 3 };
    const sequence = {
      pipeline,
      concepts,
      strategy: createStrategy(strategy),
      adapter: { rank: 2 },
      training: settings,
    };
    let parameters: Float32Array | undefined;
    for await (const { adapter: lora } of learnSequence(sequence)) parameters = lora.parameters;
    expect((await (await Library.open(library)).adapter(pipeline))?.parameters).toEqual(parameters);
  });
});

describe("a library that was begun with another strategy", () => {
  let plain: string;
  let stacked: string;

  beforeAll(async () => {
    plain = inFolder("plain");
    await learnDog(plain);
    stacked = inFolder("stacked");
    await learnDog(stacked, { strategy: "merge-and-restart" });
  });

  it("goes on with one that penalises, which protects what is learned from then on", async () => {
    const library = copyOf(plain);
    await learnMug(library, { strategy: "ewc", strategyOptions: { draws: 1 } });
    expect([...(await (await Library.open(library)).memory()).keys()]).toContain("fisher");
  });

  it("goes on with one that merges, without loss", async () => {
    const library = copyOf(plain);
    await learnMug(library, { strategy: "c-lora" });
    const { manifest } = await Library.open(library);
    expect(manifest.adapter).toMatchObject({ rank: 34, loraAlpha: 34 });
    expect(manifest.strategy?.memory).toBeUndefined();
    await learnMug(library, { name: "cup", strategy: "merge-and-restart", adapter: { rank: 2 } });
    await learnMug(library, { name: "jar", strategy: "custom-diffusion", adapter: { rank: undefined } });
  });

  it("cannot go back to one low-rank adapter, and says so", async () => {
    const library = copyOf(stacked);
    const before = treeOf(library);
    const { kind, message } = await failure(learnMug(library, { strategy: "ewc" }));
    expect(kind).toBe("state");
    expect(message).toContain(
      "holds whole matrices, which ewc cannot train on as a LoRA; go on with one of kv-nullspace, c-lora",
    );
    expect((await failure(learnMug(library, { strategy: "c-lora", adapter: { rank: 3 } }))).message).toContain(
      "has rank 2; leave the option out",
    );
    expect(treeOf(library)).toEqual(before);
  });

  it.each(["separate", "joint"])("is not learned with the yardstick %s", async (strategy) => {
    const { message } = await failure(learnMug(copyOf(plain), { strategy }));
    expect(message).toContain("is a yardstick for sequences in memory");
  });

  it("does not go on with an unfinished run under other options", async () => {
    const library = copyOf(plain);
    await stopAfter(1, library, { strategy: "ewc", strategyOptions: { draws: 1 } });
    const { message } = await failure(learnMug(library, { strategy: "ewc", strategyOptions: { draws: 2 } }));
    expect(message).toContain("begun with other --strategy or its options");
  });
});
