/**
 * @file The main job, end to end, offline: the built-in model is taught four of the example concepts one after another,
 * with the strategy that Keepsake learns with and, for contrast, with plain sequential LoRA. Prints measures, writes a
 * sheet (PNG) and a page (HTML).
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { judgedExamples } from "../bench/continual/example-concepts.ts";
import { wholeNumber } from "../src/cli/options.ts";
import { formatDuration } from "../src/units.ts";
import { LIMITS } from "../src/limits.ts";
import { DenoiserPool } from "../src/training/denoiser-pool.ts";
import { BUILT_IN, taughtWith } from "../src/library/model/model-profile.ts";
import { readPhoto } from "../src/training/photos/photos.ts";
import { createStrategy, STRATEGY_FOR_ANY_ADAPTER } from "../src/strategies/registry.ts";
import { ClipFeatures } from "../src/diffusion/clip/clip-features.ts";
import { StableDiffusionPipeline } from "../src/diffusion/pipeline.ts";
import type { RgbImage } from "../src/io/images/rgb-image.ts";
import { runSequence, type SequenceRun } from "../src/evaluation/sequence-run.ts";
import { writePage, type MeasureRow } from "./demo/page.ts";
import { SHOWN, writeSheet, type Comparison, type ConceptRow } from "./demo/sheet.ts";
import { WorkLeft } from "./demo/work-left.ts";
import { readArguments, tool } from "./tool.ts";

const command = tool(
  "Teaches the built-in model four concepts one after another, with Keepsake and with sequential LoRA, and shows what each remembers.",
  "npm run demo --",
)
  .option("--output <folder>", "where the sheet and the page go", "demo-output")
  .option(
    "--strategy <name>",
    'compared with sequential LoRA; "keepsake strategies" lists them',
    STRATEGY_FOR_ANY_ADAPTER,
  )
  .option(
    "--steps <n>",
    "training steps for each concept; fewer than keepsake learn takes",
    wholeNumber(LIMITS.steps),
    160,
  )
  .option("--concepts <names>", "folders of examples/concepts, comma-separated", "mochi,pogo,tilda,rivet")
  .option("--smoke", "two concepts and few steps: shows that it runs, its measures mean nothing", false);
const values = readArguments(command).opts<{
  output: string;
  strategy: string;
  steps: number;
  concepts: string;
  smoke: boolean;
}>();

const MODEL = join("models", "keepsake-64");
const SEED = 0;
const CONTRAST = "sequential";
/** 128 + SIGINT, as shells have it. */
const INTERRUPTED = 130;

/** The comparison while it fills. */
interface MutableComparison extends Comparison {
  readonly rows: readonly (Omit<ConceptRow, "drawn"> & {
    readonly drawn: readonly { readonly rightAfter: RgbImage[]; readonly atEnd: RgbImage[] }[];
  })[];
}

const started = performance.now();
const strategies = [...new Set([values.strategy, CONTRAST])];
// A strategy that there is not is told before the model is loaded.
strategies.forEach((name) => createStrategy(name));
const names = values.concepts.split(",").slice(0, values.smoke ? 2 : undefined);
const pipeline = await StableDiffusionPipeline.load(MODEL);
const clip = await ClipFeatures.load(join(MODEL, "clip"), { tokenizer: join(MODEL, "tokenizer") });
const pool = new DenoiserPool(pipeline);
const concepts = await judgedExamples(pipeline, names, 1);
const steps = values.smoke ? 8 : values.steps;
const classifierDraws = values.smoke ? 4 : 16;
const [sheet, page] = ["keepsake-demo.png", "keepsake-demo.html"].map((file) => join(values.output, file));
const comparison: MutableComparison = {
  strategies: strategies.map((name) => (name === CONTRAST ? "with plain sequential LoRA" : `with Keepsake (${name})`)),
  rows: await Promise.all(
    concepts.map(async ({ name, classNoun }) => ({
      ...{ name, classNoun },
      photos: await Promise.all(
        ["00.png", "01.png"].map((file) =>
          readPhoto(join("examples", "concepts", name, "train", file), pipeline.defaultSize.width),
        ),
      ),
      drawn: strategies.map(() => ({ rightAfter: [], atEnd: [] })),
    })),
  ),
};
await mkdir(values.output, { recursive: true });
process.once("SIGINT", () => {
  process.stderr.write("\nstopped; the demo keeps nothing in between, so the same command begins anew\n");
  process.exit(INTERRUPTED);
});

const runs: SequenceRun[] = [];
// Every held-out picture under every concept.
const classifierEvaluations =
  concepts.reduce((sum, { heldOut }) => sum + heldOut.length, 0) * names.length * classifierDraws;
