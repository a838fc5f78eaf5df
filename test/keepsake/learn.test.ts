import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { LearnProgress, LearnRequest } from "./one-shot.ts";
import { Library } from "../../src/library/library.ts";
import { readSnapshot } from "../../src/library/run/run-snapshot.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const inFolder = temporaryFolder();
let dog: string;
let mug: string;
/** A library that knows <dog>; tests work on copies. */
let knowsDog: string;
let copies = 0;

beforeAll(async () => {
  dog = await writePhotos(inFolder("photos", "dog"), "dog");
  mug = await writePhotos(inFolder("photos", "mug"), "mug", 4);
  knowsDog = inFolder("knows dog");
  await learnQuickly({ library: knowsDog, name: "dog", photos: [dog] });
});

function copyOf(library: string): string {
  const copy = inFolder(`library ${copies++}`);
  cpSync(library, copy, { recursive: true });
  return copy;
}

/** Stops after `step` steps, as Ctrl-C does. */
async function stopAfter(step: number, request: Parameters<typeof learnQuickly>[0]) {
  const controller = new AbortController();
  const onProgress = (progress: LearnProgress) => {
    if (progress.kind === "step" && progress.step === step) controller.abort();
  };
  return learnQuickly({ ...request, signal: controller.signal, onProgress });
}

