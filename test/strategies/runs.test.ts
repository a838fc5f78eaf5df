/**
 * Whole runs of the strategies on a linear denoiser: resuming in every phase, and what each is reduced to when its own
 * part is taken away.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { requireLora, type Lora } from "../../src/adapters/lora.ts";
import { stackedLora, weightChange } from "../../src/adapters/stacked-lora.ts";
import { DEFAULT_TRAINING } from "../../src/learning/learn-settings.ts";
import { objectiveGradient } from "../../src/training/objective-gradient.ts";
import { fillTemplate, PROMPT_TEMPLATES } from "../../src/prompts/prompt-templates.ts";
import type { OptionValue } from "../../src/training/options.ts";
import { createStrategy } from "../../src/strategies/registry.ts";
import { DENOISING, type ConceptContext } from "../../src/training/strategy.ts";
import { drawSample } from "../../src/training/training-draws.ts";
import { TrainingRun } from "../../src/training/training-run.ts";
import type { TrainingSettings } from "../../src/training/training-settings.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { RandomStream } from "../../src/random/random.ts";
import { MODEL } from "../keepsake/support.ts";
import { LinearDenoiser, linearLora, SIZE, VOCABULARY, WIDTH } from "./linear-denoiser.ts";

const SETTINGS: TrainingSettings = {
  ...{ ...DEFAULT_TRAINING, steps: 3, batchSize: 2, resolution: 8 },
  ...{ learningRate: 1e-2, tokenLearningRate: 1e-2 },
};
const EARLIER = ["<dog>", "<mug>"];

let pipeline: StableDiffusionPipeline;

beforeAll(async () => {
  pipeline = await StableDiffusionPipeline.load(MODEL);
});

const normal = (purpose: string, count: number) => new RandomStream(5, "test", purpose).normal(count);

/** Every prompt is one token: the earlier ones, the new one, or a class noun. */
function tokenize(prompt: string): number[] {
  const row = [...EARLIER, "<cup>"].findIndex((token) => prompt.includes(token));
  return [row < 0 ? 1 : VOCABULARY + row];
}

interface RunOptions {
  readonly strategy: string;
  readonly options?: Record<string, OptionValue>;
  /** How many of the earlier concepts there are. */
  readonly earlier?: number;
  readonly lora?: Lora;
  readonly memory?: ConceptContext["memory"];
  readonly settings?: Partial<TrainingSettings>;
}

async function newRun(request: RunOptions, saved?: ReturnType<TrainingRun["state"]>) {
  const strategy = createStrategy(request.strategy, request.options);
  const earlier = EARLIER.slice(0, request.earlier ?? 2);
  const fresh = linearLora(2, 1, false);
  // What the earlier concepts left.
  const before = earlier.length > 0 ? linearLora(2, 2) : fresh;
  const stacked = stackedLora(fresh, earlier.length > 0 ? before : undefined);
  const lora = request.lora ?? (strategy.form === "stacked" ? stacked : before);
  const plan = await strategy.plan({
    ...{ name: "cup", token: "<cup>", classNoun: "cup", adapter: lora, memory: request.memory ?? new Map() },
    earlier: earlier.map((token) => ({ token, classNoun: "thing" })),
    blankAdapter: () => fresh,
    encodePrompts: (prompts) => Promise.resolve(prompts.slice(0, 2).map((text) => normal(text, WIDTH))),
  });
  const photos = [0, 1].map((i) => ({ mean: normal(`mean ${i}`, SIZE), logvar: new Float32Array(SIZE).fill(-4) }));
  const denoiser = new LinearDenoiser();
  const material = {
    ...{ denoiser, plan, form: strategy.form, tokenize, settings: { ...SETTINGS, ...request.settings } },
    concept: "cup",
    concepts: [{ token: "<cup>", classNoun: "cup", photos }],
    earlierTokens: earlier,
    vae: pipeline.vae.config,
    schedule: new NoiseSchedule(pipeline.schedulerConfig),
    frozenEmbeddings: normal("frozen", 2 * WIDTH),
    replayedPictures: plan.replay?.prompts.map((prompts) =>
      prompts.map((sentence) => ({ latents: normal(sentence, SIZE), sentence })),
    ),
  };
  const run = new TrainingRun(material, { adapter: lora, embedding: normal("embedding", WIDTH) }, saved);
  return { run, material, plan, denoiser };
}

