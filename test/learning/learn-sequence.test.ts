import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireLora } from "../../src/adapters/lora.ts";
import { trainedIndices, weightChange } from "../../src/adapters/stacked-lora.ts";
import type { TokenEmbedding } from "../../src/adapters/textual-inversion.ts";
import { DenoiserPool } from "../../src/training/denoiser-pool.ts";
import { learnSequence, type LearnedConcept, type SequenceRequest } from "../../src/learning/learn-sequence.ts";
import type { OptionValue } from "../../src/training/options.ts";
import { createStrategy } from "../../src/strategies/registry.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { addLearnedTokens } from "../../src/diffusion/prompt-encoder.ts";
import { SafetensorsFile, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { RandomStream } from "../../src/random/random.ts";
import { relativeError } from "../diffusion/support.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { MODEL } from "../keepsake/support.ts";

const RESOLUTION = 32;
const SIZE = 4 * 4 * 4;
/** The training templates fit. */
const POSITIONS = 12;

const inFolder = temporaryFolder();
let pipeline: StableDiffusionPipeline;
let pool: DenoiserPool;

beforeAll(async () => {
  // With 77 positions the text embeddings of one prompt span all 32 dimensions of the tiny model: nothing is orthogonal
  // to them.
  pipeline = await StableDiffusionPipeline.load(await withPositions(POSITIONS));
  pool = new DenoiserPool(pipeline, { threads: 1 });
});

afterAll(() => pool.dispose());

/** A copy of the tiny model that reads prompts of so many tokens. */
async function withPositions(positions: number): Promise<string> {
  const model = inFolder("model");
  cpSync(MODEL, model, { recursive: true });
  const edit = (file: string, change: Record<string, number>) => {
    const path = join(model, file);
    const json: unknown = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify(Object.assign({}, json, change)));
  };
  edit("text_encoder/config.json", { max_position_embeddings: positions });
  edit("tokenizer/tokenizer_config.json", { model_max_length: positions });
  const path = join(model, "text_encoder", "model.safetensors");
  const file = await SafetensorsFile.open(path);
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const { name, shape, dtype } of file.tensors.values()) {
    if (dtype !== "F32") continue; // position_ids, which nobody reads
    const data = await file.readFloat32(name);
    const isTable = name.endsWith("position_embedding.weight");
    const [rows, width] = [isTable ? positions : shape[0], shape[1] ?? 1];
    tensors.set(name, isTable ? { shape: [rows, width], data: data.slice(0, rows * width) } : { shape, data });
  }
  await writeSafetensors(path, tensors);
  return model;
}

const normal = (purpose: string, count: number) => new RandomStream(7, "test", purpose).normal(count);

const concept = (name: string, classNoun: string) => ({
  ...{ name, classNoun },
  photos: [0, 1].map((i) => ({ mean: normal(`${name} ${i}`, SIZE), logvar: new Float32Array(SIZE).fill(-4) })),
});
const [dog, mug] = [concept("dog", "dog"), concept("mug", "cup")];

async function learn(
  strategy: string,
  options: Record<string, OptionValue> = {},
  request: Partial<SequenceRequest> = {},
): Promise<LearnedConcept[]> {
  const learned: LearnedConcept[] = [];
  const training = { steps: 3, resolution: RESOLUTION, learningRate: 1e-2, batchSize: 2 };
  const all = { pipeline, pool, concepts: [dog, mug], training, adapter: { rank: 2 }, learnedRows: 2 };
  for await (const each of learnSequence({ ...all, strategy: createStrategy(strategy, options), ...request })) {
    learned.push(each);
  }
  return learned;
}

/** The UNet's prediction for some noise under a prompt. */
async function predict(prompt: string, { adapter: lora }: LearnedConcept, embeddings: readonly TokenEmbedding[]) {
  const tokenizer = pipeline.newTokenizer();
  const { values } = addLearnedTokens(tokenizer, embeddings, 32);
  const denoiser = pool.denoiser(lora, { resolution: RESOLUTION, batchSize: 2, learnedRows: 2 });
  const [noisyLatents, target] = [normal("latents", SIZE), new Float32Array(SIZE)];
  const item = { noisyLatents, target, timestep: 400, tokenIds: [...tokenizer.encode(prompt).inputIds] };
  const [prediction] = await denoiser.predictions([item], { adapter: lora, embeddings: values });
  return prediction;
}