describe("learnConcept", () => {
  it("makes a library that holds the concept's name, an adapter and an embedding, and no snapshot", async () => {
    const library = await Library.open(knowsDog);
    expect(library.concepts).toMatchObject([{ name: "dog", token: "<dog>", classNoun: "dog", vectors: 1 }]);
    expect(library.manifest.adapter).toMatchObject({ rank: 2, targets: "crossattn-kv" });
    expect(Object.keys(treeOf(knowsDog) ?? {}).filter((name) => !name.startsWith("blobs"))).toEqual(["library.json"]);
  });

  it("says which losses it had, and gives the same bytes for the same request", async () => {
    const library = inFolder("again");
    const progress: LearnProgress[] = [];
    const onProgress = (each: LearnProgress) => progress.push(each);
    const result = await learnQuickly({ library, name: "dog", photos: [dog], onProgress });
    expect(result).toMatchObject({ status: "learned", name: "dog", token: "<dog>", step: 4 });
    const nothing = { captioned: 0, masked: 0, duplicates: 0, skipped: [], warnings: [] };
    expect(progress[0]).toEqual({ kind: "photos", count: 2, ...nothing });
    const steps = result.losses.map((loss, i) => ({ kind: "step", phase: "learn", step: i + 1, steps: 4, loss }));
    const preparing = ["photos", "first step"].map((part) => ({ kind: "preparing", part }));
    expect(progress.slice(1)).toEqual([...preparing, ...steps]);
    expect(result).toMatchObject({
      strategy: "sequential",
      evaluations: { learn: { forward: 0, forwardBackward: 4 } },
    });
    expect(treeOf(library)).toEqual(treeOf(knowsDog));
  });

  it("begins with the mean of the class noun's tokens, however many they are", async () => {
    const pipeline = await StableDiffusionPipeline.load(MODEL);
    const table = await pipeline.textEncoder.weights.readFloat32("text_model.embeddings.token_embedding.weight");
    const ids = pipeline.newTokenizer().tokenIds("rubber duckling");
    expect(ids.length).toBeGreaterThan(1);
    const library = inFolder("noun");
    const training = { steps: 1, learningRate: 0, tokenLearningRate: 0 };
    await learnQuickly({ library, name: "duck", photos: [dog], classNoun: "rubber duckling", vectors: 2, training });
    const [embedding] = await (await Library.open(library)).embeddings();
    const mean = Array.from({ length: 32 }, (_, i) =>
      Math.fround(ids.reduce((sum, id) => sum + table[id * 32 + i] / ids.length, 0)),
    );
    expect(embedding).toMatchObject({ token: "<duck>", count: 2, width: 32 });
    for (const [i, value] of embedding.vectors.entries()) expect(value).toBeCloseTo(mean[i % 32], 6);
  });

  it("keeps the bytes of the first token when a second concept is learned, and goes on with its adapter", async () => {
    const library = copyOf(knowsDog);
    const before = await Library.open(library);
    const [entry] = before.concepts;
    const blob = join(library, "blobs", `${entry.embedding}.safetensors`);
    const bytes = readFileSync(blob);
    await learnQuickly({ library, name: "mug", photos: [mug], classNoun: "cup" });
    const after = await Library.open(library);
    expect(after.concepts[0]).toEqual(entry);
    expect(readFileSync(blob)).toEqual(bytes);
    expect(after.concepts.map(({ token }) => token)).toEqual(["<dog>", "<mug>"]);
    expect(after.manifest.adapter?.blob).not.toBe(before.manifest.adapter?.blob);
    // The two tokens and the new adapter, and the adapter of the first concept for the sake of undo.
    expect(Object.keys(treeOf(join(library, "blobs")) ?? {})).toHaveLength(4);
  });

  it("never changes the model", async () => {
    const model = inFolder("model");
    cpSync(MODEL, model, { recursive: true });
    const before = treeOf(model);
    await learnQuickly({ library: inFolder("model untouched"), model, name: "dog", photos: [dog] });
    expect(treeOf(model)).toEqual(before);
    expect(before).toEqual(treeOf(MODEL));
  });

  it("takes a copy of the model for the same, remembers where it is now, and refuses another one", async () => {
    const library = copyOf(knowsDog);
    const model = inFolder("moved model");
    cpSync(MODEL, model, { recursive: true });
    await learnQuickly({ library, model, name: "mug", photos: [mug] });
    expect((await Library.open(library)).manifest.model.folder).toBe(model);

    const weights = join(model, "unet", "diffusion_pytorch_model.safetensors");
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(weights, bytes);
    const before = treeOf(library);
    const { kind, message } = await failure(learnQuickly({ library, model, name: "cup", photos: [mug] }));
    expect(kind).toBe("state");
    expect(message).toContain(`${model}: its weights are not those any more that ${library} was made on`);
    expect(treeOf(library)).toEqual(before);
  });

  it.each<{ fault: string; change: Partial<LearnRequest>; words: string }>([
    { fault: "another rank", change: { adapter: { rank: 3 } }, words: "has rank 2; leave the option out" },
    { fault: "another alpha", change: { adapter: { loraAlpha: 9 } }, words: "has alpha 2; leave the option out" },
    { fault: "other targets", change: { adapter: { targets: "attn" } }, words: "has targets crossattn-kv" },
    { fault: "a name that is taken", change: { name: "dog" }, words: 'already knows "dog"; add --more' },
    { fault: "a name that is a path", change: { name: "../x" }, words: '"../x" cannot be the name of a concept' },
    { fault: "an empty name", change: { name: "" }, words: "cannot be the name of a concept" },
    { fault: "a name in capitals", change: { name: "Mochi" }, words: "cannot be the name of a concept" },
    { fault: "a name outside ASCII", change: { name: "mörchen" }, words: "cannot be the name of a concept" },
    { fault: "a long name", change: { name: "x".repeat(41) }, words: "up to 40 small letters" },
    { fault: "no class noun", change: { classNoun: "  " }, words: "The class noun is empty" },
    { fault: "a resolution that is no multiple of 8", change: { training: { resolution: 36 } }, words: "36x36" },
    { fault: "more vectors than fit a prompt", change: { vectors: 72 }, words: "72 vectors do not fit a prompt of 77" },
  ])("refuses $fault in one line, and leaves the library as it was", async ({ change, words }) => {
    const library = copyOf(knowsDog);
    const before = treeOf(library);
    const { message } = await failure(learnQuickly({ library, name: "mug", photos: [mug], ...change }));
    expect(message).toContain(words);
    expect(treeOf(library)).toEqual(before);
  });

  it("takes any name that is allowed, also one that is special elsewhere", async () => {
    for (const name of ["con", `0${"_-".repeat(19)}z`]) {
      const library = copyOf(knowsDog);
      await learnQuickly({ library, name, photos: [dog], training: { steps: 1 } });
      expect((await Library.open(library)).concepts[1].token).toBe(`<${name}>`);
    }
  });

  it("leaves nothing of a library that could not be begun", async () => {
    const library = inFolder("never", "begun");
    const request = { library, name: "dog", photos: [inFolder("no photos")] };
    await failure(learnQuickly(request));
    await failure(learnQuickly({ ...request, photos: [dog], model: inFolder("no model") }));
    await failure(learnQuickly({ ...request, photos: [dog], training: { learningRate: 1e30, maxGradNorm: 1e30 } }));
    expect(existsSync(inFolder("never"))).toBe(false);
  });
});