async function finished(request: RunOptions, saved?: ReturnType<TrainingRun["state"]>) {
  const made = await newRun(request, saved);
  while (!made.run.isFinished) await made.run.advance();
  return made;
}

const memoryOf = (run: TrainingRun) => Object.fromEntries(run.memory());
const memory: ConceptContext["memory"] = new Map(
  ["anchor", "fisher"].map((name) => {
    const data = normal(name, linearLora(2).parameters.length).map(Math.abs);
    return [name, { shape: [data.length], data }] as const;
  }),
);

const outputMemory: ConceptContext["memory"] = new Map([
  ["output-fisher", { shape: [SIZE], data: normal("outputs", SIZE).map(Math.abs) }],
]);

describe("a run", () => {
  it.each<RunOptions & { phases: string[] }>([
    { strategy: "sequential", phases: ["learn"] },
    { strategy: "textual-inversion", phases: ["learn"] },
    { strategy: "ewc", memory, phases: ["learn", "consolidate"] },
    { strategy: "ewc-dc", memory, options: { penalty: "per-task", draws: 2 }, phases: ["learn", "consolidate"] },
    { strategy: "dsc", phases: ["teacher", "learn"] },
    { strategy: "dsc", options: { beta: 0, eta: 0 }, phases: ["learn"] },
    { strategy: "dsc-ewc", memory, options: { draws: 2 }, phases: ["teacher", "learn", "consolidate"] },
    { strategy: "dsc-ewc-dc", memory, options: { draws: 2 }, phases: ["teacher", "learn", "consolidate"] },
    { strategy: "kfac-ewc-dc", memory: outputMemory, options: { draws: 2 }, phases: ["learn", "consolidate"] },
    { strategy: "kfac-ewc-dc", options: { draws: 2, eta: 0.1, temperature: 1 }, phases: ["learn", "consolidate"] },
    { strategy: "kfac-ewc-dc", memory: outputMemory, options: { weights: "layers" }, phases: ["learn", "consolidate"] },
    { strategy: "dsc", options: { "teacher-start": "zero", "student-token": "start" }, phases: ["teacher", "learn"] },
    { strategy: "c-lora", phases: ["learn"] },
    { strategy: "merge-and-restart", phases: ["learn"] },
    { strategy: "orthogonal-init", phases: ["learn"] },
    { strategy: "kv-nullspace", options: { energy: 0.8 }, phases: ["learn"] },
    { strategy: "kv-nullspace", options: { mode: "soft" }, phases: ["learn"] },
    { strategy: "replay", phases: ["learn"] },
  ])("of $strategy $options goes on from any step of any phase to the very bits", async ({ phases, ...request }) => {
    const { run: straight } = await finished(request);
    expect(straight.phases.map(({ name }) => name)).toEqual(phases);
    expect(straight.state().step).toBe(straight.steps);
    const { run: first } = await newRun(request);
    for (let step = 0; step < straight.steps; step++) {
      const { run: second } = await finished(request, first.state());
      expect(second.state()).toEqual(straight.state());
      expect(memoryOf(second)).toEqual(memoryOf(straight));
      await first.advance();
    }
  });

  it("counts the UNet's evaluations by phase", async () => {
    // A candidate that is hopeless at a low temperature has no weight, and is not evaluated.
    const options = { draws: 2, candidates: 4, temperature: 1 };
    const { run, denoiser } = await finished({ strategy: "dsc-ewc-dc", memory, options });
    expect(run.evaluations).toEqual({
      // 3 steps of 2 photos; then 4 prompts each, of which the old teacher sees 3; then 2 photos in 2 draws.
      teacher: { forward: 0, forwardBackward: 6 },
      learn: { forward: 6 * (3 + 4 + 4), forwardBackward: 6 * 4 },
      consolidate: { forward: 4 * 4, forwardBackward: 4 * 4 },
    });
    expect(denoiser.counts).toEqual({ forward: 66 + 16, forwardBackward: 6 + 24 + 16 });
  });

  it("keeps the teacher to itself: the student starts where the concept before ended", async () => {
    const { run, material } = await newRun({ strategy: "dsc" });
    for (let step = 0; step < SETTINGS.steps; step++) await run.advance();
    expect(run.phase).toBe("learn");
    const plain = await finished({ strategy: "sequential" });
    expect(run.adapter.parameters).toEqual(linearLora(2, 2).parameters);
    expect(run.state().kept["teacher.lora"]).not.toEqual(run.adapter.parameters);
    expect(run.embedding).toEqual(run.state().kept["teacher.embedding"]);
    expect(run.embedding).not.toEqual(plain.run.embedding);
    expect(material.frozenEmbeddings).toEqual(normal("frozen", 2 * WIDTH));
  });
});

