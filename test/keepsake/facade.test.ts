import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readTokenEmbeddings } from "../../src/adapters/formats/token-embedding.ts";
import { Program } from "../../src/graph/index.ts";
import { decodeImage } from "../../src/io/images/image.ts";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import type { LearnProgress } from "../../src/keepsake/learn-and-preview.ts";
import { undo } from "../../src/library/undo.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
const options = { model: MODEL, program: { threads: 1 } };
const small = { strategy: "sequential", adapter: { rank: 2 }, training: { steps: 2, resolution: 32 } } as const;
const picture = { steps: 1, width: 64, height: 64, guidanceScale: 1 };
let keepsake: Keepsake;
let photos: string[];

beforeAll(async () => {
  photos = [await writePhotos(inFolder("photos"), "rex")];
  keepsake = await Keepsake.open(inFolder("library"), options);
  await keepsake.learn({ ...small, name: "rex", photos, classNoun: "dog" });
});

afterAll(() => keepsake.close());

/** How many programs are compiled meanwhile. */
async function compiled(work: () => PromiseLike<unknown>): Promise<number> {
  const create = vi.spyOn(Program, "create");
  await work();
  const count = create.mock.calls.length;
  create.mockRestore();
  return count;
}

describe("Keepsake.open", () => {
  it("takes a folder without a library, which the first change makes", async () => {
    const folder = inFolder("fresh");
    const fresh = await Keepsake.open(folder, options);
    expect(await fresh.concepts()).toEqual([]);
    expect((await failure(fresh.list())).kind).toBe("state");
    expect(existsSync(folder)).toBe(false);
    expect(await fresh.init({ keep: 1 })).toMatchObject({ model: MODEL, keep: 1 });
    expect(await fresh.history()).toMatchObject({ keep: 1, states: [{ concepts: [] }] });
    await fresh.close();
  });

  it("refuses a model that is none at once, and a folder without a library if there is to be one", async () => {
    const model = inFolder("no model");
    expect((await failure(Keepsake.open(inFolder("x"), { model }))).message).toContain("no such folder");
    expect((await failure(Keepsake.open(inFolder("x"), { create: false }))).message).toContain("no library here");
    await (await Keepsake.open(inFolder("x"), { model, lazy: true })).close();
  });
});

describe("an operation", () => {
  it("gives pictures as values, which can be saved, and the same again", async () => {
    const request = { prompt: "a <rex>", n: 2, seed: 7, ...picture };
    const pictures = await keepsake.generate(request);
    expect(pictures.map(({ index, seed, prompt }) => [index, seed, prompt])).toEqual([
      [0, 7, "a <rex>"],
      [1, 7, "a <rex>"],
    ]);
    const file = inFolder("new folder", "rex.png");
    expect(await pictures[1].save(file)).toBe(file);
    expect((await decodeImage(file)).data).toEqual(pictures[1].image.data);
    expect(await pictures[0].save(file, { existing: "beside" })).toBe(inFolder("new folder", "rex-2.png"));
    expect((await failure(pictures[0].save("rex.jpg"))).kind).toBe("usage");
    const [second] = await keepsake.generate({ ...request, n: 1, firstIndex: 1 });
    expect(second.image).toEqual(pictures[1].image);
  });

  it("tells its progress to a callback and to a loop, and then gives its result", async () => {
    const [called, looped]: string[][] = [[], []];
    const drawing = keepsake.generate({
      ...{ prompt: "a <rex>", ...picture, steps: 2, scheduler: "ddim" },
      onProgress: ({ kind }) => called.push(kind),
    });
    for await (const { kind } of drawing) looped.push(kind);
    expect(looped).toEqual(["step", "step", "picture"]);
    expect(called).toEqual(looped);
    expect(await drawing).toHaveLength(1);
  });

  it("ends the loop with its error, and goes on when the loop is left early", async () => {
    const read = async () => {
      for await (const progress of keepsake.generate({ prompt: " " })) throw new Error(progress.kind);
    };
    expect((await failure(read())).message).toContain("The prompt is empty");
    const drawing = keepsake.generate({ prompt: "a dog", ...picture, steps: 2 });
    for await (const { kind } of drawing) if (kind === "step") break;
    expect(await drawing).toHaveLength(1);
  });

  it("compiles nothing that was compiled before", async () => {
    const draw = () => keepsake.generate({ prompt: "a <rex>", ...picture });
    await draw();
    expect(await compiled(draw)).toBe(0);
    const classify = () => keepsake.classify({ images: photos, resolution: 32, draws: 2, others: [] });
    const before = await compiled(classify);
    expect(await compiled(classify)).toBe(1); // the VAE's encoder
    expect(before).toBe(2);
  });

  it("classifies files and pictures in memory, in the order in which they were given", async () => {
    const file = join(photos[0], "1.png");
    const image = await decodeImage(file);
    const request = { resolution: 32, draws: 2, others: [] };
    const answers = await keepsake.classify({ ...request, images: [image, file, { image }] });
    expect(answers.map((answer) => answer.file)).toEqual([undefined, file, undefined]);
    expect(answers[0].verdicts).toEqual(answers[1].verdicts);
    expect(answers[2].verdicts).toEqual(answers[1].verdicts);
    expect(await keepsake.classify({ ...request, images: [image] })).toHaveLength(1);
  });

  it("sees what another process has changed, and comes back to it", async () => {
    const draw = async () => (await keepsake.generate({ prompt: "a dog", ...picture }))[0].image;
    const drawn = await draw();
    await undo({ library: keepsake.folder });
    expect(await keepsake.concepts()).toEqual([]);
    expect((await failure(keepsake.classify({ images: photos }))).message).toContain("knows no concepts yet");
    expect((await keepsake.redo()).concepts).toEqual(["rex"]);
    expect(await draw()).toEqual(drawn);
  });
});

