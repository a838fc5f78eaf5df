/**
 * @file What becomes of a concept that is taught further: one side of mochi is learned, then the other (`learn --more`), and the
 * error on held-out views of both sides is measured, beside another concept's. Everything goes through the facade, as a person
 * would have it.
 *
 * `npx tsx bench/continual/more.ts --steps 150 --seeds 2`
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readJson } from "../../src/io/json.ts";
import { Keepsake } from "../../src/keepsake/keepsake.ts";
import type { LearnRequest } from "../../src/keepsake/learn-and-preview.ts";
import { readLearned, type Learned } from "../../src/library/library-model.ts";
import { BUILT_IN } from "../../src/library/model-profile.ts";
import { DenoiserPool } from "../../src/training/denoiser-pool.ts";
import { validationItems } from "../../src/training/parts/validation.ts";
import { encodeTrainingPhotos, type TrainingPhoto } from "../../src/training/photos/encode-photos.ts";
import { loadPhotos } from "../../src/training/photos/photos.ts";
import { squaredError } from "../../src/training/prediction-loss.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { addLearnedTokens } from "../../src/diffusion/prompt-encoder.ts";
import { NoiseSchedule } from "../../src/diffusion/schedulers/index.ts";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "150" },
    seeds: { type: "string", default: "2" },
    strategies: { type: "string", default: "kv-nullspace,sequential" },
    threads: { type: "string", default: "2" },
  },
});
const program = { threads: Number(values.threads) };
const FOLDER = join("examples", "concepts");
/** Of each concept's views, those of even number show it in a scene, the others before plain colours. */
const SIDES = { scenes: [0, 2, 4], plain: [1, 3, 5] };
const BOTH = [0, 1, 2, 3, 4, 5];

interface View {
  readonly file: string;
  readonly setting: string;
}
const { concepts } = (await readJson(join(FOLDER, "concepts.json"))) as {
  concepts: readonly { readonly name: string; readonly train: readonly View[]; readonly test: readonly View[] }[];
};

function viewsOf(name: string, part: "train" | "test", which: readonly number[]): readonly View[] {
  const found = concepts.find((concept) => concept.name === name);
  if (found === undefined) throw new Error(`there is no example concept "${name}"`);
  return which.map((i) => found[part][i]);
}

const pathsOf = (views: readonly View[]) => views.map(({ file }) => join(FOLDER, file));

const pipeline = await StableDiffusionPipeline.load(join("models", "keepsake-64"), program);
const pool = new DenoiserPool(pipeline, program);
const schedule = new NoiseSchedule(pipeline.schedulerConfig);
const { width: side } = pipeline.defaultSize;

/** Held-out views with their settings as captions, so that the error is of the concept and not of its background. */
async function heldOut(name: string, which: readonly number[]): Promise<readonly TrainingPhoto[]> {
  const views = viewsOf(name, "test", which);
  const photos = await loadPhotos(pathsOf(views), side);
  return encodeTrainingPhotos(
    pipeline.vae,
    { ...photos, captions: views.map(({ setting }) => setting) },
    side,
    program,
  );
}
const held = {
  scenes: await heldOut("mochi", SIDES.scenes),
  plain: await heldOut("mochi", SIDES.plain),
  tofu: await heldOut("tofu", BOTH),
};

/** Predictions for photos under a subject, by what a library holds; and what they should have been. */
async function predict({ adapter, embeddings }: Learned, photos: readonly TrainingPhoto[], subject: string) {
  const tokenizer = pipeline.newTokenizer();
  const learned = addLearnedTokens(tokenizer, embeddings, pipeline.text.width);
  if (adapter === undefined) throw new Error("nothing has been learned");
  const shape = { resolution: side, batchSize: BUILT_IN.training.batchSize, learnedRows: 2 };
  const denoiser = pool.denoiser(adapter, shape);
  const rows = new Float32Array(denoiser.embeddingsSize);
  rows.set(learned.values);
  const tokenize = (prompt: string) => [...tokenizer.encode(prompt).inputIds];
  const items = validationItems(photos, { vae: pipeline.vae.config, schedule, tokenize }, subject);
  return { items, predictions: await denoiser.predictions(items, { adapter, embeddings: rows }) };
}

async function errorOf(learned: Learned, photos: readonly TrainingPhoto[], subject: string): Promise<number> {
  const { items, predictions } = await predict(learned, photos, subject);
  return mean(predictions.map((prediction, i) => squaredError(prediction, items[i].target)));
}

