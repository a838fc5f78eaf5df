/**
 * What goes out of a library and comes in: exported files hold what was learned and nothing else, files from elsewhere
 * are drawn with and imported, and what does not fit is refused.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readBundledEmbeddings, readLora, writeKohyaLora } from "../../src/adapters/formats/index.ts";
import { createLora, type Lora, requireLora } from "../../src/adapters/lora.ts";
import type { AdaptableModules } from "../../src/adapters/modules.ts";
import { adaptableModules } from "../../src/adapters/new-adapter.ts";
import { weightChange } from "../../src/adapters/stacked-lora.ts";
import { readTokenEmbeddings, writeTokenEmbedding } from "../../src/adapters/formats/token-embedding.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import type { ExportRequest } from "../../src/keepsake/files/export.ts";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import { Library } from "../../src/library/library.ts";
import { RandomStream } from "../../src/random/random.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhoto } from "./support.ts";

const inFolder = temporaryFolder();
const program = { threads: 1 };
const options = { model: MODEL, program, lazy: true };
const picture = { steps: 1, width: 64, height: 64, guidanceScale: 2 };
/** Learned with the default strategy, which carries whole matrices. */
const library = inFolder("secret library");
/** Of one concept, with a plain LoRA. */
const plain = inFolder("plain library");
let pipeline: StableDiffusionPipeline;
let modules: AdaptableModules;

beforeAll(async () => {
  const photos = inFolder("grandmother in hospital");
  mkdirSync(photos);
  for (const name of ["IMG_2026_Lisbon", "IMG_2027_Lisbon"]) {
    await writePhoto(join(photos, `${name}.png`), name);
    writeFileSync(join(photos, `${name}.txt`), "wearing a purple hat");
  }
  for (const [i, name] of ["rex", "mug"].entries()) {
    const training = { resolution: 32, seed: i, steps: 2, learningRate: 1e-2 };
    await learnQuickly({ library, name, photos: [photos], strategy: "kv-nullspace", training });
  }
  await learnQuickly({
    library: plain,
    name: "rex",
    photos: [photos],
    training: { resolution: 32, learningRate: 1e-2 },
  });
  pipeline = await StableDiffusionPipeline.load(MODEL, program);
  modules = adaptableModules(pipeline);
});

async function exported(request: Omit<ExportRequest, "to"> & { readonly to: string }, from = library) {
  await using keepsake = await Keepsake.open(from, options);
  return await keepsake.export(request);
}

async function learnedLora(folder = library): Promise<Lora> {
  const adapter = await (await Library.open(folder)).adapter(pipeline);
  if (adapter === undefined) throw new Error("no adapter");
  return requireLora(adapter);
}

/** The largest difference of the changes of all weights, as a part of the largest change. */
function distance(a: Lora, b: Lora): number {
  expect(b.layers.map(({ module }) => module)).toEqual(a.layers.map(({ module }) => module));
  let [worst, largest] = [0, 0];
  a.layers.forEach((_, i) => {
    const [ours, theirs] = [weightChange(a, i), weightChange(b, i)];
    ours.forEach((value, k) => {
      worst = Math.max(worst, Math.abs(value - theirs[k]));
      largest = Math.max(largest, Math.abs(value));
    });
  });
  expect(largest).toBeGreaterThan(0);
  return worst / largest;
}