describe("a strategy without its own part is sequential LoRA, to the last bit:", () => {
  it.each<RunOptions>([
    { strategy: "ewc", memory, options: { lambda: 0 } },
    { strategy: "ewc-dc", memory, options: { lambda: 0 } },
    { strategy: "ewc-dc" },
    { strategy: "kfac-ewc-dc", memory: outputMemory, options: { lambda: 0 } },
    { strategy: "kv-nullspace", options: { mode: "soft", lambda: 0 } },
    { strategy: "kv-nullspace", options: { mode: "soft", generic: false }, earlier: 0 },
    { strategy: "replay", options: { weight: 0 } },
    { strategy: "dsc", options: { alpha: 0, beta: 0, eta: 0 } },
    { strategy: "dsc-ewc-dc", options: { alpha: 0, beta: 0, eta: 0, lambda: 0 }, memory },
  ])("$strategy $options", async (request) => {
    const { earlier = 2 } = request;
    const [plain, { run }] = [await finished({ strategy: "sequential", earlier }), await finished(request)];
    expect(run.adapter.parameters).toEqual(plain.run.adapter.parameters);
    expect(run.embedding).toEqual(plain.run.embedding);
  });

  it.each<RunOptions>([
    { strategy: "c-lora", earlier: 0 },
    { strategy: "c-lora", options: { lambda: 0 } },
    { strategy: "merge-and-restart" },
    { strategy: "orthogonal-init", earlier: 0 },
  ])("$strategy $options, as a plain LoRA on what was merged", async (request) => {
    const { earlier = 2 } = request;
    const { run } = await finished(request);
    const plain = await finished({ strategy: "merge-and-restart", earlier });
    expect(run.adapter.parameters).toEqual(plain.run.adapter.parameters);
    if (earlier > 0) return;
    const sequential = await finished({ strategy: "sequential", earlier, lora: linearLora(2, 1, false) });
    const [change, expected] = [run, sequential.run].map(({ adapter: lora }) => weightChange(requireLora(lora), 0));
    change.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6);
    });
  });
});

