/**
 * @file `npm run bench:continual`: compares the strategies of continual personalization on the built-in model and the
 * example concepts. See ../README.md.
 */
import { join } from "node:path";
import { Option } from "commander";
import {
  atLeastOne,
  parseLearningRate,
  parseRank,
  parseSteps,
  readArguments,
  repeated,
  severalNumbers,
  tool,
} from "../../scripts/tool.ts";
import { threads, wholeNumber } from "../../src/cli/options.ts";
import { LIMITS } from "../../src/limits.ts";
import { DenoiserPool } from "../../src/training/denoiser-pool.ts";
import { BUILT_IN } from "../../src/library/model/model-profile.ts";
import { createStrategy, findStrategy, parseStrategyOptions, STRATEGIES } from "../../src/strategies/registry.ts";
import { ClipFeatures } from "../../src/diffusion/clip/clip-features.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { learningRateSchedules, type LearningRateSchedule } from "../../src/graph/index.ts";
import { readJson } from "../../src/io/json.ts";
import { runSequence } from "../../src/evaluation/sequence-run.ts";
import { identifyModel } from "../../src/library/model/model-fingerprint.ts";
import { judgedExamples } from "./example-concepts.ts";
import {
  CONCEPT_SETS,
  KEYS_AND_VALUES,
  adaptedBy,
  chosenOptions,
  grid,
  orders,
  withDefaults,
  type Budget,
  type ConceptSet,
  type Contender,
  type PlannedRun,
} from "./plan.ts";
import { Results } from "./results.ts";
import { markdownTable } from "./table.ts";

interface BenchOptions {
  readonly set: ConceptSet;
  readonly strategies: string;
  readonly grid: boolean;
  readonly option?: readonly string[];
  readonly tuned?: string;
  readonly orders: number;
  readonly seeds: number;
  readonly concepts: number;
  readonly after?: readonly number[];
  readonly steps: number;
  readonly rank?: number;
  readonly targets?: string;
  readonly lr?: number;
  readonly tokenLr: number;
  readonly lrScheduler: LearningRateSchedule;
  readonly pictures: number;
  readonly classifierDraws: number;
  readonly model: string;
  readonly output: string;
  readonly threads?: number;
  readonly table: boolean;
}

/** Fewer steps than a user would take with DDIM: pictures are compared with one another, thousands are drawn. */
const DRAWING = { seed: 2026, steps: 10, guidanceScale: 3, scheduler: "DPMSolverMultistepScheduler" } as const;

const command = tool(
  "Compares the strategies of continual personalization on the built-in model and the example concepts.",
  "npm run bench:continual --",
)
  .addOption(new Option("--set <name>", "concepts").choices(Object.keys(CONCEPT_SETS)).default("reported"))
  .option("--strategies <names>", "comma-separated", STRATEGIES.map(({ name }) => name).join(","))
  .option("--grid", "try each strategy with several strengths", false)
  .option("--option <name=value>", "an option of the one strategy, over that of --tuned; repeatable", repeated)
  .option("--tuned <file>", 'JSON with the options of each strategy: {"ewc": {"lambda": 100}}')
  .option("--orders <n>", "orders of the concepts", atLeastOne, 3)
  .option("--seeds <n>", "seeds for each order", atLeastOne, 2)
  .option("--concepts <n>", "concepts in a row", atLeastOne, 5)
  .option("--after <numbers>", "measure after so many concepts too: 1,3,5", severalNumbers)
  .option("--steps <n>", "optimiser steps for each concept", parseSteps, BUILT_IN.training.steps)
  .option("--targets <names>", "layers to adapt (default: what each strategy is at home on)")
  .option("--rank <n>", "of the adapter (default: by the layers)", parseRank)
  .option("--lr <x>", "learning rate of the adapter (default: by the layers)", parseLearningRate)
  .option("--token-lr <x>", "learning rate of the token", parseLearningRate, BUILT_IN.training.tokenLearningRate)
  .addOption(
    new Option("--lr-scheduler <name>", "how both rates fall")
      .choices(learningRateSchedules)
      .default(BUILT_IN.training.lrScheduler),
  )
  .option("--pictures <n>", "drawn for the setting of each held-out view", atLeastOne, 2)
  .option("--classifier-draws <n>", "for each held-out view", wholeNumber(LIMITS.draws), 64)
  .option("--model <folder>", "checkpoint", join("models", "keepsake-64"))
  .option(
    "--output <folder>",
    "where results are kept; a benchmark that was stopped goes on",
    join("build", "bench-continual"),
  )
  .option("--threads <n>", "processor threads", threads)
  .option("--table", "run nothing, print what is there", false);