describe("learnSequence", () => {
  it("learns one concept after another, and gives the same numbers for the same request", async () => {
    const [first, second] = await learn("sequential");
    expect([first.names, second.names]).toEqual([["dog"], ["mug"]]);
    expect(second.embeddings.map(({ token }) => token)).toEqual(["<dog>", "<mug>"]);
    expect(second.embeddings[0]).toEqual(first.embeddings[0]);
    expect(second.adapter.parameters).not.toEqual(first.adapter.parameters);
    expect(second.losses).toHaveLength(3);
    expect(second.trainedParameters).toBe(second.adapter.parameters.length + 32);
    expect(second.keptBytes - first.keptBytes).toBe(32 * 4);
    expect((await learn("sequential"))[1].adapter.parameters).toEqual(second.adapter.parameters);
  });

  it("ewc-dc with λ = 0 is sequential to the last bit, and keeps two arrays of the adapter's size, whatever the number of concepts", async () => {
    const plain = await learn("sequential");
    const learned = await learn("ewc-dc", { lambda: 0, draws: 2 });
    learned.forEach(({ adapter: lora, embeddings, memory, evaluations }, i) => {
      expect(lora.parameters).toEqual(plain[i].adapter.parameters);
      expect(embeddings).toEqual(plain[i].embeddings);
      expect([...memory.keys()].sort()).toEqual(["anchor", "fisher", "score-temperature"]);
      expect(memory.get("fisher")?.data).toHaveLength(lora.parameters.length);
      expect(memory.get("fisher")?.data.some((value) => value > 0)).toBe(true);
      // Two photos in two draws, under the new prompt and the class noun's, then under the earlier token too.
      expect(evaluations.consolidate?.forward).toBe(4 * (2 + i));
    });
  });

  it("dsc: trains a teacher first, and shares the programs of the learned concept", async () => {
    const [, second] = await learn("dsc");
    expect(second.losses).toHaveLength(6);
    expect(second.evaluations).toEqual({
      teacher: { forward: 0, forwardBackward: 6 },
      learn: { forward: 6 * (2 + 3 + 3), forwardBackward: 6 * 3 },
    });
  });

  it("kv-nullspace, hard: leaves the UNet's output under protected prompts as it is, to rounding, and changes others", async () => {
    const options = { energy: 1, contexts: 1, generic: false };
    const [first, second] = await learn("kv-nullspace", options);
    const under = async (prompt: string) => {
      const [before, after] = [
        await predict(prompt, first, second.embeddings),
        await predict(prompt, second, second.embeddings),
      ];
      return relativeError(after, before);
    };
    expect(second.adapter.parameters).not.toEqual(first.adapter.parameters);
    const isProtected = await under("a photo of a <dog>");
    expect(isProtected).toBeLessThan(5e-6);
    expect(await under("a photo of a <mug>")).toBeGreaterThan(100 * isProtected);
    const [, free] = await learn("merge-and-restart");
    const before = await predict("a photo of a <dog>", free, free.embeddings);
    const [start] = await learn("merge-and-restart", {}, { concepts: [dog] });
    const without = await predict("a photo of a <dog>", start, free.embeddings);
    expect(relativeError(before, without)).toBeGreaterThan(100 * isProtected);
  });

  it("kv-nullspace: says so when nothing is left to learn in, and when the adapter reads no text", async () => {
    const generic = { energy: 1, generic: true };
    expect((await failure(learn("kv-nullspace", generic))).message).toContain("leave no room among the 32 directions");
    const adapter = { rank: 2, targets: "attn2.to_k,attn2.to_q" };
    const { message } = await failure(learn("kv-nullspace", {}, { adapter }));
    expect(message).toMatch(/attn2\.to_q does not read text embeddings|inputs of different widths/);
  });

  it("c-lora: its first concept is a plain LoRA with a random token", async () => {
    const [first] = await learn("c-lora", { "token-start": "class-noun" }, { concepts: [dog] });
    const [plain] = await learn("sequential", {}, { concepts: [dog] });
    expect(first.adapter.form).toBe("stacked");
    expect(first.adapterSettings).toEqual({ rank: 34, loraAlpha: 34, targets: "crossattn-kv" });
    const [lora, expected] = [requireLora(first.adapter), requireLora(plain.adapter)];
    lora.layers.forEach((_, i) => {
      expect(relativeError(weightChange(lora, i), weightChange(expected, i))).toBeLessThan(1e-2);
    });
    const [random] = await learn("c-lora", {}, { concepts: [dog] });
    expect(relativeError(random.embeddings[0].vectors, first.embeddings[0].vectors)).toBeGreaterThan(0.1);
  });

  it("custom-diffusion: trains whole matrices, and keeps as much after two concepts as after one", async () => {
    const [first, second] = await learn("custom-diffusion", {}, { adapter: {} });
    expect(second.adapter.form).toBe("full");
    expect(second.adapter.parameters).not.toEqual(first.adapter.parameters);
    expect(second.trainedParameters).toBe((trainedIndices(second.adapter, "full")?.length ?? 0) + 32);
    expect(second.keptBytes - first.keptBytes).toBe(32 * 4);
    const { message } = await failure(learn("custom-diffusion"));
    expect(message).toContain("no rank and no alpha");
  });

  it("separate: begins every concept anew, and says what it costs to keep them all", async () => {
    const [first, second] = await learn("separate");
    const [alone] = await learn("sequential", {}, { concepts: [dog] });
    expect(first.adapter.parameters).toEqual(alone.adapter.parameters);
    expect(second.keptBytes - first.keptBytes).toBe(second.adapter.parameters.byteLength + 32 * 4);
  });

  it("joint: learns all at once, with the steps of all", async () => {
    const [both, ...more] = await learn("joint");
    expect(more).toEqual([]);
    expect(both.names).toEqual(["dog", "mug"]);
    expect(both.losses).toHaveLength(6);
    const [noun] = await learn("joint", {}, { training: { steps: 1, resolution: RESOLUTION, tokenLearningRate: 0 } });
    both.embeddings.forEach(({ vectors }, i) => {
      expect(vectors).not.toEqual(noun.embeddings[i].vectors);
    });
  });

  it("ends when it is told to", async () => {
    const controller = new AbortController();
    const onStep = () => {
      controller.abort();
    };
    expect(await learn("sequential", {}, { signal: controller.signal, onStep })).toEqual([]);
  });

  it.each([
    { fault: "no concepts", concepts: [], words: "no concept to learn" },
    { fault: "no photos", concepts: [{ ...dog, photos: [] }], words: 'no photo of "dog"' },
    { fault: "a concept twice", concepts: [dog, dog], words: '"dog" comes twice' },
    { fault: "an impossible name", concepts: [{ ...dog, name: "Dog" }], words: "cannot be the name" },
  ])("refuses $fault in one line", async ({ concepts, words }) => {
    expect((await failure(learn("sequential", {}, { concepts }))).message).toContain(words);
  });
});

