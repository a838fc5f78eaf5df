/**
 * @file A signal that fires before the first step of anything: while photos are read.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import type { LearnProgress } from "../../src/keepsake/learn-and-preview.ts";
import { OpenLibrary } from "../../src/studio/lanes/open-library.ts";
import { learn } from "../../src/studio/lanes/learn-work.ts";
import { encodeTrainingPhotos } from "../../src/training/photos/encode-photos.ts";
import type { PhotoInMemory } from "../../src/training/photos/find-photos.ts";
import { loadPhotos } from "../../src/training/photos/photos.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
const reason = new Error("changed my mind");
const request = {
  ...{ name: "rex", classNoun: "dog", strategy: "sequential", previews: false as const },
  ...{ adapter: { rank: 2 }, training: { steps: 2, resolution: 32 } },
};
/** Were it read, it would be an error. */
const damaged: PhotoInMemory = { name: "damaged.png", bytes: new TextEncoder().encode("no picture") };
let sound: PhotoInMemory;
let keepsake: Keepsake;
let controller: AbortController;

beforeAll(async () => {
  sound = {
    name: "0.png",
    bytes: new Uint8Array(readFileSync(join(await writePhotos(inFolder("photos"), "rex"), "0.png"))),
  };
  keepsake = await Keepsake.open(inFolder("library"), { model: MODEL, program: { threads: 1 } });
});

beforeEach(() => {
  controller = new AbortController();
});

afterAll(() => keepsake.close());

/** A photo that makes the signal fire when it is read. */
function last(): PhotoInMemory {
  const { name, bytes } = sound;
  return {
    name,
    get bytes() {
      controller.abort(reason);
      return bytes;
    },
  };
}

describe("a signal that fires while a photo is read", () => {
  it("ends a look at photos: no other one is read, and no sheet is written", async () => {
    const sheet = inFolder("sheet.png");
    for (const photos of [[last(), damaged], [last()]]) {
      controller = new AbortController();
      const look = keepsake.photos({ photos, sheet, resolution: 32, signal: controller.signal });
      await expect(look).rejects.toBe(reason);
      expect(existsSync(sheet)).toBe(false);
    }
  });

  it("ends a plan, and one for the page", async () => {
    const { signal } = controller;
    await expect(keepsake.plan({ ...request, photos: [last(), damaged], signal })).rejects.toBe(reason);
    const library = new OpenLibrary();
    const place = { library: keepsake.folder, model: MODEL };
    const work = { place, library, signal, tell: () => undefined };
    const { name, classNoun } = request;
    const task = { kind: "plan" as const, request: { name, classNoun, photos: [] }, photos: [sound] };
    await expect(learn(task, await library.at(place), work)).rejects.toBe(reason);
    await (await library.at(place)).close();
  });

  it("stops a training run before its first step, and leaves what there was", async () => {
    const result = await keepsake.learn({ ...request, photos: [last(), damaged], signal: controller.signal });
    expect(result).toMatchObject({ status: "interrupted", name: "rex", token: "<rex>", step: 0, steps: 2, losses: [] });
    expect(treeOf(keepsake.folder)).toBeUndefined();
  });

  it("stops one with a budget, of as many steps as its plan says", async () => {
    let planned = 0;
    const onProgress = (progress: LearnProgress) => {
      if (progress.kind !== "plan") return;
      planned = progress.plan.steps;
      controller.abort();
    };
    const inTime = { ...request, training: { resolution: 32 }, budget: 36_000, tellsPlan: true };
    const result = await keepsake.learn({ ...inTime, photos: [sound], signal: controller.signal, onProgress });
    expect(planned).toBeGreaterThan(400);
    expect(result).toMatchObject({ status: "interrupted", step: 0, steps: planned });
  });

  it("stops a run that goes on at the step that it had come to", async () => {
    await using other = await Keepsake.open(inFolder("goes on"), { model: MODEL, program: { threads: 1 } });
    const onProgress = ({ kind }: LearnProgress) => {
      if (kind === "step") controller.abort();
    };
    await other.learn({ ...request, photos: [sound], signal: controller.signal, onProgress });
    const before = treeOf(other.folder);
    controller = new AbortController();
    const result = await other.learn({ ...request, photos: [last(), damaged], signal: controller.signal });
    expect(result).toMatchObject({ status: "interrupted", step: 1, steps: 2 });
    expect(treeOf(other.folder)).toEqual(before);
    expect(await other.learn({ ...request, photos: [sound] })).toMatchObject({ status: "learned" });
  });

  it("leaves all things to be begun", async () => {
    const things = ["rex", "mug"].map((name, i) => ({ name, classNoun: "dog", photos: [i === 0 ? last() : damaged] }));
    const { name, classNoun, ...common } = request;
    expect(await keepsake.learnAll({ ...common, things, signal: controller.signal })).toEqual([]);
    expect([name, classNoun, treeOf(keepsake.folder)]).toEqual(["rex", "dog", undefined]);
  });
});

describe("a signal that fires before photos are encoded", () => {
  it("leaves those that are held back unread", async () => {
    const onProgress = ({ kind }: LearnProgress) => {
      if (kind === "photos") controller.abort();
    };
    const held = { ...request, photos: [sound], validation: { photos: [damaged] }, onProgress };
    expect(await keepsake.learn({ ...held, signal: controller.signal })).toMatchObject({
      status: "interrupted",
      step: 0,
    });
  });

  it("ends their encoding", async () => {
    const { vae } = await StableDiffusionPipeline.load(MODEL);
    const loaded = await loadPhotos([sound], 32);
    const encoding = encodeTrainingPhotos(vae, loaded, 32, {}, { signal: AbortSignal.abort(reason) });
    await expect(encoding).rejects.toBe(reason);
  });
});
