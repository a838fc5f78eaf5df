/**
 * @file What becomes of a concept that is taught further: one side of mochi is learned, then the other
 * (`learn --more`), and the error on held-out views of both sides is measured, beside another concept's.
 *
 * `npx tsx bench/continual/more.ts --steps 150 --seeds 2`
 */
import { readLearned, type Learned } from "../../src/library/library-model.ts";
import type { TrainingPhoto } from "../../src/training/photos/encode-photos.ts";
import { exampleOf, pathsOf, type ExampleView } from "./example-concepts.ts";
import { mean, Rows, TaughtLibraries } from "./taught-library.ts";
import { threads } from "../../src/cli/options.ts";
import { atLeastOne, parseSteps, readArguments, tool } from "../../scripts/tool.ts";

const values = readArguments(
  tool("What becomes of a concept that is taught further: one side of mochi is learned, then the other.")
    .option("--steps <n>", "optimiser steps of each training run", parseSteps, 150)
    .option("--seeds <n>", "runs of each strategy", atLeastOne, 2)
    .option("--strategies <names>", "comma-separated", "kv-nullspace,sequential")
    .option("--threads <n>", "processor threads", threads, 2),
).opts<{ steps: number; seeds: number; strategies: string; threads: number }>();
/** Of each concept's views, those of even number show it in a scene, the others before plain colours. */
const ofSide = {
  scenes: (views: readonly ExampleView[]) => views.filter((_, i) => i % 2 === 0),
  plain: (views: readonly ExampleView[]) => views.filter((_, i) => i % 2 === 1),
};
const began = performance.now();
await using taught = await TaughtLibraries.open({ threads: values.threads });
const [mochi, tofu] = await Promise.all(["mochi", "tofu"].map(exampleOf));
const held = {
  scenes: await taught.encoded(ofSide.scenes(mochi.test)),
  plain: await taught.encoded(ofSide.plain(mochi.test)),
  tofu: await taught.encoded(tofu.test),
};
const rows = new Rows();

async function measure(row: string, library: string): Promise<void> {
  const learned = await readLearned(library, taught.pipeline);
  const errorOf = async (photos: readonly TrainingPhoto[], subject: string) =>
    1000 * mean(await taught.errors(learned, photos, subject));
  rows.keep(row, [
    await errorOf(held.scenes, "<mochi>"),
    await errorOf(held.plain, "<mochi>"),
    await errorOf(held.tofu, "<tofu>"),
    await told(learned, [...held.scenes, ...held.plain], ["<mochi>", "<tofu>", "cat"]),
    await told(learned, held.tofu, ["<tofu>", "<mochi>", "cat"]),
  ]);
}

/** How many views have their noise predicted best under the first subject. */
async function told(learned: Learned, photos: readonly TrainingPhoto[], subjects: readonly string[]): Promise<number> {
  const errors: number[][] = [];
  for (const subject of subjects) {
    const each = await taught.errors(learned, photos, subject);
    const draws = each.length / photos.length;
    errors.push(photos.map((_, k) => mean(each.slice(k * draws, (k + 1) * draws))));
  }
  const [right, ...wrong] = errors;
  return right.filter((error, k) => wrong.every((other) => error < other[k])).length;
}

for (let seed = 0; seed < values.seeds; seed++) {
  const training = { steps: values.steps, seed };
  const sideOf = (side: keyof typeof ofSide) => ({
    ...{ name: "mochi", classNoun: mochi.classNoun, training },
    photos: pathsOf(ofSide[side](mochi.train)),
  });
  for (const strategy of values.strategies.split(",")) {
    const { name, classNoun, train } = tofu;
    const other = await taught.teach(undefined, { name, classNoun, photos: pathsOf(train), strategy, training });
    const first = await taught.teach(other, sideOf("scenes"));
    await measure(`${strategy}: scenes`, first);
    const more = await taught.teach(first, { ...sideOf("plain"), more: true });
    await measure(`${strategy}: scenes, then plain with --more`, more);
    if (strategy !== "kv-nullspace") continue;
    const replaced = await taught.teach(first, { ...sideOf("plain"), replace: true });
    await measure(`${strategy}: scenes, then plain with --replace`, replaced);
    const both = await taught.teach(other, { ...sideOf("plain"), photos: pathsOf(mochi.train) });
    await measure(`${strategy}: both at once`, both);
  }
}
const sides = ["scenes ×1000 ↓", "plain ×1000 ↓", "tofu ×1000 ↓", "mochi told, of 6 ↑", "tofu told, of 6 ↑"];
rows.print("error on held-out views", sides);
console.error(`${((performance.now() - began) / 60_000).toFixed(1)} min`);