/** The upper half of a latent counts. */
const HALF = Float32Array.from({ length: 4 * 4 }, (_, i) => (i < 8 ? 1 : 0));

describe("options of the loss", () => {
  it("change what is learned, and nothing where they are off", async () => {
    const [plain] = await learn("sequential", {}, { concepts: [dog] });
    const parameters = async (request: Partial<SequenceRequest>) => {
      const [learned] = await learn("sequential", {}, { concepts: [dog], ...request });
      return learned.adapter.parameters;
    };
    expect(await parameters({ loss: {} })).toEqual(plain.adapter.parameters);
    expect(await parameters({ loss: { noiseOffset: { amount: 0 } } })).toEqual(plain.adapter.parameters);
    const others = [
      await parameters({ loss: { minSnrGamma: 0.1 } }),
      await parameters({ loss: { noiseOffset: { amount: 0.1 } } }),
      await parameters({ concepts: [{ ...dog, photos: dog.photos.map((photo) => ({ ...photo, mask: HALF })) }] }),
    ];
    for (const other of others) expect(other).not.toEqual(plain.adapter.parameters);
  });

  it("are checked before anything else", async () => {
    const fault = async (loss: SequenceRequest["loss"]) => (await failure(learn("sequential", {}, { loss }))).message;
    expect(await fault({ minSnrGamma: 0 })).toContain("The gamma of min-SNR weighting is 0");
    expect(await fault({ noiseOffset: { amount: -1 } })).toContain("The noise offset is -1");
    expect(await fault({ noiseOffset: { amount: 0, adaptiveScale: NaN } })).toContain("The adaptive scale");
  });
});
