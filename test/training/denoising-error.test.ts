import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLora, type Lora } from "../../src/adapters/lora.ts";
import {
  DenoisingError,
  type DenoisingBatch,
  type DenoisingErrorOptions,
  type DenoisingModels,
} from "../../src/training/denoising-error.ts";
import { adaptableModules } from "../../src/adapters/new-adapter.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { TextConditioning } from "../../src/diffusion/text-conditioning.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { AdamW } from "../../src/graph/optim/index.ts";
import { RandomStream } from "../../src/random/random.ts";
import { failure } from "../io/failure.ts";
import { openCase, relativeError, rows, type GoldenCase } from "../diffusion/support.ts";
import { goldenLora, TINY_SD1 } from "../keepsake/support.ts";

/** The placeholder of the golden case: an ordinary token (`<|...|>` would be a new one) whose gradient was recorded. */
const TOKEN = 66;
const WIDTH = 32;

let golden: GoldenCase;
let pipeline: StableDiffusionPipeline;
let lora: Lora;
let batch: DenoisingBatch;
let vocabulary: number;

beforeAll(async () => {
  golden = await openCase("training/lora-train");
  pipeline = await StableDiffusionPipeline.load(TINY_SD1);
  vocabulary = pipeline.textEncoder.config.vocabSize;
  lora = await goldenLora(golden, "init.");
  const timesteps = await golden.numbers("timesteps");
  batch = {
    noisyLatents: await golden.read("noisy"),
    target: await golden.read("noise"),
    timesteps,
    tokenIds: rows(await golden.numbers("input_ids"), timesteps.length),
  };
});

/** The programs of the pipeline, by their options: several tests ask the same one. */
const programs = new Map<string, DenoisingError>();

afterAll(async () => {
  for (const program of programs.values()) await program.dispose();
});

async function programOf(options: Partial<DenoisingErrorOptions>, models?: DenoisingModels): Promise<DenoisingError> {
  const size = { batchSize: 2, height: 8, width: 16, learnedRows: 0 };
  const key = models === undefined ? JSON.stringify(options) : `others ${programs.size}`;
  const known = programs.get(key);
  if (known !== undefined) return known;
  const program = await DenoisingError.create(models ?? pipeline, lora, { ...size, ...options });
  programs.set(key, program);
  return program;
}

async function withProgram<T>(
  options: Partial<DenoisingErrorOptions>,
  use: (program: DenoisingError) => Promise<T>,
  models?: DenoisingModels,
): Promise<T> {
  return use(await programOf(options, models));
}

const none = new Float32Array();

/** Every slot of an adapter-sized array against the case's tensor of the same layer. */
async function expectSlotsClose(values: Float32Array, prefix: string): Promise<void> {
  for (const { name, offset, length } of lora.slots) {
    const key = prefix + name.replace(/^unet\./, "").replace(/\.weight$/, "");
    await golden.expectClose(key, values.subarray(offset, offset + length));
  }
}

