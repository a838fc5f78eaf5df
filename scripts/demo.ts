/**
 * @file The main job, end to end, offline: the built-in model is taught five of the example concepts one after another, with the strategy that Keepsake learns
 * with and, for contrast, with plain sequential LoRA. Prints measures, writes a sheet (PNG) and a page (HTML).
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { judgedExamples } from "../bench/continual/example-concepts.ts";
import { formatDuration } from "../src/cli/output.ts";
import { DenoiserPool } from "../src/training/denoiser-pool.ts";
import { BUILT_IN } from "../src/library/model-profile.ts";
import { readPhoto } from "../src/training/photos.ts";
import { createStrategy, DEFAULT_STRATEGY } from "../src/strategies/registry.ts";
import { ClipFeatures } from "../src/diffusion/clip/clip-features.ts";
import { StableDiffusionPipeline } from "../src/diffusion/pipeline.ts";
import type { RgbImage } from "../src/io/images/rgb-image.ts";
import { runSequence, type SequenceRun } from "../src/evaluation/sequence-run.ts";
import { writePage, type MeasureRow } from "./demo/page.ts";
import { SHOWN, writeSheet, type Comparison, type ConceptRow } from "./demo/sheet.ts";
import { WorkLeft } from "./demo/work-left.ts";

const { values } = parseArgs({
  options: {
    output: { type: "string", default: "demo-output" },
    strategy: { type: "string", default: DEFAULT_STRATEGY },
    /** Fewer than `keepsake learn` takes, for both to be done in some minutes. */
    steps: { type: "string", default: "250" },
    concepts: { type: "string", default: "mochi,pogo,tilda,ember,rivet" },
    /** Two concepts and few steps: whether it runs, not what it shows. */
    smoke: { type: "boolean", default: false },
  },
});

const MODEL = join("models", "keepsake-64");
const SEED = 0;
const CONTRAST = "sequential";

/** The comparison while it fills. */
interface MutableComparison extends Comparison {
  readonly rows: readonly (Omit<ConceptRow, "drawn"> & {
    readonly drawn: readonly { readonly rightAfter: RgbImage[]; readonly atEnd: RgbImage[] }[];
  })[];
}

const started = performance.now();
const names = values.concepts.split(",").slice(0, values.smoke ? 2 : undefined);
const pipeline = await StableDiffusionPipeline.load(MODEL);
const clip = await ClipFeatures.load(join(MODEL, "clip"), { tokenizer: join(MODEL, "tokenizer") });
const pool = new DenoiserPool(pipeline);
const concepts = await judgedExamples(pipeline, names, 1);
const strategies = [...new Set([values.strategy, CONTRAST])];
const steps = values.smoke ? 8 : Number(values.steps);
const [sheet, page] = ["keepsake-demo.png", "keepsake-demo.html"].map((file) => join(values.output, file));
const comparison: MutableComparison = {
  strategies: strategies.map((name) => (name === CONTRAST ? "sequential LoRA" : name)),
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

const runs: SequenceRun[] = [];
const workLeft = new WorkLeft({
  step: strategies.length * names.length * steps,
  picture: strategies.length * picturesIn(concepts.map(({ prompts }) => prompts.length)),
  classification: strategies.length,
});
for (const [index, strategy] of strategies.entries()) {
  let classifying = false;
  runs.push(
    await runSequence({
      ...{ pipeline, pool, clip, concepts },
      strategy: createStrategy(strategy),
      adapter: BUILT_IN.adapter,
      training: { ...BUILT_IN.training, steps, seed: SEED },
      drawing: { seed: SEED, steps: values.smoke ? 4 : 25, guidanceScale: 3 },
      classifierDraws: values.smoke ? 4 : 16,
      onStep: ({ concept, step, steps: ofConcept, loss }) => {
        workLeft.done("step");
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
  if (classifying) workLeft.done("classification");
}

const measures = measureRows(runs);
await writePage(page, comparison, measures);
await Promise.all([pool.dispose(), clip.dispose(), pipeline.dispose()]);

console.log(["", ...comparison.strategies].map((text) => text.padEnd(36)).join(""));
for (const row of measures) console.log([row.measure, ...row.values].map((text) => text.padEnd(36)).join(""));
const seconds = (performance.now() - started) / 1000;
console.log(`\n${sheet} and ${page}, after ${formatDuration(seconds)}`);

function measureRows(all: readonly SequenceRun[]): MeasureRow[] {
  const row = (measure: string, of: (run: SequenceRun) => number | undefined, digits = 3): MeasureRow => ({
    measure,
    values: all.map((run) => of(run)?.toFixed(digits) ?? "–"),
  });
  const scaled = (value: number | undefined) => (value === undefined ? undefined : 1000 * value);
  return [
    row("A_MMD × 1000, lower is better", ({ metrics }) => 1000 * metrics.aMmd),
    row("F_MMD × 1000, lower is better", ({ metrics }) => scaled(metrics.fMmd)),
    row("DC accuracy, higher is better", ({ metrics }) => metrics.dcAccuracy),
    row("CLIP-I, higher is better", ({ metrics }) => metrics.clipI),
    row("CLIP-T, higher is better", ({ metrics }) => metrics.clipT),
    row("seconds for a concept", ({ costs }) => costs.reduce((sum, cost) => sum + cost.seconds, 0) / costs.length, 1),
    row("bytes kept", ({ keptBytes }) => keptBytes, 0),
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