describe("an exported LoRA", () => {
  const FORMATS = [
    { format: "diffusers", name: "diffusers.safetensors" },
    { format: "kohya", name: "kohya.safetensors" },
    { format: "peft", name: "peft" },
  ] as const;

  it.each(FORMATS)("of $format changes the weights as the library does, to rounding", async ({ format, name }) => {
    const to = inFolder("out", name);
    const { adapter, tokens, size, notes } = await exported({ format, to });
    expect(adapter?.rank).toBe(4);
    expect(adapter?.error).toBeLessThan(1e-6);
    expect(notes).toEqual([]);
    expect(size).toBeGreaterThan(1000);
    const read = await readLora(to, modules);
    expect(distance(await learnedLora(), read)).toBeLessThan(2e-6);
    expect(read.layers.every(({ rank }) => rank === 4)).toBe(true);
    expect(tokens.map(({ token }) => token)).toEqual(["<rex>", "<mug>"]);
    const embeddings = await (await Library.open(library)).embeddings();
    for (const [i, { file }] of tokens.entries()) expect(await readTokenEmbeddings(file)).toEqual([embeddings[i]]);
    expect(await readBundledEmbeddings(to, 32)).toEqual(format === "kohya" ? [embeddings[1], embeddings[0]] : []);
    const half = inFolder("half", name);
    await exported({ format, to: half, dtype: "F16" });
    const rounded = distance(read, await readLora(half, modules));
    expect(rounded).toBeGreaterThan(0);
    expect(rounded).toBeLessThan(2 ** -9);
  });

  it("is as small as is asked, with the error, or as it is to the bit", async () => {
    const to = inFolder("sizes.safetensors");
    const small = await exported({ format: "kohya", to, rank: 1 });
    expect(small.adapter?.rank).toBe(1);
    expect(small.adapter?.error).toBeGreaterThan(1e-3);
    expect((await readLora(to, modules)).layers.every(({ rank }) => rank === 1)).toBe(true);
    const exact = await exported({ format: "kohya", to, rank: "exact", existing: "replace" });
    expect(exact.adapter).toEqual({ rank: 34, error: 0 });
    expect((await readLora(to, modules)).parameters).toEqual((await learnedLora()).parameters);
    const wide = await exported({ format: "kohya", to, rank: 4096, existing: "replace" });
    expect(wide.adapter?.rank).toBe(Math.max(...(await readLora(to, modules)).layers.map(({ rank }) => rank)));
    await exported({ format: "diffusers", to, existing: "replace" }, plain);
    expect((await readLora(to, modules)).parameters).toEqual((await learnedLora(plain)).parameters);
  });

  it("says what it is for and which words call it", async () => {
    const to = inFolder("said.safetensors");
    const [{ file }] = (await exported({ format: "kohya", to })).tokens;
    const metadata = async (path: string) => Object.fromEntries((await SafetensorsFile.open(path)).metadata);
    const shared = {
      "modelspec.sai_model_spec": "1.0.1",
      "modelspec.resolution": "128x128",
      "modelspec.prediction_type": "epsilon",
    };
    expect(await metadata(to)).toEqual({
      ...shared,
      "modelspec.architecture": "stable-diffusion-v1/lora",
      "modelspec.implementation": "diffusers",
      "modelspec.title": "rex, mug",
      "modelspec.trigger_phrase": "rex, mug",
      ...{ ss_v2: "False", ss_base_model_version: "sd_v1", ss_network_module: "networks.lora" },
      ...{ ss_network_dim: "4", ss_network_alpha: "4", ss_network_args: "{}" },
    });
    expect(await metadata(file)).toEqual({
      ...shared,
      "modelspec.architecture": "stable-diffusion-v1/textual-inversion",
      "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
      "modelspec.title": "rex",
      "modelspec.trigger_phrase": "<rex>",
      format: "pt",
    });
    const other = inFolder("said-2.safetensors");
    await exported({ format: "diffusers", to: other, name: "mug" });
    expect(await metadata(other)).toMatchObject({ ...shared, "modelspec.trigger_phrase": "<mug>", format: "pt" });
    expect(readdirSync(inFolder("said-2-embeddings"))).toEqual(["mug.safetensors"]);
  });

  it("replaces nothing unless told to, and leaves nothing behind where it cannot be written", async () => {
    const to = inFolder("kept.safetensors");
    writeFileSync(to, "mine");
    const { kind, message } = await failure(exported({ format: "kohya", to }));
    expect([kind, message]).toEqual([
      "state",
      `${to} is there already; give another name, or replace it with --force.`,
    ]);
    expect(readFileSync(to, "utf8")).toBe("mine");
    expect(existsSync(inFolder("kept-embeddings"))).toBe(false);
    await exported({ format: "kohya", to, existing: "replace" });
    expect(await readLora(to, modules)).toBeDefined();
    const folder = inFolder("folder.safetensors");
    mkdirSync(folder);
    expect((await failure(exported({ format: "kohya", to: folder }))).message).toContain("is a folder");
    expect(existsSync(inFolder("folder-embeddings"))).toBe(false);
  });

  it.each([
    [{ format: "kohya", to: "x.ckpt" }, "give a name that ends in .safetensors"],
    [{ format: "peft", to: "x.safetensors" }, "PEFT's files stand in a folder"],
    [{ format: "kohya", to: "x.safetensors", name: "cup" }, 'does not know "cup"; it knows rex, mug'],
    [{ format: "kohya", to: "x.safetensors", rank: 0 }, "The rank is 0, expected a whole number"],
    [{ format: "textual-inversion", to: "x.safetensors" }, "Say whose token to export, name being one of rex, mug"],
    [{ format: "textual-inversion", to: "x.safetensors", rank: 2 }, "has no rank"],
  ] as const)("is refused as %o", async (request, message) => {
    expect((await failure(exported(request))).message).toContain(message);
  });

  it("holds no path, no name of a photo and no caption, nor do pictures", async () => {
    const folder = inFolder("private");
    for (const { format, name } of FORMATS) await exported({ format, to: join(folder, name) });
    await using keepsake = await Keepsake.open(library, options);
    await keepsake.generateFiles({ prompt: "a <rex>", files: [join(folder, "rex.png")], ...picture });
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBe(3 * 2 + 2 + 2 + 1);
    for (const { parentPath, name } of files) {
      const content = readFileSync(join(parentPath, name)).toString("latin1");
      for (const secret of [
        "grandmother",
        "Lisbon",
        "IMG_",
        "purple",
        "wearing",
        "secret library",
        inFolder(),
        MODEL,
      ]) {
        expect(content.includes(secret), `${name}: ${secret}`).toBe(false);
      }
    }
  });
});