describe("two operations at once", () => {
  it("run one after the other, in the order in which they were asked for", async () => {
    const told: string[] = [];
    const drawn = keepsake.generate({ prompt: "a dog", ...picture, onProgress: ({ kind }) => told.push(kind) });
    const verified = keepsake.verify().then(({ faults }) => told.push(`${faults.length} faults`));
    await Promise.all([verified, drawn]);
    expect(told).toEqual(["step", "picture", "0 faults"]);
  });

  it("do not begin if their signal fires while they wait, and the others keep their places", async () => {
    const before = treeOf(keepsake.folder);
    const controller = new AbortController();
    const told: string[] = [];
    const first = keepsake.generate({ prompt: "a dog", ...picture, onProgress: ({ kind }) => told.push(kind) });
    const learning = keepsake.learn({ ...small, name: "mug", photos, classNoun: "mug", signal: controller.signal });
    const last = keepsake.verify().then(() => told.push("verified"));
    const reason = new Error("changed my mind");
    controller.abort(reason);
    await expect(learning).rejects.toBe(reason);
    await Promise.all([first, last]);
    expect(told).toEqual(["step", "picture", "verified"]);
    expect(treeOf(keepsake.folder)).toEqual(before);
  });

  it("read the library at once while something else is at work", async () => {
    const drawing = keepsake.generate({ prompt: "a dog", ...picture });
    let isDone = false;
    void drawing.then(() => (isDone = true));
    expect((await keepsake.list()).concepts).toHaveLength(1);
    expect(isDone).toBe(false);
    await drawing;
  });
});

describe("a signal", () => {
  it("ends a plan", async () => {
    const reason = new Error("changed my mind");
    const request = { ...small, name: "mug", photos, classNoun: "mug", signal: AbortSignal.abort(reason) };
    await expect(keepsake.plan(request)).rejects.toBe(reason);
  });

  it("stops learning losing nothing: the same request goes on", async () => {
    const folder = inFolder("stopped");
    const stopped = await Keepsake.open(folder, options);
    const request = { ...small, name: "rex", photos, classNoun: "dog" };
    const controller = new AbortController();
    const onProgress = ({ kind }: LearnProgress) => {
      if (kind === "step") controller.abort();
    };
    const { status, step } = await stopped.learn({ ...request, onProgress, signal: controller.signal });
    expect([status, step]).toEqual(["interrupted", 1]);
    expect((await stopped.learn(request)).status).toBe("learned");
    expect(treeOf(folder)).toEqual(treeOf(keepsake.folder));
    await stopped.close();
  });
});

describe("export", () => {
  it("writes the adapter and the tokens for other programs", async () => {
    const to = inFolder("files", "lora.safetensors");
    const tokens = [{ token: "<rex>", file: inFolder("files", "lora-embeddings", "rex.safetensors") }];
    for (const format of ["diffusers", "kohya"] as const) {
      const written = await keepsake.export({ format, to, existing: "replace" });
      expect(written).toMatchObject({ format, to, tokens, adapter: { rank: 2, error: 0 }, notes: [] });
      expect(written.size).toBe(readFileSync(to).length + readFileSync(tokens[0].file).length);
    }
    expect((await failure(keepsake.export({ format: "kohya", to }))).message).toContain("is there already");
    await keepsake.export({ format: "peft", to: inFolder("peft") });
    expect(existsSync(inFolder("peft", "adapter_config.json"))).toBe(true);
    const embedding = inFolder("files", "rex.safetensors");
    await keepsake.export({ format: "textual-inversion", to: embedding });
    expect(await readTokenEmbeddings(embedding)).toMatchObject([{ token: "<rex>", count: 1, width: 32 }]);
    const nobody = keepsake.export({ format: "textual-inversion", name: "nobody", to: embedding });
    expect((await failure(nobody)).message).toContain('does not know "nobody"');
  });
});

describe("close", () => {
  it("ends what was asked for; then every verb is refused", async () => {
    const closed = await Keepsake.open(keepsake.folder, options);
    const drawing = closed.generate({ prompt: "a dog", ...picture });
    await closed[Symbol.asyncDispose]();
    expect(await drawing).toHaveLength(1);
    await closed.close();
    const learning = { name: "x", classNoun: "x", photos };
    const verbs = [
      ...[() => closed.init(), () => closed.list(), () => closed.concepts(), () => closed.history()],
      ...[() => closed.learn(learning), () => closed.learnAll({ things: [learning] }), () => closed.previews()],
      ...[() => closed.generate({ prompt: "x" }), () => closed.generateFiles({ prompt: "x", files: [] })],
      ...[() => closed.classify({ images: [] }), () => closed.verify(), () => closed.undo(), () => closed.redo()],
      ...[() => closed.forget({ name: "x" }), () => closed.unlearn({ name: "x" })],
      () => closed.export({ format: "peft", to: "x" }),
    ];
    for (const verb of verbs) expect((await failure(verb())).kind).toBe("usage");
  });
});