describe("photos", () => {
  const found = async (photos: string[]) => {
    let progress: LearnProgress | undefined;
    const controller = new AbortController();
    const onProgress = (each: LearnProgress) => {
      progress ??= each;
      controller.abort();
    };
    await learnQuickly({ library: inFolder("photos only"), name: "x", photos, onProgress, signal: controller.signal });
    return progress;
  };

  it("may be files and folders, each of which counts once, however it is named; hidden files do not", async () => {
    const folder = await writePhotos(inFolder("mixed"), "mixed", 3);
    cpSync(join(folder, "0.png"), join(folder, ".hidden.png"));
    cpSync(join(folder, "1.png"), join(folder, "copy of 1.png"));
    const photos = [join(folder, "2.png"), folder, `${folder}/./0.png`, join(dog, "1.png"), dog];
    const same = `${join(folder, "copy of 1.png")} (as ${join(folder, "1.png")})`;
    const warnings = [
      `left out, because hidden files are no photos: ${join(folder, ".hidden.png")}`,
      `left out because they show the same: 1: ${same}`,
    ];
    expect(await found(photos)).toMatchObject({ count: 5, captioned: 0, duplicates: 1, warnings });
  });

  it("may have captions in text files beside them, which change what is learned; too long ones are cut, and named", async () => {
    const folder = await writePhotos(inFolder("with captions"), "captions");
    const learned = async (library: string) => {
      const result = await learnQuickly({ library: inFolder(library), name: "x", photos: [folder] });
      return result.losses;
    };
    const plain = await learned("plain");
    writeFileSync(join(folder, "1.txt"), " \n");
    expect(await learned("blank caption")).toEqual(plain);
    writeFileSync(join(folder, "0.txt"), "on the\nbeach\n");
    writeFileSync(join(folder, "1.txt"), "in the snow");
    expect(await found([folder])).toMatchObject({ count: 2, captioned: 2 });
    expect(await learned("captioned")).not.toEqual(plain);
    const tags = "looking at viewer, outdoors, blue sky, ".repeat(60);
    writeFileSync(join(folder, "0.txt"), tags);
    const cut = await found([folder]);
    const line = /0\.txt has (\d+) tokens, only the first (\d+) are used: put what matters first\.$/;
    const [warning, tokens, used] = line.exec(cut?.kind === "photos" ? cut.warnings.join("\n") : "") ?? [];
    expect(warning).toBeDefined();
    expect(Number(tokens)).toBeGreaterThan(77);
    expect(Number(used)).toBeLessThan(77);
    // What is beyond the cut is not learned: another end makes no difference.
    const long = await learned("long");
    writeFileSync(join(folder, "0.txt"), `${tags} at night`);
    expect(await learned("longer")).toEqual(long);
  });

  it("of formats that are not read are pointed out where they lie beside others", async () => {
    const folder = await writePhotos(inFolder("with raw"), "raw", 1);
    writeFileSync(join(folder, "IMG_1.DNG"), "");
    const raw = join(folder, "IMG_1.DNG");
    const warnings = [`${raw} is in a format that is not read; save it as JPEG.`];
    expect(await found([folder])).toMatchObject({ count: 1, skipped: [raw], warnings });
  });
});