const folder = await mkdtemp(join(tmpdir(), "keepsake-more-"));
let count = 0;

/** A library in which something was learned, on a copy of another one. */
async function taught(
  before: string | undefined,
  seed: number,
  request: Pick<LearnRequest, "name" | "photos"> & Partial<LearnRequest>,
): Promise<string> {
  const library = join(folder, String(count++));
  if (before !== undefined) await cp(before, library, { recursive: true });
  await using keepsake = await Keepsake.open(library, { program });
  await keepsake.learn({
    ...{ previews: false, ...request },
    training: { steps: Number(values.steps), seed, ...request.training },
  });
  return library;
}

/** How many views have their noise predicted best under their own token, and not under the other one or the class noun. */
async function named(
  learned: Learned,
  photos: readonly TrainingPhoto[],
  own: string,
  others: string[],
): Promise<number> {
  const errors: number[][] = [];
  for (const subject of [own, ...others]) {
    const { items, predictions } = await predict(learned, photos, subject);
    const each = predictions.map((prediction, k) => squaredError(prediction, items[k].target));
    const draws = each.length / photos.length;
    errors.push(photos.map((_, k) => mean(each.slice(k * draws, (k + 1) * draws))));
  }
  const [right, ...wrong] = errors;
  return right.filter((error, k) => wrong.every((other) => error < other[k])).length;
}

const rows = new Map<string, number[][]>();
function keep(row: string, numbers: readonly number[]): void {
  rows.set(row, [...(rows.get(row) ?? []), [...numbers]]);
  console.error(`${row}: ${numbers.map((number) => number.toPrecision(4)).join(", ")}`);
}

async function measure(row: string, library: string): Promise<void> {
  const learned = await readLearned(library, pipeline);
  keep(row, [
    1000 * (await errorOf(learned, held.scenes, "<mochi>")),
    1000 * (await errorOf(learned, held.plain, "<mochi>")),
    1000 * (await errorOf(learned, held.tofu, "<tofu>")),
    await named(learned, [...held.scenes, ...held.plain], "<mochi>", ["<tofu>", "cat"]),
    await named(learned, held.tofu, "<tofu>", ["<mochi>", "cat"]),
  ]);
}

function table(title: string, columns: readonly string[]): void {
  console.log(`\n| ${[title, ...columns].join(" | ")} |\n| --- |${" --: |".repeat(columns.length)}`);
  for (const [row, runs] of rows) {
    const cells = runs[0].map((_, i) => {
      const all = runs.map((numbers) => numbers[i]);
      return `${mean(all).toFixed(2)} (${all.map((number) => number.toFixed(2)).join(", ")})`;
    });
    console.log(`| ${row} | ${cells.join(" | ")} |`);
  }
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

const began = performance.now();
const photosOf = (name: string, which: readonly number[]) => pathsOf(viewsOf(name, "train", which));
try {
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    for (const strategy of values.strategies.split(",")) {
      const other = await taught(undefined, seed, {
        ...{ name: "tofu", classNoun: "cat", photos: photosOf("tofu", BOTH), strategy },
      });
      const mochi = { name: "mochi", classNoun: "cat" };
      const first = await taught(other, seed, { ...mochi, photos: photosOf("mochi", SIDES.scenes) });
      await measure(`${strategy}: scenes`, first);
      const plain = { ...mochi, photos: photosOf("mochi", SIDES.plain) };
      await measure(`${strategy}: scenes, then plain with --more`, await taught(first, seed, { ...plain, more: true }));
      if (strategy !== "kv-nullspace") continue;
      await measure(
        `${strategy}: scenes, then plain with --replace`,
        await taught(first, seed, { ...plain, replace: true }),
      );
      await measure(
        `${strategy}: both at once`,
        await taught(other, seed, { ...mochi, photos: photosOf("mochi", BOTH) }),
      );
    }
  }
} finally {
  await pool.dispose();
  await pipeline.dispose();
  await rm(folder, { recursive: true });
}
const sides = ["scenes ×1000 ↓", "plain ×1000 ↓", "tofu ×1000 ↓", "mochi told, of 6 ↑", "tofu told, of 6 ↑"];
table("error on held-out views", sides);
console.error(`${((performance.now() - began) / 60_000).toFixed(1)} min`);
