import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Lora } from "../../src/adapters/lora.ts";
import { CompiledDenoiser } from "../../src/training/denoiser.ts";
import { DEFAULT_TRAINING } from "../../src/learning/learn-settings.ts";
import { newLora } from "../../src/adapters/new-adapter.ts";
import { TrainingRun, type TrainingMaterial } from "../../src/training/training-run.ts";
import type { TrainingSettings } from "../../src/training/training-settings.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { RandomStream } from "../../src/random/random.ts";
import { averageDecay } from "../../src/training/parts/moving-average.ts";
import { failure } from "../io/failure.ts";
import { MODEL } from "../keepsake/support.ts";

const WIDTH = 32;
const STEPS = 5;

let pipeline: StableDiffusionPipeline;
let denoiser: CompiledDenoiser;
let lora: Lora;

beforeAll(async () => {
  pipeline = await StableDiffusionPipeline.load(MODEL);
  lora = newLora(pipeline, { rank: 2, loraAlpha: 2, targets: "crossattn-kv" }, 1);
  // One row more than the tokens need: programs are shared with longer sequences.
  denoiser = new CompiledDenoiser(pipeline, lora, { batchSize: 2, height: 8, width: 8, learnedRows: 4, threads: 1 });
});

afterAll(() => denoiser.dispose());

const normal = (purpose: string, count: number) => new RandomStream(5, "test", purpose).normal(count);

function material(changed: Partial<TrainingSettings> = {}, photoScale = 1): TrainingMaterial {
  const tokenizer = pipeline.newTokenizer();
  tokenizer.addTokens("<first>");
  tokenizer.addTokens("<second>", 2);
  const photos = [0, 1, 2].map((i) => ({
    mean: normal(`mean ${i}`, 256).map((value) => value * photoScale),
    logvar: new Float32Array(256).fill(-4),
  }));
  return {
    concept: "second",
    concepts: [{ token: "<second>", classNoun: "cup", photos }],
    earlierTokens: ["<first>"],
    vae: pipeline.vae.config,
    schedule: new NoiseSchedule(pipeline.schedulerConfig),
    denoiser,
    settings: { ...DEFAULT_TRAINING, steps: STEPS, batchSize: 2, resolution: 64, ...changed },
    tokenize: (prompt) => [...tokenizer.encode(prompt).inputIds],
    frozenEmbeddings: normal("frozen", WIDTH),
  };
}

const start = () => ({ adapter: lora, embedding: normal("embedding", 2 * WIDTH) });

async function run(changed?: Partial<TrainingSettings>): Promise<TrainingRun> {
  const training = new TrainingRun(material(changed), start());
  while (!training.isFinished) await training.advance();
  return training;
}

describe("TrainingRun", () => {
  it("goes on from a saved state at any step to the very bits of an uninterrupted run", async () => {
    const straight = (await run()).state();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: STEPS }), async (stop) => {
        const first = new TrainingRun(material(), start());
        for (let step = 0; step < stop; step++) await first.advance();
        const saved = first.state();
        await (stop < STEPS ? first.advance() : undefined); // must not reach what was saved
        const second = new TrainingRun(material(), start(), saved);
        expect(second.step).toBe(stop);
        while (!second.isFinished) await second.advance();
        expect(second.state()).toEqual(straight);
      }),
      { numRuns: 4 },
    );
  });

  it("changes the adapter and the new token, and neither what it was given nor the earlier tokens", async () => {
    const given = material();
    const frozen = given.frozenEmbeddings.slice();
    const initial = start();
    const [parameters, embedding] = [lora.parameters.slice(), initial.embedding.slice()];
    const training = new TrainingRun(given, initial);
    await training.advance();
    expect(training.adapter.parameters).not.toEqual(parameters);
    expect(training.embedding).not.toEqual(embedding);
    expect(lora.parameters).toEqual(parameters);
    expect(initial.embedding).toEqual(embedding);
    expect(given.frozenEmbeddings).toEqual(frozen);
  });

  it("takes other steps with another seed or for another concept", async () => {
    const one = (await run({ steps: 1 })).state();
    expect((await run({ steps: 1 })).state()).toEqual(one);
    expect((await run({ steps: 1, seed: 1 })).state()).not.toEqual(one);
    const other = new TrainingRun({ ...material({ steps: 1 }), concept: "third" }, start());
    await other.advance();
    expect(other.state()).not.toEqual(one);
  });

  it("lowers the error of what it sees", async () => {
    const training = new TrainingRun(material({ steps: 30, learningRate: 1e-2, tokenLearningRate: 1e-2 }), start());
    const losses: number[] = [];
    while (!training.isFinished) losses.push(await training.advance());
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 10)));
  });

  it("takes smaller steps towards its end, if the rates fall", async () => {
    const constant = await run({ steps: 2 });
    const linear = await run({ steps: 2, lrScheduler: "linear" });
    const first = await run({ steps: 1 });
    const moved = (end: TrainingRun) => Math.abs(end.embedding[0] - first.embedding[0]);
    // The first step is whole in both, the second half as long.
    expect(moved(linear) / moved(constant)).toBeCloseTo(0.5, 3);
  });

  it("stops at a loss that is not a number, and leaves the state as it was", async () => {
    const training = new TrainingRun(material(), start());
    await training.advance();
    const before = training.state();
    const hopeless = new TrainingRun(material({}, NaN), start(), before);
    const { kind, message } = await failure(hopeless.advance());
    expect(kind).toBe("input");
    expect(message).toContain("second diverged at step 2");
    expect(message).toContain("lower --lr");
    expect(hopeless.state()).toEqual(before);
  });
});