const stepOf = (strategy: string) => (strategy === CONTRAST ? "plainStep" : "step");
const workLeft = new WorkLeft({
  step: strategies.filter((strategy) => strategy !== CONTRAST).length * names.length * steps,
  plainStep: names.length * steps,
  picture: strategies.length * picturesIn(concepts.map(({ prompts }) => prompts.length)),
  classification: strategies.length * classifierEvaluations,
});
for (const [index, strategy] of strategies.entries()) {
  let classifying = false;
  const made = createStrategy(strategy);
  const { adapter, training } = taughtWith(BUILT_IN, made.targets);
  runs.push(
    await runSequence({
      ...{ pipeline, pool, clip, concepts },
      strategy: made,
      adapter,
      training: { ...training, steps, seed: SEED },
      drawing: { seed: SEED, steps: values.smoke ? 4 : 25, guidanceScale: 3 },
      classifierDraws,
      onStep: ({ concept, step, steps: ofConcept, loss }) => {
        workLeft.done(stepOf(strategy));
        if (step % 50 !== 0 && step !== ofConcept) return;
        report(`${strategy}: <${concept}> step ${step}/${ofConcept}, loss ${loss.toFixed(3)}`);
      },
      onPicture: ({ learned, concept, prompt, image }) => {
        workLeft.done("picture");
        if (prompt >= SHOWN) return;
        const { rightAfter, atEnd } = comparison.rows[concept].drawn[index];
        if (learned === concept + 1) rightAfter.push(image);
        if (learned === names.length) atEnd.push(image);
      },
      onStage: ({ kind, learned }) => {
        classifying = kind === "classifying";
        const what = classifying ? "classifying held-out pictures of" : "drawing";
        report(`${strategy}: ${what} ${learned} of ${names.length} concepts`);
      },
      onRow: async ({ learned }) => {
        await writeSheet(sheet, comparison);
        if (index === 0 && learned === 1) report(`first pictures: ${sheet} (it fills as the demo goes on)`);
      },
    }),
  );
  if (classifying) workLeft.done("classification", { pieces: classifierEvaluations });
}

const measures = measureRows(runs);
await writePage(page, comparison, measures);
await Promise.all([pool.dispose(), clip.dispose(), pipeline.dispose()]);

console.log(["", ...comparison.strategies].map((text) => text.padEnd(36)).join(""));
for (const row of measures) console.log([row.measure, ...row.values].map((text) => text.padEnd(36)).join(""));
if (values.smoke) console.log("\nA smoke run: so few steps teach nothing, and these figures mean nothing.");
const seconds = (performance.now() - started) / 1000;
console.log(`\n${sheet} and ${page}, after ${formatDuration(seconds)}`);

function measureRows(all: readonly SequenceRun[]): MeasureRow[] {
  const row = (
    measure: string,
    meaning: string,
    of: (run: SequenceRun) => number | undefined,
    digits = 3,
  ): MeasureRow => ({
    measure,
    meaning,
    values: all.map((run) => of(run)?.toFixed(digits) ?? "–"),
  });
  const thousand = (value: number | undefined) => (value === undefined ? undefined : 1000 * value);
  const seconds = ({ costs }: SequenceRun) => costs.reduce((sum, cost) => sum + cost.seconds, 0) / costs.length;
  const lower = "lower is better";
  const higher = "higher is better";
  return [
    row(
      "A_MMD × 1000",
      `distance of all drawings from the photos, after the last concept; ${lower}, about 0 is as near as other photos`,
      ({ metrics }) => thousand(metrics.aMmd),
    ),
    row(
      "F_MMD × 1000",
      `how far the drawings of earlier concepts have moved since each was learned; ${lower}, below 0 is less than by chance`,
      ({ metrics }) => thousand(metrics.fMmd),
    ),
    row(
      "DC accuracy",
      `share of held-out pictures for which the model itself finds the right concept; ${higher}`,
      ({ metrics }) => metrics.dcAccuracy,
    ),
    row("CLIP-I", `likeness of drawings and photos; ${higher}`, ({ metrics }) => metrics.clipI),
    row("CLIP-T", `likeness of drawings and prompts; ${higher}`, ({ metrics }) => metrics.clipT),
    row("seconds", "training time for a concept", seconds, 1),
    row("bytes", "kept from one concept to the next", ({ keptBytes }) => keptBytes, 0),
  ];
}

/** After each concept, all that are known are drawn. */
function picturesIn(prompts: readonly number[]): number {
  return prompts.reduce((sum, count, j) => sum + count * (prompts.length - j), 0);
}

function report(line: string): void {
  const left = workLeft.seconds();
  process.stderr.write(`${line}${left === undefined ? "" : `, ${formatDuration(left)} left`}\n`);
}