describe("DenoisingError", () => {
  it("has PyTorch's prediction, error and gradient of the adapter", async () => {
    await withProgram({}, async (program) => {
      const result = await program.run(batch, { adapter: lora, embeddings: none });
      await golden.expectClose("eps_pred", result.prediction);
      const loss = (result.errors[0] + result.errors[1]) / 2;
      await golden.expectClose("loss", Float32Array.of(loss));
      await expectSlotsClose(result.adapterGradient, "grad.");
      expect(result.embeddingsGradient).toHaveLength(0);
    });
  });

  it("follows ten AdamW steps of PyTorch", async () => {
    const trained = lora.withParameters(lora.parameters);
    const optimizer = new AdamW([{ name: "lora", parameters: trained.parameters, learningRate: 1e-3 }]);
    const losses: number[] = [];
    await withProgram({}, async (program) => {
      for (let step = 0; step <= 10; step++) {
        const { errors, adapterGradient } = await program.run(batch, { adapter: trained, embeddings: none });
        losses.push((errors[0] + errors[1]) / 2);
        if (step === 10) break;
        optimizer.step([adapterGradient]);
        if (step === 0) await expectSteppedTo("step1.", trained);
      }
    });
    await golden.expectClose("losses", Float32Array.from(losses));
    await expectSteppedTo("final.", trained);
  });

  /**
   * Adam divides by the gradient's size, so where a gradient is nearly zero its rounding shows (see the case's note).
   */
  async function expectSteppedTo(prefix: string, { parameters }: Lora): Promise<void> {
    const reference = (await goldenLora(golden, prefix)).parameters;
    const errors = parameters.map((value, i) => Math.abs(value - reference[i]));
    expect(Math.max(...errors)).toBeLessThanOrEqual(1e-4);
    expect(errors.filter((error) => error > 2e-6).length / errors.length).toBeLessThanOrEqual(0.005);
  }

  it("gives a learned token's embedding PyTorch's gradient, wherever the token stands", async () => {
    const table = await pipeline.textEncoder.weights.readFloat32("text_model.embeddings.token_embedding.weight");
    const embeddings = new Float32Array(2 * WIDTH).fill(9);
    embeddings.set(table.subarray(TOKEN * WIDTH, (TOKEN + 1) * WIDTH), WIDTH);
    const tokenIds = batch.tokenIds.map((ids) => ids.map((id) => (id === TOKEN ? vocabulary + 1 : id)));
    expect(tokenIds.flat()).toContain(vocabulary + 1);
    await withProgram({ learnedRows: 2 }, async (program) => {
      const result = await program.run({ ...batch, tokenIds }, { adapter: lora, embeddings });
      await golden.expectClose("eps_pred", result.prediction);
      await golden.expectClose("grad.token_embedding_row", result.embeddingsGradient.subarray(WIDTH));
      // A row that no prompt uses moves nothing, whatever it is.
      expect(result.embeddingsGradient.subarray(0, WIDTH).every((value) => value === 0)).toBe(true);
      await expectSlotsClose(result.adapterGradient, "grad.");
    });
  });

  it("begins the learned ids where the vocabulary ends, for text encoders with more rows than the tokenizer has tokens", async () => {
    const first = vocabulary - 5;
    const table = await pipeline.textEncoder.weights.readFloat32("text_model.embeddings.token_embedding.weight");
    const embeddings = table.slice(TOKEN * WIDTH, (TOKEN + 1) * WIDTH);
    const endOfText = Math.max(...batch.tokenIds.flat());
    // In this vocabulary the last ids are the special tokens, so the prompt's end moves below the first learned id.
    const tokenIds = batch.tokenIds.map((ids) => ids.map((id) => (id === TOKEN ? first : id >= first ? 5 : id)));
    expect(endOfText).toBeGreaterThan(first);
    const plain = tokenIds.map((ids) => ids.map((id) => (id === first ? TOKEN : id)));
    const [encoder] = pipeline.text.encoders;
    const text = new TextConditioning([{ ...encoder, tokenizer: { ...encoder.tokenizer, vocabSize: first } }]);
    const learned = await withProgram(
      { learnedRows: 1 },
      (program) => program.run({ ...batch, tokenIds }, { adapter: lora, embeddings }),
      { unet: pipeline.unet, text },
    );
    const ordinary = await withProgram({}, (program) =>
      program.run({ ...batch, tokenIds: plain }, { adapter: lora, embeddings: none }),
    );
    expect(relativeError(learned.errors, ordinary.errors)).toBeLessThan(1e-5);
  });

  it("is the same for a batch as for its items one by one", async () => {
    const half = batch.target.length / 2;
    const together = await withProgram({}, (program) => program.run(batch, { adapter: lora, embeddings: none }));
    await withProgram({ batchSize: 1 }, async (program) => {
      const summed = new Float32Array(lora.parameters.length);
      for (const i of [0, 1]) {
        const [ids, timestep] = [batch.tokenIds[i], batch.timesteps[i]];
        const item = {
          noisyLatents: batch.noisyLatents.slice(i * half, (i + 1) * half),
          target: batch.target.slice(i * half, (i + 1) * half),
          timesteps: [timestep],
          tokenIds: [ids],
        };
        const alone = await program.run(item, { adapter: lora, embeddings: none });
        expect(relativeError(alone.errors, together.errors.slice(i, i + 1))).toBeLessThan(1e-5);
        expect(relativeError(alone.prediction, together.prediction.slice(i * half, (i + 1) * half))).toBeLessThan(1e-5);
        alone.adapterGradient.forEach((value, k) => (summed[k] += value / 2));
      }
      expect(relativeError(summed, together.adapterGradient)).toBeLessThan(1e-5);
    });
  });

  it("weighs each item's gradient, and no item's error", async () => {
    await withProgram({}, async (program) => {
      const run = (weights: number[]) => program.run({ ...batch, weights }, { adapter: lora, embeddings: none });
      const [first, second, both] = [await run([1, 0]), await run([0, 1]), await run([2, -3])];
      expect(first.errors).toEqual(both.errors);
      const expected = first.adapterGradient.map((value, i) => 2 * value - 3 * second.adapterGradient[i]);
      expect(relativeError(both.adapterGradient, expected)).toBeLessThan(1e-5);
    });
  });

  it("has the same errors without derivatives, which are left out", async () => {
    const full = await withProgram({}, (program) => program.run(batch, { adapter: lora, embeddings: none }));
    const bare = await withProgram({ derivatives: false }, (program) =>
      program.run(batch, { adapter: lora, embeddings: none }),
    );
    expect(relativeError(bare.errors, full.errors)).toBeLessThan(1e-6);
    expect(relativeError(bare.prediction, full.prediction)).toBeLessThan(1e-5);
    expect(bare.adapterGradient).toHaveLength(0);
    expect(bare.embeddingsGradient).toHaveLength(0);
  });

  it("has the same gradient with checkpointing", async () => {
    const full = await withProgram({}, (program) => program.run(batch, { adapter: lora, embeddings: none }));
    const frugal = await withProgram({ checkpointing: true }, (program) =>
      program.run(batch, { adapter: lora, embeddings: none }),
    );
    expect(relativeError(frugal.adapterGradient, full.adapterGradient)).toBeLessThan(1e-5);
  });

  it("reaches an adapter of the text encoder too", async () => {
    const random = new RandomStream(1, "test");
    const modules = adaptableModules(pipeline);
    const both = createLora({ text_encoder: modules.text_encoder }, { rank: 2, targets: ["q_proj"], random });
    const program = await DenoisingError.create(pipeline, both, { batchSize: 2, height: 8, width: 16, learnedRows: 0 });
    try {
      const { adapterGradient } = await program.run(batch, { adapter: both, embeddings: none });
      expect(adapterGradient.some((value) => value !== 0)).toBe(true);
    } finally {
      await program.dispose();
    }
  });

  it("refuses a token id that nothing stands for", async () => {
    const tokenIds = batch.tokenIds.map((ids) => ids.map((id) => (id === TOKEN ? vocabulary + 1 : id)));
    await withProgram({ learnedRows: 1 }, async (program) => {
      const run = program.run({ ...batch, tokenIds }, { adapter: lora, embeddings: new Float32Array(WIDTH) });
      expect((await failure(run)).message).toContain(`Token id ${vocabulary + 1}`);
    });
  });

  it("makes training targets of both kinds", () => {
    const [clean, noise] = [Float32Array.of(1, 2), Float32Array.of(0.5, -1)];
    const config = pipeline.schedulerConfig;
    const epsilon = new NoiseSchedule(config).trainingTarget(clean, noise, [10, 500]);
    expect(epsilon).toEqual(noise);
    const velocity = new NoiseSchedule({ ...config, prediction_type: "v_prediction" });
    const noisy = velocity.addNoise(clean, noise, [10, 500]);
    const target = velocity.trainingTarget(clean, noise, [10, 500]);
    // v = a * noise - s * clean and noisy = a * clean + s * noise, so the two have the length of (clean, noise).
    for (const i of [0, 1]) expect(Math.hypot(noisy[i], target[i])).toBeCloseTo(Math.hypot(clean[i], noise[i]), 5);
  });
});
