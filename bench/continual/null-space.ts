/**
 * @file How full the null space of `kv-nullspace` gets, and what it protects: of the text embeddings' directions, how
 * many are taken after 1, 3, 5 and 10 concepts; and how far predictions move under prompts that are protected, prompts
 * of the same concept that are not, and captions of other things.
 *
 * `npx tsx bench/continual/null-space.ts --steps 60`
 */
import { join } from "node:path";
import { tokenOf } from "../../src/prompts/concept-name.ts";
import { DenoiserPool } from "../../src/training/denoiser-pool.ts";
import { DEFAULT_ADAPTER } from "../../src/learning/learn-settings.ts";
import { learnSequence, type LearnedConcept } from "../../src/learning/learn-sequence.ts";
import { BUILT_IN, taughtWith } from "../../src/library/model/model-profile.ts";
import { fillTemplate } from "../../src/prompts/prompt-templates.ts";
import { leadingDirections, secondMoment } from "../../src/numeric/directions.ts";
import { conceptPrompts, genericPrompts, MOST_CONTEXTS } from "../../src/strategies/parts/protected-prompts.ts";
import { createStrategy } from "../../src/strategies/registry.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { addLearnedTokens } from "../../src/diffusion/prompt-encoder.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";
import { RandomStream } from "../../src/random/random.ts";
import { judgedExamples } from "./example-concepts.ts";
import { CONCEPT_SETS, type Contender } from "./plan.ts";
import { threads } from "../../src/cli/options.ts";
import { atLeastOne, parseSteps, readArguments, tool } from "../../scripts/tool.ts";

const values = readArguments(
  tool("How full the null space of kv-nullspace gets with the concepts, and what it protects.")
    .option("--steps <n>", "optimiser steps for each concept", parseSteps, 60)
    .option("--concepts <n>", "the first of the examples", atLeastOne, 10)
    .option("--threads <n>", "processor threads", threads, 2),
).opts<{ steps: number; concepts: number; threads: number }>();
const CONTENDERS: readonly Contender[] = [
  { strategy: "kv-nullspace", options: { energy: 0.8 } },
  { strategy: "kv-nullspace", options: { energy: 0.97 } },
  { strategy: "kv-nullspace", options: { energy: 0.999 } },
  { strategy: "sequential", options: {} },
];
const ENERGIES = [0.8, 0.9, 0.97, 0.99, 0.999, 1];
const COUNTED_AFTER = [1, 3, 5, 10];
const TIMESTEPS = [100, 300, 500, 700, 900];

const program = { threads: values.threads };
const pipeline = await StableDiffusionPipeline.load(join("models", "keepsake-64"), program);
const pool = new DenoiserPool(pipeline, program);
const concepts = await judgedExamples(pipeline, CONCEPT_SETS.all.slice(0, values.concepts), 1);
const schedule = new NoiseSchedule(pipeline.schedulerConfig);
const { width } = pipeline.text;
const [first] = concepts;
const own = tokenOf(first.name);
const PROMPTS: Readonly<Record<string, readonly string[]>> = {
  protected: conceptPrompts([own], MOST_CONTEXTS).slice(0, 6),
  "not protected": first.prompts.map((prompt) => fillTemplate(prompt, own)),
  "other things": [
    "a teapot on a blue background",
    "a photo of a bus in the city",
    "a small fox in the forest",
    "two apples",
  ],
};

/** Predictions for the same noisy latents under each prompt of each kind. */
async function predictions({
  adapter: lora,
  embeddings,
}: LearnedConcept): Promise<Map<string, readonly Float32Array[]>> {
  const tokenizer = pipeline.newTokenizer();
  const learned = addLearnedTokens(tokenizer, embeddings, width);
  const denoiser = pool.denoiser(lora, {
    resolution: pipeline.defaultSize.width,
    batchSize: BUILT_IN.training.batchSize,
    learnedRows: concepts.length,
  });
  const rows = new Float32Array(denoiser.embeddingsSize);
  rows.set(learned.values);
  const latents = first.photos[0].mean.map((mean) => mean * pipeline.vae.config.scalingFactor);
  const noise = new RandomStream(0, "null space").normal(latents.length);
  const result = new Map<string, readonly Float32Array[]>();
  for (const [kind, prompts] of Object.entries(PROMPTS)) {
    const items = prompts.flatMap((prompt) =>
      TIMESTEPS.map((timestep) => ({
        noisyLatents: schedule.addNoise(latents, noise, [timestep]),
        timestep,
        tokenIds: [...tokenizer.encode(prompt).inputIds],
        target: noise,
      })),
    );
    result.set(kind, await denoiser.predictions(items, { adapter: lora, embeddings: rows }));
  }
  return result;
}

/** ‖now − then‖ / ‖then‖, a mean over prompts and timesteps. */
function drift(then: readonly Float32Array[], now: readonly Float32Array[]): number {
  const norm = (array: Float32Array) => Math.sqrt(array.reduce((sum, x) => sum + x * x, 0));
  const each = then.map((before, i) => norm(now[i].map((x, k) => x - before[k])) / norm(before));
  return each.reduce((sum, x) => sum + x, 0) / each.length;
}

async function directionsTaken({ embeddings }: LearnedConcept): Promise<readonly number[]> {
  const known = concepts.slice(0, embeddings.length);
  const prompts = [
    ...conceptPrompts(
      known.map(({ name }) => tokenOf(name)),
      MOST_CONTEXTS,
    ),
    ...genericPrompts(known.map(({ classNoun }) => classNoun)),
  ];
  const moment = secondMoment(await pool.encodePrompts(prompts, embeddings), width);
  return ENERGIES.map((energy) => leadingDirections(moment, width, energy).count);
}

const line = (cells: readonly (string | number)[]) => {
  console.log(`| ${cells.join(" | ")} |`);
};
const { adapter, training } = taughtWith(BUILT_IN, DEFAULT_ADAPTER.targets);
const taken: (readonly number[])[] = [];
const moved: (readonly string[])[] = [];
for (const { strategy, options } of CONTENDERS) {
  let before: Map<string, readonly Float32Array[]> | undefined;
  let last: LearnedConcept | undefined;
  for await (const learned of learnSequence({
    ...{ pipeline, pool, concepts, strategy: createStrategy(strategy, options) },
    ...{ adapter, training: { ...training, steps: values.steps } },
  })) {
    before ??= await predictions(learned);
    if (options.energy === 0.97 && COUNTED_AFTER.includes(learned.embeddings.length)) {
      taken.push([learned.embeddings.length, ...(await directionsTaken(learned))]);
    }
    last = learned;
  }
  if (before === undefined || last === undefined) throw new Error("nothing was learned");
  const after = await predictions(last);
  const drifts = [...before].map(([kind, then]) => drift(then, after.get(kind) ?? []).toPrecision(2));
  moved.push([[strategy, ...Object.entries(options).map((option) => option.join("="))].join(", "), ...drifts]);
}
await Promise.all([pool.dispose(), pipeline.dispose()]);
line(["concepts", ...ENERGIES.map((energy) => `energy ${energy}`)]);
line(["--:", ...ENERGIES.map(() => "--:")]);
taken.forEach(line);
console.log(`\nof ${width} directions. Relative change of predictions from concept 1 to ${concepts.length}:\n`);
line(["strategy", ...Object.keys(PROMPTS)]);
line(["---", ...Object.keys(PROMPTS).map(() => "--:")]);
moved.forEach(line);