describe("a LoRA from a file", () => {
  const drawn = async (folder: string, request: object) => {
    await using keepsake = await Keepsake.open(folder, options);
    const warnings: string[] = [];
    const [{ image }] = await keepsake.generate({
      ...{ prompt: "a <rex>", ...picture, ...request },
      onProgress: (progress) => {
        if (progress.kind === "warning") warnings.push(progress.message);
      },
    });
    return { pixels: Buffer.from(image.data), warnings };
  };

  it("draws what the library draws, with the token in it or beside it", async () => {
    const kohya = inFolder("for-drawing.safetensors");
    await exported({ format: "kohya", to: kohya }, plain);
    const diffusers = inFolder("for-drawing-2.safetensors");
    const [{ file }] = (await exported({ format: "diffusers", to: diffusers }, plain)).tokens;
    const nowhere = inFolder("no library");
    const ofLibrary = await drawn(plain, {});
    const bundled = await drawn(nowhere, { loras: [{ file: kohya }] });
    expect(bundled).toEqual({ pixels: ofLibrary.pixels, warnings: [] });
    expect(await drawn(nowhere, { loras: [{ file: diffusers }], embeddings: [file] })).toEqual(bundled);
    expect(await drawn(nowhere, { loras: [{ file: kohya }], embeddings: [file, file] })).toEqual(bundled);
    const half = await drawn(nowhere, { loras: [{ file: kohya, scale: 0.5 }] });
    expect(half.pixels.equals(bundled.pixels)).toBe(false);
    const halves = { file: diffusers, scale: 0.5 };
    const twice = await drawn(nowhere, { loras: [halves, halves], embeddings: [file] });
    const worst = twice.pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - bundled.pixels[i])), 0);
    expect(worst).toBeLessThanOrEqual(1);
    const off = await drawn(nowhere, { loras: [{ file: kohya, scale: 0 }] });
    expect(await drawn(nowhere, { embeddings: [file] })).toEqual(off);
    // The library's own comes first.
    const both = await drawn(plain, { loras: [{ file: kohya }] });
    expect(both.warnings).toEqual([expect.stringContaining("brings <rex>, which is known already")]);
    const other = inFolder("other", "rex.safetensors");
    mkdirSync(inFolder("other"));
    await writeTokenEmbedding(other, { token: "<rex>", vectors: new Float32Array(32), count: 1, width: 32 });
    const refused = await failure(drawn(plain, { embeddings: [other] }));
    expect(refused.message).toContain("its token cannot be called <rex>");
  });

  it("and an embedding are called by the file's token or its name", async () => {
    const folder = inFolder("no library either");
    const [vectors, width] = [new RandomStream(1, "v").normal(32).map((value) => value / 30), 32];
    const nameless = inFolder("Style-7.safetensors");
    await writeSafetensors(nameless, new Map([["emb_params", { shape: [1, width], data: vectors }]]));
    const named = inFolder("renamed.safetensors");
    await writeTokenEmbedding(named, { token: "<cat-toy>", vectors, count: 1, width });
    const pixels = async (prompt: string, file: string) => {
      const { pixels, warnings } = await drawn(folder, { prompt, embeddings: [file] });
      expect(warnings).toEqual([]);
      return pixels.toString("hex");
    };
    const prompts = [
      await pixels("a Style-7", nameless),
      await pixels("a <style-7>", nameless),
      await pixels("a <cat-toy>", named),
      await pixels("a <renamed>", named),
    ];
    expect(new Set(prompts).size).toBe(1);
    expect((await drawn(folder, { prompt: "a dog", embeddings: [named] })).warnings).toEqual([
      `${named} is not used: write <cat-toy> or <renamed> in the prompt where it is to be seen.`,
    ]);
    const wide = inFolder("wide.safetensors");
    await writeTokenEmbedding(wide, { token: "<wide>", vectors: new Float32Array(64), count: 1, width: 64 });
    expect((await failure(drawn(folder, { embeddings: [wide] }))).message).toContain("made for another model");
    expect((await failure(drawn(folder, { loras: [{ file: named }] }))).message).toContain("is it a LoRA?");
    expect((await failure(drawn(folder, { loras: [{ file: named, scale: NaN }] }))).message).toContain("The strength");
  });
});