async function bench(options: BenchOptions): Promise<void> {
  const results = await Results.open(options.output);
  if (!options.table) await runAll(options, results);
  console.log(markdownTable(await results.all(), options.set));
}

async function runAll(options: BenchOptions, results: Results): Promise<void> {
  const runs = await plannedRuns(options);
  const program = options.threads === undefined ? {} : { threads: options.threads };
  const pipeline = await StableDiffusionPipeline.load(options.model, program);
  const { fingerprint: model } = await identifyModel(pipeline);
  const clip = await ClipFeatures.load(join(options.model, "clip"), {
    ...program,
    tokenizer: join(options.model, "tokenizer"),
  });
  const pool = new DenoiserPool(pipeline, program);
  const names = CONCEPT_SETS[options.set].slice(0, options.concepts);
  const examples = await judgedExamples(pipeline, names, options.pictures);
  for (const [index, planned] of runs.entries()) {
    const { strategy, options: given, order, seed, budget } = planned;
    const { rank, targets = KEYS_AND_VALUES.targets, ...training } = budget;
    const made = createStrategy(strategy, given);
    const what = [strategy, ...chosenOptions(planned)].join(", ");
    const label = `${index + 1}/${runs.length} ${what}: ${order.join(" ")}, seed ${seed}`;
    const started = performance.now();
    const isNew = await results.once(model, planned, () =>
      runSequence({
        pipeline,
        pool,
        clip,
        concepts: order.map((name) => examples[names.findIndex((known) => known === name)]),
        strategy: made,
        // A whole matrix has no rank.
        adapter: made.form === "full" ? { targets } : { rank, targets },
        training: { ...BUILT_IN.training, ...training, seed },
        drawing: DRAWING,
        classifierDraws: planned.classifierDraws,
        measuredAfter: planned.measuredAfter ?? [],
      }),
    );
    console.error(
      isNew
        ? `${label}: ${((performance.now() - started) / 1000).toFixed(0)} s`
        : `${label}: there already, or another process is at it`,
    );
  }
  await Promise.all([pool.dispose(), clip.dispose(), pipeline.dispose()]);
}

/** Whole rounds, so that a benchmark that is stopped early has compared all contenders as often. */
async function plannedRuns(options: BenchOptions): Promise<PlannedRun[]> {
  const contenders = (await contendersOf(options)).map(withDefaults);
  const { set, pictures, classifierDraws } = options;
  const rounds = Array.from({ length: options.seeds }, (_, seed) =>
    orders(set, options.orders, options.concepts).map((order) => ({ order, seed })),
  ).flat();
  return rounds.flatMap(({ order, seed }) =>
    contenders.map((contender) => ({
      ...{ ...contender, set, order, seed, budget: budgetOf(contender, options), pictures, classifierDraws },
      ...(options.after !== undefined && { measuredAfter: options.after }),
    })),
  );
}

function budgetOf({ strategy }: Contender, options: BenchOptions): Budget {
  const { steps, tokenLr: tokenLearningRate, lrScheduler } = options;
  const usual = adaptedBy(strategy, options.targets);
  const { rank = usual.rank, lr: learningRate = usual.learningRate } = options;
  // Results of keys and values do not name them: there were no others once.
  const named = usual.targets === KEYS_AND_VALUES.targets ? {} : { targets: usual.targets };
  return { steps, rank, ...named, learningRate, tokenLearningRate, lrScheduler };
}

async function contendersOf({ strategies, grid: isGrid, option = [], tuned }: BenchOptions): Promise<Contender[]> {
  const names = strategies.split(",").map((name) => findStrategy(name.trim()).name);
  if (isGrid) return names.flatMap(grid);
  // The file is the benchmark's own; createStrategy checks names and values.
  const known = (tuned === undefined ? {} : await readJson(tuned)) as Readonly<Record<string, Contender["options"]>>;
  return names.map((strategy) => {
    return { strategy, options: { ...known[strategy], ...parseStrategyOptions(strategy, option) } };
  });
}

await bench(readArguments(command).opts<BenchOptions>());
