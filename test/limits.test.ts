import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { generatePictures, initLibrary, type LearnRequest } from "./keepsake/one-shot.ts";
import { keepStates } from "../src/library/history.ts";
import { latentShape } from "../src/diffusion/latents.ts";
import { StableDiffusionPipeline } from "../src/diffusion/pipeline.ts";
import { maxThreads } from "../src/graph/index.ts";
import { failure } from "./io/failure.ts";
import { temporaryFolder } from "./io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./keepsake/support.ts";

const at = temporaryFolder();

describe("numbers that make no sense", () => {
  it.each<[string, Partial<LearnRequest>, string]>([
    ["rank", { adapter: { rank: 1e9 } }, "Rank 1000000000 is larger than the sides of these layers"],
    [
      "a rank above the layers' sides",
      { adapter: { rank: 4000 } },
      "Rank 4000 is larger than the sides of these layers",
    ],
    [
      "steps",
      { training: { steps: 2 ** 53 } },
      "The number of steps is 9007199254740992, expected a whole number from 1 to",
    ],
    ["no steps", { training: { steps: NaN } }, "The number of steps is NaN"],
    ["batch size", { training: { batchSize: 2 ** 53 - 1 } }, "The batch size is 9007199254740991"],
    ["resolution", { training: { resolution: 1_000_000 } }, "The picture size 1000000x1000000 is too large"],
    ["learning rate", { training: { learningRate: Infinity } }, "The learning rate is Infinity"],
    ["vectors", { vectors: 1e9 }, "The number of vectors is 1000000000, expected a whole number from 1 to 1000"],
    ["snapshots", { snapshotEvery: 0 }, "The number of steps between snapshots is 0"],
  ])("%s: refused in one line, and nothing is left behind", async (_, request, words) => {
    const library = at("library");
    const photos = [await writePhotos(at("photos"), "dog", 1)];
    const { kind, message } = await failure(learnQuickly({ library, name: "dog", photos, ...request }));
    expect(kind).toBe("usage");
    expect(message).toContain(words);
    expect(treeOf(library)).toBeUndefined();
  });

  it("pictures and states have bounds too", async () => {
    const picture = { model: MODEL, prompt: "a dog", files: [at("x.png")] };
    expect((await failure(generatePictures({ ...picture, width: 1_000_000 }))).message).toContain("is too large");
    expect((await failure(generatePictures({ ...picture, steps: 1e9 }))).kind).toBe("usage");
    const threads = maxThreads() + 1;
    expect((await failure(generatePictures({ ...picture, program: { threads } }))).message).toContain(
      `The number of threads is ${threads}, expected a whole number from 1 to ${threads - 1}`,
    );
    expect((await failure(initLibrary({ library: at("l"), model: MODEL, keep: 1e9 }))).message).toContain(
      "expected a whole number from 0 to 10000",
    );
    expect((await failure(keepStates({ library: at("l"), keep: -1 }))).kind).toBe("usage");
  });

  it.each([
    [10_000, "sample_size 10000 makes pictures of 80000x80000 pixels; at most 16384 a side are possible"],
    [1_000_000, "sample_size 1000000 makes pictures of 8000000x8000000 pixels"],
    [1_000_000_000, 'option "sample_size" is 1000000000, expected an integer of at least 1 and at most a million'],
  ])("a model whose own pictures have %i latents a side is refused in one line", async (size, words) => {
    const model = at(`model ${size}`);
    cpSync(MODEL, model, { recursive: true });
    const file = join(model, "unet", "config.json");
    writeFileSync(file, readFileSync(file, "utf8").replace(/"sample_size": \d+/, `"sample_size": ${size}`));
    const photos = [await writePhotos(at("photos"), "dog", 1)];
    const ways = [
      () => generatePictures({ model, prompt: "a dog", files: [at("x.png")] }),
      () => learnQuickly({ model, library: at("library"), name: "dog", photos }),
    ];
    for (const way of ways) expect((await failure(way())).message).toContain(words);
    expect(treeOf(at("library"))).toBeUndefined();
  });

  it("a picture of the largest side still has a shape", async () => {
    const { vae } = await StableDiffusionPipeline.load(MODEL);
    expect(latentShape(vae.config, { width: 16_384, height: 8 })).toBeDefined();
  });
});