describe("an import", () => {
  const imported = async (into: string, request: { file: string } & Record<string, string>) => {
    await using keepsake = await Keepsake.open(into, options);
    return await keepsake.import({ classNoun: "dog", ...request });
  };

  it("of an exported file into a new library draws the same pictures, and can be undone", async () => {
    const to = inFolder("travels.safetensors");
    await exported({ format: "kohya", to }, plain);
    const copy = inFolder("copy");
    expect(await imported(copy, { file: to })).toEqual({
      ...{ name: "rex", token: "<rex>", vectors: 1, kind: "lora", notes: [] },
    });
    expect((await learnedLora(copy)).parameters).toEqual((await learnedLora(plain)).parameters);
    await using keepsake = await Keepsake.open(copy, options);
    await using original = await Keepsake.open(plain, options);
    const request = { prompt: "a <rex>", ...picture };
    const [[ours], [theirs]] = [await keepsake.generate(request), await original.generate(request)];
    expect(ours.image.data).toEqual(theirs.image.data);
    const [concept] = await keepsake.concepts();
    expect(concept).toMatchObject({ name: "rex", classNoun: "dog" });
    expect(concept).not.toHaveProperty("steps");
    expect((await keepsake.verify()).faults).toEqual([]);
    const { states } = await keepsake.history();
    expect(states[0].change).toEqual({ kind: "imported", concept: "rex" });
    expect((await keepsake.undo()).concepts).toEqual([]);
  });

  /** A LoRA for the test model, on what a preset reaches. */
  async function loraFile(name: string, targets: "crossattn-kv" | "attn", rank = 3): Promise<string> {
    const lora = createLora(modules, { targets, rank, loraAlpha: 1.5, random: new RandomStream(rank) });
    for (const { loraB, module } of lora.layers) loraB.set(new RandomStream(8, module).normal(loraB.length));
    const file = inFolder(`${name}.safetensors`);
    await writeKohyaLora(file, lora, { model: "sd-1", resolution: 128 });
    return file;
  }

  /** The changes of the weights of two adapters, added. */
  const sumOf = (a: Lora, b: Lora) =>
    a.layers.map((_, i) => weightChange(a, i).map((value, k) => value + weightChange(b, i)[k]));

  const copyOf = (folder: string, name: string) => {
    const copy = inFolder(name);
    cpSync(folder, copy, { recursive: true });
    return copy;
  };

  it("of a LoRA that was trained with words, without them or their embedding, says so", async () => {
    const lora = createLora(modules, { targets: "crossattn-kv", rank: 2, loraAlpha: 2, random: new RandomStream(2) });
    const file = inFolder("phrase.safetensors");
    await writeKohyaLora(file, lora, { model: "sd-1", resolution: 128, triggerPhrase: "wtrclr style" });
    const notes = async (name: string, request: Record<string, string> = {}) =>
      (await imported(inFolder(`phrase ${name}`), { file, name, ...request })).notes;
    expect(await notes("told")).toEqual([
      `<told> means "dog", but ${file} says that it was trained with "wtrclr style": undo, and import it with --trigger, ` +
        "or with the --embedding of its token.",
    ]);
    expect(await notes("given", { trigger: "a dog" })).toEqual([]);
  });

  it.each(["library", "plain"])(
    "of a LoRA into a library that has learned is added to what it knows: %s",
    async (which) => {
      const folder = copyOf(which === "library" ? library : plain, `with import ${which}`);
      const [before, states] = [await learnedLora(folder), treeOf(folder)];
      const file = await loraFile(`added-${which}`, "crossattn-kv");
      const { notes, vectors } = await imported(folder, { file, name: "style", trigger: "a mug and a cup" });
      expect(notes).toEqual([expect.stringContaining("not trained to spare the concepts")]);
      expect(vectors).toBe(pipeline.newTokenizer().tokenIds("a mug and a cup").length);
      const after = await learnedLora(folder);
      expect(after.form).toBe(before.form);
      sumOf(before, await readLora(file, modules)).forEach((expected, i) => {
        const largest = Math.max(...expected.map(Math.abs));
        const worst = Math.max(...weightChange(after, i).map((value, k) => Math.abs(value - expected[k])));
        expect(worst).toBeLessThan(1e-6 * largest);
      });
      const photos = inFolder("grandmother in hospital");
      const strategy = which === "library" ? "kv-nullspace" : "sequential";
      // The adapter has a larger rank by now, which the library knows.
      const learned = await learnQuickly({
        ...{ library: folder, name: "later", photos: [photos], strategy, training: { resolution: 32, steps: 1 } },
        adapter: { rank: after.form === "low-rank" ? 5 : 2 },
      });
      expect(learned.status).toBe("learned");
      await using keepsake = await Keepsake.open(folder, options);
      await keepsake.undo();
      await keepsake.undo();
      expect(Object.keys(treeOf(folder) ?? {})).toEqual(expect.arrayContaining(Object.keys(states ?? {})));
      expect((await learnedLora(folder)).parameters).toEqual(before.parameters);
    },
  );

  it("makes the words of --trigger what its token stands for", async () => {
    const folder = inFolder("triggered");
    const file = await loraFile("triggered", "attn");
    await imported(folder, { file, name: "style", trigger: "mug" });
    await using keepsake = await Keepsake.open(folder, options);
    const draw = async (prompt: string) => (await keepsake.generate({ prompt, ...picture }))[0].image.data;
    expect(await draw("a <style>")).toEqual(await draw("a mug"));
    const adapter = await learnedLora(folder);
    expect(distance(await readLora(file, modules), adapter)).toBe(0);
    expect(adapter.parameters).toEqual((await readLora(file, modules)).parameters);
  });

  it("of an embedding leaves the adapter as it is", async () => {
    const [{ file }] = (await exported({ format: "diffusers", to: inFolder("tokens.safetensors") })).tokens;
    const folder = copyOf(plain, "with an embedding");
    const { token, kind } = await imported(folder, { file, name: "other" });
    expect([token, kind]).toEqual(["<other>", "embedding"]);
    expect((await learnedLora(folder)).parameters).toEqual((await learnedLora(plain)).parameters);
    const fresh = inFolder("embedding alone");
    expect(await imported(fresh, { file })).toMatchObject({ name: "rex", kind: "embedding" });
    // No tensor says whether it is a LoRA's but by its name, and this one is called as the token.
    const { vectors, width } = (await readTokenEmbeddings(file))[0];
    for (const name of ["flora", "lora", "lora_dog"]) {
      const named = inFolder(`${name}.safetensors`);
      await writeTokenEmbedding(named, { token: `<${name}>`, vectors, count: 1, width });
      expect(await imported(fresh, { file: named })).toMatchObject({ name, kind: "embedding" });
    }
    expect((await learnedLora(fresh)).layers.every(({ loraB }) => loraB.every((value) => value === 0))).toBe(true);
  });

  it("is refused in one sentence where the library cannot keep it, and leaves it as it was", async () => {
    const photos = inFolder("grandmother in hospital");
    const training = { resolution: 32, steps: 1 };
    const [ewc, vera] = [inFolder("ewc"), inFolder("vera")];
    await learnQuickly({ library: ewc, name: "rex", photos: [photos], strategy: "ewc", training });
    await learnQuickly({ library: vera, name: "rex", photos: [photos], adapter: { kind: "vera" }, training });
    const [kv, attn] = [await loraFile("small", "crossattn-kv"), await loraFile("large", "attn")];
    const wide = inFolder("too-wide.safetensors");
    await writeTokenEmbedding(wide, { token: "<wide>", vectors: new Float32Array(64), count: 1, width: 64 });
    const pair = inFolder("pair.safetensors");
    await exported({ format: "kohya", to: pair });
    const refusals: [string, { file: string } & Record<string, string>, string][] = [
      [ewc, { file: kv, name: "x" }, "ewc, with which it was learned, remembers the adapter's numbers"],
      [vera, { file: kv, name: "x" }, "a LoRA cannot be added to its adapter, a vera"],
      [plain, { file: attn, name: "x" }, "and the library's adapter only crossattn-kv"],
      [plain, { file: kv, name: "rex" }, 'already knows "rex"'],
      [plain, { file: wide }, "the embedding was made for another model"],
      [plain, { file: pair }, "holds several tokens (mug, rex); choose one of them with --name"],
      [plain, { file: wide, trigger: "x" }, "is an embedding itself"],
      [plain, { file: inFolder("none.safetensors") }, "none.safetensors"],
    ];
    for (const [folder, request, message] of refusals) {
      const before = treeOf(folder);
      expect((await failure(imported(folder, request))).message).toContain(message);
      expect(treeOf(folder)).toEqual(before);
    }
    const nowhere = inFolder("not made");
    await failure(imported(nowhere, { file: wide }));
    expect(existsSync(nowhere)).toBe(false);
  });
});
