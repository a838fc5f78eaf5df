/**
 * @file What is left of a concept in its drawings, as the judge sees it. Teaches generated concepts, each alone, draws
 * each in six places where it was never shown, and asks for noun, main colour and mark. Learning rates, steps and rank
 * of the built-in model can be weighed by this.
 *
 * `npx tsx recipes/taught.ts --model build/model/model --judge build/model/judge --output sheet.png`
 */
import { join } from "node:path";
import { encodePng, imageToTensor, writePng } from "../src/io/images/image.ts";
import { labelledSheet, type SheetRow } from "../src/io/images/labelled-sheet.ts";
import type { RgbImage } from "../src/io/images/rgb-image.ts";
import { LIMITS } from "../src/limits.ts";
import { BUILT_IN } from "../src/library/model/model-profile.ts";
import { generatedConcept } from "./concepts/generated.ts";
import { paintView } from "./concepts/paint-view.ts";
import { viewsOf } from "./concepts/views.ts";
import { accuracyOf, Judge, type Seen } from "./evaluation/judge.ts";
import { answersOf } from "./evaluation/judge-network.ts";
import { drawnWhenTaughtAlone, NEW_PLACES } from "./evaluation/taught-alone.ts";
import { PICTURE_SIZE } from "./model/architecture.ts";
import { settingOf } from "./world/captions.ts";
import { threads, trainingSeed, wholeNumber } from "../src/cli/options.ts";
import { atLeastOne, parseLearningRate, parseRank, parseSteps, readArguments, tool } from "../scripts/tool.ts";

const values = readArguments(
  tool("Teaches generated concepts, each alone, draws each in new places, and asks the judge what is left of it.")
    .option("--model <folder>", "checkpoint (default: the built-in model)")
    .option("--judge <folder>", "a trained judge", join("build", "model", "judge"))
    .option("--count <n>", "concepts", atLeastOne, 8)
    .option("--seed <n>", "seed of the concepts", trainingSeed, 5)
    .option("--steps <n>", "optimiser steps for each concept", parseSteps, BUILT_IN.training.steps)
    .option("--batch <n>", "photos of a step", wholeNumber(LIMITS.batchSize), BUILT_IN.training.batchSize)
    .option("--lr <x>", "learning rate of the adapter", parseLearningRate, BUILT_IN.training.learningRate)
    .option("--token-lr <x>", "learning rate of the token", parseLearningRate, BUILT_IN.training.tokenLearningRate)
    .option("--rank <n>", "of the adapter", parseRank, BUILT_IN.adapter.rank)
    .option("--vectors <n>", "of the token", wholeNumber(LIMITS.vectors), BUILT_IN.vectors)
    .option("--threads <n>", "processor threads", threads)
    .option("--output <file>", "a sheet (PNG) of what was learned from and what was drawn")
    .option("--smoke", "one concept, two steps: shows that it runs", false),
).opts<{
  model?: string;
  judge: string;
  count: number;
  seed: number;
  steps: number;
  batch: number;
  lr: number;
  tokenLr: number;
  rank: number;
  vectors: number;
  threads?: number;
  output?: string;
  smoke: boolean;
}>();
const program = values.threads === undefined ? {} : { threads: values.threads };
const training = {
  steps: values.smoke ? 2 : values.steps,
  batchSize: values.batch,
  learningRate: values.lr,
  tokenLearningRate: values.tokenLr,
};
const adapter = { rank: values.rank };
const { count, seed, vectors } = values;
const { model } = values;
const places = values.smoke ? NEW_PLACES.slice(0, 2) : NEW_PLACES;
/** Side of a view, in pixels: like a photo, larger than what the model sees. */
const VIEW_SIZE = 256;

const judge = await Judge.load(values.judge);
const see = (pictures: readonly RgbImage[]) => judge.see(pictures.map(imageToTensor));
const rows: SheetRow[] = [];
const real: Judged = { seen: [], answers: [] };
const drawn: Judged = { seen: [], answers: [] };
for (let index = 0; index < (values.smoke ? 1 : count); index++) {
  const concept = generatedConcept(seed, index);
  const { name, classNoun, description, figure } = concept;
  const started = performance.now();
  const photos = await Promise.all(
    viewsOf(concept, "train").map(async (view, i) => {
      const bytes = await encodePng(await paintView(concept, view, VIEW_SIZE));
      return { name: `${i}.png`, bytes, caption: settingOf(view.background) };
    }),
  );
  const drawings = await drawnWhenTaughtAlone(
    { name, classNoun, vectors, photos, training, adapter },
    { model, program, places },
  );
  const others = await Promise.all(viewsOf(concept, "test").map((view) => paintView(concept, view, PICTURE_SIZE)));
  const answer = answersOf({ subjects: [{ figure }] });
  const judged = { real: await see(others), drawn: await see(drawings) };
  add(real, judged.real, answer);
  add(drawn, judged.drawn, answer);
  rows.push({ label: description, groups: [others, drawings] });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const words = judged.drawn.map(({ words: { noun, color, mark } }) => `${color} ${noun} ${mark}`).join(", ");
  process.stderr.write(`${description}: ${words}; ${seconds} s\n`);
}
await judge.dispose();
const report = { real: accuracyOf(real.seen, real.answers), drawn: accuracyOf(drawn.seen, drawn.answers) };
process.stdout.write(`${JSON.stringify({ training, adapter, vectors, ...report })}\n`);
if (values.output !== undefined) {
  await writePng(values.output, labelledSheet(["other views of it", "drawn in new places"], rows));
}

type Answers = ReturnType<typeof answersOf>;
interface Judged {
  readonly seen: Seen[];
  readonly answers: Answers[];
}

function add(to: Judged, seen: readonly Seen[], answer: Answers): void {
  for (const each of seen) {
    to.seen.push(each);
    to.answers.push(answer);
  }
}