describe("a strategy with its own part", () => {
  it("ewc: adds λ F (θ - θ*) to the gradient of every step", async () => {
    const strong = await finished({ strategy: "ewc", memory, options: { lambda: 1e9 } });
    const away = (run: TrainingRun) =>
      run.adapter.parameters.reduce((sum, value, i) => sum + (value - (memory.get("anchor")?.data[i] ?? 0)) ** 2, 0);
    const plain = await finished({ strategy: "sequential" });
    expect(away(strong.run)).toBeLessThan(away(plain.run));
  });

  it("ewc and ewc-dc: keep θ, and the mean square of single gradients added to the decayed earlier one", async () => {
    for (const strategy of ["ewc", "ewc-dc"]) {
      const { run, material, plan } = await finished({ strategy, memory, options: { draws: 3, gamma: 0.5 } });
      const objective = plan.fisher?.objective ?? DENOISING;
      expect(objective.candidates).toBe(strategy === "ewc" ? 1 : 5);
      const embeddings = new Float32Array(material.denoiser.embeddingsSize);
      embeddings.set(material.frozenEmbeddings);
      embeddings.set(run.embedding, 2 * WIDTH);
      const draws = { ...material, seed: SETTINGS.seed };
      const sum = new Float64Array(run.adapter.parameters.length);
      for (let sample = 0; sample < 6; sample++) {
        const item = drawSample(draws, sample, 3, objective.candidates);
        expect(Math.floor((item.timestep * 3) / 1000)).toBe(Math.floor(sample / 2));
        const student = { adapter: run.adapter, embeddings };
        const { adapterGradient } = await objectiveGradient(objective, [item], new LinearDenoiser(), student, {});
        adapterGradient.forEach((g, j) => (sum[j] += g ** 2 / 6));
      }
      const kept = run.memory();
      expect(kept.get("anchor")?.data).toEqual(run.adapter.parameters);
      const [fisher, before] = [kept.get("fisher")?.data, memory.get("fisher")?.data];
      expect(fisher).toHaveLength(sum.length);
      fisher?.forEach((value, j) => {
        const expected = 0.5 * (before?.[j] ?? 0) + sum[j];
        expect(Math.abs(value - expected)).toBeLessThan(1e-5 * (1 + expected));
      });
    }
  });

  it.each([
    { strategy: "kfac-ewc-dc", outputs: SIZE },
    { strategy: "kv-nullspace", mode: "soft", outputs: 0 },
  ])("$strategy $mode: keeps what the LoRA does to protected embeddings", async ({ strategy, mode, outputs }) => {
    const drift = async (lambda: number) => {
      const options = { lambda, ...(mode !== undefined && { mode }) };
      const { run } = await finished({ strategy, options, settings: { steps: 40 } });
      const [after, before] = [run.adapter, linearLora(2, 2)].map((adapter) => weightChange(requireLora(adapter), 0));
      const e = normal(fillTemplate(PROMPT_TEMPLATES[0], "<dog>"), WIDTH);
      const kept = [...run.memory()].map(([name, { data }]) => [name, data.length]);
      expect(kept).toEqual(
        outputs === 0
          ? []
          : [
              ["output-fisher", outputs],
              ["score-temperature", 1],
            ],
      );
      let sum = 0;
      for (let row = 0; row < SIZE; row++) {
        let response = 0;
        for (let k = 0; k < WIDTH; k++) response += (after[row * WIDTH + k] - before[row * WIDTH + k]) * e[k];
        sum += response ** 2;
      }
      return sum;
    };
    expect(await drift(100)).toBeLessThan((await drift(0)) / 10);
  });

  it("replay: keeps the predictions under earlier prompts, once a step has moved them", async () => {
    const drift = async (weight: number, steps = 40) => {
      const { run } = await finished({ strategy: "replay", options: { weight, share: 2 }, settings: { steps } });
      const [after, before] = [run.adapter, linearLora(2, 2)].map((adapter) => weightChange(requireLora(adapter), 0));
      // What an earlier prompt of one token makes of the change: frozen embeddings are its own.
      const e = normal("frozen", 2 * WIDTH).subarray(0, WIDTH);
      const responses = Array.from({ length: SIZE }, (_, row) =>
        e.reduce((sum, value, k) => sum + value * (after[row * WIDTH + k] - before[row * WIDTH + k]), 0),
      );
      return responses.reduce((sum, response) => sum + response ** 2, 0);
    };
    expect(await drift(1000)).toBeLessThan((await drift(0)) / 4);
    // Before the first step nothing has drifted, so there is nothing to pull back.
    expect(await drift(1000, 1)).toBe(await drift(0, 1));
  });

  it("kfac-ewc-dc: adds the Fisher information of the outputs to the decayed earlier one, and refuses another size", async () => {
    const options = { draws: 2, gamma: 0.5, lambda: 0, temperature: 10 };
    const kept = async (before?: ConceptContext["memory"]) => {
      const { run } = await finished({ strategy: "kfac-ewc-dc", options, ...(before && { memory: before }) });
      return run.memory().get("output-fisher")?.data ?? new Float32Array(0);
    };
    const [alone, onTop] = [await kept(), await kept(outputMemory)];
    expect(Math.min(...alone)).toBeGreaterThan(0);
    onTop.forEach((value, i) => {
      const expected = alone[i] + 0.5 * (outputMemory.get("output-fisher")?.data[i] ?? 0);
      expect(Math.abs(value - expected)).toBeLessThan(1e-5 * expected);
      expect(value - alone[i]).toBeGreaterThan(1e-4 * expected);
    });
    const misfit = new Map([["output-fisher", { shape: [3], data: new Float32Array(3) }]]);
    await expect(kept(misfit)).rejects.toThrow("is of 3 outputs, its adapter has 8");
  });

  it("Fisher information is weighed by what measured it, denoising error or scores at a temperature, or refused", async () => {
    const keptBy = async (strategy: string, options = {}) => (await finished({ strategy, options })).run.memory();
    const goOn = (strategy: string, before: ConceptContext["memory"], options = {}) =>
      finished({ strategy, memory: before, options });
    const [ofError, ofScores] = [await keptBy("ewc"), await keptBy("ewc-dc")];
    const outputs = await keptBy("kfac-ewc-dc");
    await goOn("dsc-ewc", ofError);
    await goOn("dsc-ewc-dc", ofScores);
    await goOn("ewc", memory);
    await expect(goOn("ewc-dc", ofError)).rejects.toThrow(
      "remembers Fisher information of the denoising error, and the strategy is made for that of classifier scores at " +
        "temperature 0.001; choose one without scores, such as ewc, or choose one that keeps none, such as replay.",
    );
    await expect(goOn("ewc", ofScores)).rejects.toThrow("choose one with scores at that temperature, such as ewc-dc");
    for (const [strategy, before] of [
      ["ewc-dc", ofScores],
      ["kfac-ewc-dc", outputs],
    ] as const) {
      await goOn(strategy, before);
      const hotter = goOn(strategy, before, { temperature: 0.01 });
      await expect(hotter).rejects.toThrow("at temperature 0.01; give it the option temperature=0.001, or choose one");
    }
    // What a strategy does not read does not concern it.
    await goOn("kfac-ewc-dc", ofError);
    await goOn("sequential", ofScores);
  });

  it("textual-inversion: changes the new token and nothing else", async () => {
    const { run } = await finished({ strategy: "textual-inversion" });
    expect(run.adapter.parameters).toEqual(linearLora(2, 2).parameters);
    expect(run.embedding).not.toEqual(normal("embedding", WIDTH));
  });

  it("c-lora: moves weights that earlier concepts changed less", async () => {
    const change = async (lambda: number) => {
      const { run } = await finished({ strategy: "c-lora", options: { lambda }, settings: { steps: 20 } });
      const before = weightChange(linearLora(2, 2), 0);
      return weightChange(requireLora(run.adapter), 0).reduce(
        (sum, value, i) => sum + (before[i] * (value - before[i])) ** 2,
        0,
      );
    };
    expect(await change(1e8)).toBeLessThan((await change(0)) / 4);
  });

  it("orthogonal-init: begins with rows of A that the merged matrix does not see", async () => {
    const { run } = await newRun({ strategy: "orthogonal-init", options: { energy: 1 } });
    const { inFeatures, rank, loraA } = requireLora(run.adapter).layers[0];
    const merged = weightChange(linearLora(2, 2), 0);
    for (let k = inFeatures; k < rank; k++) {
      const row = loraA.subarray(k * inFeatures, (k + 1) * inFeatures);
      const length = Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0));
      const drawn = linearLora(2, 1, false)
        .layers[0].loraA.subarray((k - inFeatures) * WIDTH)
        .subarray(0, WIDTH);
      expect(length).toBeCloseTo(Math.sqrt(drawn.reduce((sum, value) => sum + value ** 2, 0)), 4);
      for (let out = 0; out < SIZE; out++) {
        let response = 0;
        for (let i = 0; i < WIDTH; i++) response += merged[out * WIDTH + i] * row[i];
        expect(response).toBeCloseTo(0, 5);
      }
    }
  });
});