describe("an unfinished run", () => {
  const request = (library: string) => ({ library, name: "mug", photos: [mug], classNoun: "cup" });

  it("goes on from where it was stopped, wherever that was, to the same bytes", async () => {
    const straight = copyOf(knowsDog);
    await learnQuickly(request(straight));
    for (const step of [1, 2, 3]) {
      const library = copyOf(knowsDog);
      const stopped = await stopAfter(step, request(library));
      expect(stopped).toMatchObject({ status: "interrupted", step });
      const progress: LearnProgress[] = [];
      await learnQuickly({ ...request(library), onProgress: (each) => progress.push(each) });
      const news = progress.filter(({ kind }) => kind !== "preparing");
      expect(news[1]).toEqual({ kind: "resumed", step });
      expect(treeOf(library)).toEqual(treeOf(straight));
    }
  });

  it("of a new library goes on too, without naming the model again", async () => {
    const straight = inFolder("straight");
    await learnQuickly(request(straight));
    const library = inFolder("stopped");
    await stopAfter(1, request(library));
    await learnQuickly({ ...request(library), model: undefined });
    expect(treeOf(library)).toEqual(treeOf(straight));
  });

  it("is finished if the stop comes with the last step", async () => {
    expect(await stopAfter(4, request(copyOf(knowsDog)))).toMatchObject({ status: "learned" });
  });

  it.each<{ change: string; changed: () => Partial<LearnRequest>; words: string }>([
    { change: "other photos", changed: () => ({ photos: [dog] }), words: "begun with other photos" },
    {
      change: "photos in another order",
      changed: () => ({ photos: [join(mug, "3.png"), mug] }),
      words: "other photos",
    },
    { change: "another class noun", changed: () => ({ classNoun: "mug" }), words: "begun with other --class" },
    { change: "more steps", changed: () => ({ training: { steps: 5 } }), words: "begun with other training options" },
    { change: "more vectors", changed: () => ({ vectors: 2 }), words: "begun with other --vectors" },
    {
      change: "another concept",
      changed: () => ({ name: "cup" }),
      words: '"mug" (step 2): go on with it by "keepsake learn mug <the same photos>',
    },
  ])("is not continued with $change", async ({ changed, words }) => {
    const library = copyOf(knowsDog);
    await stopAfter(2, request(library));
    const before = treeOf(library);
    const { kind, message } = await failure(learnQuickly({ ...request(library), ...changed() }));
    expect(kind).toBe("state");
    expect(message).toContain(`${library} holds an unfinished run of "mug" (step 2)`);
    expect(message).toContain(words);
    expect(message).toContain("add --restart to give it up");
    expect(treeOf(library)).toEqual(before);
  });

  it("is given up with --restart", async () => {
    const library = copyOf(knowsDog);
    await stopAfter(2, request(library));
    const progress: string[] = [];
    const onProgress = ({ kind: what }: LearnProgress) => progress.push(what);
    await learnQuickly({ ...request(library), name: "cup", restart: true, onProgress });
    expect(progress).not.toContain("resumed");
    expect(existsSync(join(library, "run.safetensors"))).toBe(false);
  });

  it("is not continued when what was saved is damaged, wherever", async () => {
    const library = copyOf(knowsDog);
    await stopAfter(2, request(library));
    const path = join(library, "run.safetensors");
    const bytes = readFileSync(path);
    for (const position of [0, 100, bytes.length >> 1, bytes.length - 1]) {
      const damaged = Buffer.from(bytes);
      damaged[position] ^= 1;
      writeFileSync(path, damaged);
      const { kind, message } = await failure(learnQuickly(request(library)));
      expect(kind).toBe("state");
      expect(message).toContain(path);
      expect(message).toContain("--restart");
    }
    writeFileSync(path, bytes.subarray(0, 500));
    expect((await failure(learnQuickly(request(library)))).message).toContain("is damaged; add --restart");
    const straight = copyOf(knowsDog);
    await learnQuickly(request(straight));
    await learnQuickly({ ...request(library), restart: true });
    expect(treeOf(library)).toEqual(treeOf(straight));
  });

  it("that says another step than it was saved at is damaged", async () => {
    const library = copyOf(knowsDog);
    await stopAfter(2, request(library));
    const path = join(library, "run.safetensors");
    const file = await SafetensorsFile.open(path);
    const tensors = await Promise.all(
      [...file.tensors.values()].map(
        async ({ name, shape }) => [name, { shape, data: await file.readFloat32(name) }] as const,
      ),
    );
    await writeSafetensors(path, new Map(tensors), new Map([...file.metadata, ["step", "3"]]));
    await expect(readSnapshot(library)).rejects.toThrow("is damaged");
  });

  it("that had ended, but was killed before it could clear up, is cleared up by the next command", async () => {
    const library = copyOf(knowsDog);
    await stopAfter(3, request(library));
    const snapshot = readFileSync(join(library, "run.safetensors"));
    await learnQuickly(request(library));
    const finished = treeOf(library);
    writeFileSync(join(library, "run.safetensors"), snapshot);
    const oldAdapter = (await Library.open(knowsDog)).manifest.adapter?.blob ?? "";
    cpSync(join(knowsDog, "blobs", `${oldAdapter}.safetensors`), join(library, "blobs", `${oldAdapter}.safetensors`));
    expect((await failure(learnQuickly(request(library)))).message).toContain('already knows "mug"');
    expect(treeOf(library)).toEqual(finished);
  });

  it("goes on in a library that was moved", async () => {
    const library = copyOf(knowsDog);
    await stopAfter(2, request(library));
    const moved = inFolder("moved library");
    renameSync(library, moved);
    await learnQuickly(request(moved));
    const straight = copyOf(knowsDog);
    await learnQuickly(request(straight));
    expect(treeOf(moved)).toEqual(treeOf(straight));
  });
});
