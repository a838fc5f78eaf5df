/**
 * VeRA and DoRA in a model, in sequences and in a library: every strategy either works on them or says why not.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lora } from "../../src/adapters/lora.ts";
import {
  classifyPictures,
  generatePictures,
  type LearnProgress,
  type LearnRequest,
  verifyLibrary,
} from "./one-shot.ts";
import { DenoiserPool } from "../../src/training/denoiser-pool.ts";
import { DenoisingError } from "../../src/training/denoising-error.ts";
import { learnSequence, type LearnedConcept, type SequenceRequest } from "../../src/learning/learn-sequence.ts";
import { Library } from "../../src/library/library.ts";
import { newAdapter } from "../../src/adapters/new-adapter.ts";
import { createStrategy, STRATEGIES } from "../../src/strategies/registry.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { RandomStream } from "../../src/random/random.ts";
import { relativeError } from "../diffusion/support.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { learnQuickly, MODEL, treeOf, writePhotos } from "./support.ts";

const RESOLUTION = 32;
const KINDS: readonly { readonly kind: "vera" | "dora"; readonly rank: number }[] = [
  { kind: "vera", rank: 8 },
  { kind: "dora", rank: 2 },
];
const inFolder = temporaryFolder();
let pipeline: StableDiffusionPipeline;
let pool: DenoiserPool;

beforeAll(async () => {
  pipeline = await StableDiffusionPipeline.load(MODEL, { threads: 1 });
  pool = new DenoiserPool(pipeline, { threads: 1 });
});

afterAll(async () => {
  await pool.dispose();
  await pipeline.dispose();
});

const normal = (purpose: string, count: number) => new RandomStream(9, "test", purpose).normal(count);

const concept = (name: string, classNoun: string) => ({
  ...{ name, classNoun },
  photos: [0, 1].map((i) => ({ mean: normal(`${name} ${i}`, 64), logvar: new Float32Array(64).fill(-4) })),
});

async function learn(strategy: string, request: Partial<SequenceRequest>): Promise<LearnedConcept[]> {
  const learned: LearnedConcept[] = [];
  const sequence = learnSequence({
    ...{ pipeline, pool, concepts: [concept("dog", "dog"), concept("mug", "cup")] },
    strategy: createStrategy(strategy, Object.hasOwn(optionsOf(strategy), "draws") ? { draws: 1 } : {}),
    training: { steps: 1, resolution: RESOLUTION },
    learnedRows: 2,
    ...request,
  });
  for await (const each of sequence) learned.push(each);
  return learned;
}

const optionsOf = (name: string) => STRATEGIES.find((strategy) => strategy.name === name)?.options ?? {};

describe("a new adapter", () => {
  it.each<{ kind: string; rank: number; worst: number }>([
    { kind: "lora", rank: 4, worst: 0 },
    { kind: "vera", rank: 16, worst: 0 },
    // The norm is computed in float32, its inverse in float64.
    { kind: "dora", rank: 4, worst: 1e-5 },
  ])("of the kind $kind leaves the UNet's output as it is, whatever layers it is on", async ({ kind, rank, worst }) => {
    const settings = {
      ...(kind !== "lora" && { kind }),
      ...(kind === "vera" && { projectionKey: 1 }),
      ...{ rank, loraAlpha: rank, targets: "all-linear" },
    };
    const predicted = async (lora: Parameters<typeof DenoisingError.create>[1]) => {
      const size = { height: 4, width: 4, learnedRows: 0, derivatives: false, threads: 1 };
      const program = await DenoisingError.create(pipeline, lora, size);
      const noisyLatents = normal("noisy", 64);
      const batch = { noisyLatents, timesteps: [300], tokenIds: [idsOf("a cup")], target: new Float32Array(64) };
      try {
        return (await program.run(batch, { adapter: lora, embeddings: new Float32Array() })).prediction;
      } finally {
        await program.dispose();
      }
    };
    const plain = await predicted(new Lora([]));
    const adapter = await newAdapter(pipeline, settings, 1);
    expect(relativeError(await predicted(adapter), plain)).toBeLessThanOrEqual(worst);
    const other = adapter.withParameters(adapter.parameters.map((value) => value + 0.1));
    expect(relativeError(await predicted(other), plain)).toBeGreaterThan(1e-2);
  });
});

const idsOf = (prompt: string) => [...pipeline.newTokenizer().encode(prompt).inputIds];

describe.each(KINDS)("$kind", ({ kind, rank }) => {
  it.each(STRATEGIES.map(({ name }) => name))("%s learns with it, or says why not and what to do", async (name) => {
    const { loraOnly, form } = createStrategy(name);
    // What is made of matrices, and what weighs the product B A of a plain one.
    const needsLora = form === "stacked" || form === "full" || name === "kfac-ewc-dc";
    expect(loraOnly !== undefined).toBe(needsLora);
    if (loraOnly !== undefined) {
      const { message } = await failure(learn(name, { adapter: { kind, rank } }));
      expect(message).toBe(
        `${name} works on a LoRA alone, since ${loraOnly}; with ${kind} choose one of sequential, ` +
          "textual-inversion, ewc, ewc-dc, dsc, dsc-ewc, dsc-ewc-dc, replay.",
      );
      return;
    }
    const learned = await learn(name, { adapter: { kind, rank } });
    expect(learned.every(({ adapter }) => adapter.kind === kind)).toBe(true);
    const last = learned[learned.length - 1];
    expect(last.adapter.parameters.every(Number.isFinite)).toBe(true);
    const trained = learned.map(({ adapter }) => adapter.parameters);
    if (name === "textual-inversion") expect(trained[1]).toEqual(trained[0]);
    else if (learned.length > 1) expect(trained[1]).not.toEqual(trained[0]);
  });

  it("can start a teacher from an adapter that changes nothing", async () => {
    const strategy = createStrategy("dsc", { "teacher-start": "zero" });
    const [first] = await learn("dsc", { strategy, adapter: { kind, rank }, concepts: [concept("dog", "dog")] });
    expect(first.adapter.kind).toBe(kind);
  });
});

describe("a sequence with VeRA", () => {
  it("trains out + rank numbers of each layer, and keeps no projection", async () => {
    const [first] = await learn("sequential", { adapter: { kind: "vera", rank: 8 } });
    const numbers = first.adapter.layers.reduce((sum, { outFeatures }) => sum + outFeatures + 8, 0);
    expect(first.trainedParameters).toBe(numbers + 32);
    expect(first.keptBytes).toBe(4 * (numbers + 32));
    expect(first.adapterSettings).toEqual({
      ...{ kind: "vera", rank: 8, loraAlpha: 8, targets: "crossattn-kv", projectionKey: 0 },
    });
  });

  it("has rank 256 unless told otherwise, and no alpha", async () => {
    const [first] = await learn("sequential", { adapter: { kind: "vera" }, concepts: [concept("dog", "dog")] });
    expect(first.adapterSettings.rank).toBe(256);
    const { message } = await failure(learn("sequential", { adapter: { kind: "vera", loraAlpha: 8 } }));
    expect(message).toBe("An adapter of the kind vera has no alpha; leave the option out.");
  });
});

describe.each<(typeof KINDS)[number] & Required<Pick<LearnRequest, "strategy" | "strategyOptions">>>([
  { kind: "vera", rank: 8, strategy: "ewc-dc", strategyOptions: { draws: 1 } },
  { kind: "dora", rank: 2, strategy: "dsc", strategyOptions: {} },
])("a library with $kind", ({ kind, rank, strategy, strategyOptions }) => {
  const library = inFolder(kind);
  let photos: string;
  const request = (): Pick<LearnRequest, "name" | "photos"> & Partial<LearnRequest> => ({
    ...{ strategy, strategyOptions, training: { steps: 2 } },
    ...{ name: "mug", classNoun: "cup", photos: [photos] },
    adapter: {},
  });
  const learnMug = (folder: string, more: Partial<LearnRequest> = {}) =>
    learnQuickly({ library: folder, ...request(), adapter: { rank }, ...more });
  const copyOf = (name: string): string => {
    const copy = inFolder(`${kind} ${name}`);
    cpSync(library, copy, { recursive: true });
    return copy;
  };

  beforeAll(async () => {
    photos = await writePhotos(inFolder(`photos for ${kind}`), "mug");
    const dog = await writePhotos(inFolder(`photos of a dog for ${kind}`), "dog");
    await learnQuickly({
      library,
      ...request(),
      name: "dog",
      classNoun: "dog",
      photos: [dog],
      adapter: { kind, rank },
    });
  });

  it("goes on from a stop in any phase to the same bytes", async () => {
    const straight = copyOf("straight");
    const seen = new Set<string>();
    const { steps } = await learnMug(straight, {
      onProgress: (progress) => progress.kind === "step" && seen.add(progress.phase),
    });
    expect(seen.size).toBe(2);
    // Within the first phase, and within the last one.
    for (const step of [1, steps - 1]) {
      const stopped = copyOf(`stopped after ${step}`);
      const controller = new AbortController();
      const onProgress = (progress: LearnProgress) => {
        if (progress.kind === "step" && progress.step === step) controller.abort();
      };
      expect(await learnMug(stopped, { signal: controller.signal, onProgress })).toMatchObject({ step });
      await learnMug(stopped);
      expect(treeOf(stopped)).toEqual(treeOf(straight));
    }
  });

  it("knows the kind, draws and classifies with it, and is whole", async () => {
    const { manifest } = await Library.open(library);
    expect(manifest.adapter).toMatchObject({ kind, rank, loraAlpha: rank, targets: "crossattn-kv" });
    expect(manifest.adapter?.projectionKey).toBe(kind === "vera" ? 3 : undefined);
    const adapter = await (await Library.open(library)).adapter(pipeline);
    expect(adapter?.kind).toBe(kind);
    expect(await verifyLibrary(library)).toMatchObject({ faults: [], model: "checked" });
    const file = inFolder(`${kind}.png`);
    await generatePictures({ library, prompt: "<dog>", files: [file], steps: 1, program: { threads: 1 } });
    const [picture] = await classifyPictures({
      ...{ library, images: [file], resolution: RESOLUTION, draws: 1, program: { threads: 1 } },
    });
    expect(picture).toBeDefined();
  });

  it("keeps its kind: another one is refused, as is a strategy that does not fit", async () => {
    const other = await failure(learnMug(library, { adapter: { kind: "lora", rank } }));
    expect(other.message).toBe(
      `One adapter lives through all concepts, and that of ${library} has kind ${kind}; leave the option out.`,
    );
    const unfit = await failure(learnMug(library, { strategy: "c-lora", strategyOptions: {} }));
    expect(unfit.message).toContain(`c-lora works on a LoRA alone`);
  });

  it.each([
    ["a kind that is none", /"kind": "\w+"/, '"kind": "lokr"'],
    ["the name of the kind that is not written", /"kind": "\w+"/, '"kind": "lora"'],
    ["a number for a kind", /"kind": "\w+"/, '"kind": 1'],
    ["a key that is none", /"targets": "crossattn-kv"(,\s*"projectionKey": 3)?/, '"targets": "a", "projectionKey": -1'],
  ])("is damaged with %s in its manifest", async (fault, from, to) => {
    const folder = copyOf(fault);
    const path = join(folder, "library.json");
    writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
    const { message } = await failure(Library.open(folder));
    expect(message).toContain("the manifest is damaged");
  });
});