describe("further options of training", () => {
  const classPictures = [0, 1].map((i) => ({ latents: normal(`class ${i}`, 256), sentence: "a photo of a cup" }));
  const runOf = async (changed: Partial<TrainingSettings>, after?: (training: TrainingRun) => void) => {
    const training = new TrainingRun({ ...material(changed), classPictures }, start());
    while (!training.isFinished) {
      await training.advance();
      after?.(training);
    }
    return training;
  };

  it("go on from a saved state at any step to the very bits of an uninterrupted run, all at once", async () => {
    const all = { warmupSteps: 2, gradientAccumulation: 2, emaDecay: 0.9, priorWeight: 0.5 };
    const straight = (await runOf(all)).state();
    for (const stop of [1, 3, STEPS - 1]) {
      const first = new TrainingRun({ ...material(all), classPictures }, start());
      for (let step = 0; step < stop; step++) await first.advance();
      const saved = first.state();
      await first.advance(); // must not reach what was saved
      const second = new TrainingRun({ ...material(all), classPictures }, start(), saved);
      while (!second.isFinished) await second.advance();
      expect(second.state()).toEqual(straight);
    }
  });

  it("make of several batches one step: the same as a batch of their size", async () => {
    const accumulated = await runOf({ steps: 2, batchSize: 1, gradientAccumulation: 4 });
    const large = await runOf({ steps: 2, batchSize: 4 });
    expect(accumulated.state()).toEqual(large.state());
  });

  it("let the rates rise from 0 over the steps of a warm-up", async () => {
    const moved = async (steps: number, warmupSteps: number) =>
      (await runOf({ steps, warmupSteps })).embedding[0] - start().embedding[0];
    expect(await moved(1, 2)).toBe(0);
    // The second step goes half of the way up in one run, and a quarter in the other.
    expect((await moved(2, 2)) / (await moved(2, 4))).toBeCloseTo(2, 1);
  });

  it("come to the average of the last steps: as diffusers' EMAModel weighs them, and of the same steps", async () => {
    const steps: number[][] = [];
    await runOf({}, ({ adapter, embedding }) => steps.push([adapter.parameters[0], embedding[0]]));
    const averaged = await runOf({ emaDecay: 0.2 });
    const expected = [0, 1].map((which) =>
      steps.reduce((average, now, step) => {
        const decay = averageDecay(step, 0.2);
        return decay * average + (1 - decay) * now[which];
      }, 0),
    );
    expect([0, 1, 2, 9, 99].map((step) => averageDecay(step, 0.2))).toEqual([0, 2 / 11, 0.2, 0.2, 0.2]);
    expect(averaged.adapter.parameters[0]).toBeCloseTo(expected[0], 6);
    expect(averaged.embedding[0]).toBeCloseTo(expected[1], 6);
    expect(averaged.outcome().embedding).toEqual(averaged.embedding);
    expect(averaged.state().kept).toEqual({});
  });

  it("learn from class pictures beside the photos, as much as their weight says", async () => {
    const losses = async (priorWeight: number | undefined, steps: number) => {
      const training = new TrainingRun({ ...material({ steps, priorWeight }), classPictures }, start());
      const loss = await training.advance();
      return { loss, training };
    };
    const [plain, prior] = [await losses(undefined, 1), await losses(1, 1)];
    // What is told is the error on the photos.
    expect(prior.loss).toBe(plain.loss);
    expect(prior.training.adapter.parameters).not.toEqual(plain.training.adapter.parameters);
    expect(plain.training.evaluations).toEqual({ learn: { forward: 0, forwardBackward: 2 } });
    expect(prior.training.evaluations).toEqual({ learn: { forward: 0, forwardBackward: 4 } });
    // The class pictures do not show the concept: its token learns from the photos alone.
    const only = { steps: 3, learningRate: 0, maxGradNorm: 1e6 };
    expect((await runOf({ ...only, priorWeight: 5 })).embedding).toEqual((await runOf(only)).embedding);
  });

  it("measure the error on photos that are held back: always the same for the same numbers, and changing nothing", async () => {
    const heldBack = [{ mean: normal("held back", 256), logvar: new Float32Array(256) }];
    const training = new TrainingRun(material({ learningRate: 1e-2, tokenLearningRate: 1e-2 }), start());
    const before = training.state();
    const first = await training.validationError(heldBack);
    expect(await training.validationError(heldBack)).toBe(first);
    expect(training.state()).toEqual(before);
    await training.advance();
    expect(await training.validationError(heldBack)).not.toBe(first);
  });
});
