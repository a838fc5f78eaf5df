/**
 * @file What is left of a concept in its drawings, as the judge sees it. Teaches generated concepts, each alone, draws
 * each in six places where it was never shown, and asks for noun, main colour and mark. Learning rates, steps and rank
 * of the built-in model can be weighed by this.
 *
 * `npx tsx recipes/taught.ts --model build/model/model --judge build/model/judge [--count 8] [--seed 5] [--steps 250]
 * [--learning-rate 1.5e-3] [--token-learning-rate 1e-3] [--batch 4] [--rank 32] [--vectors 4] [--threads 1]
 * [--output sheet.png]`
 */
import { parseArgs } from "node:util";
import { encodePng, imageToTensor, writePng } from "../src/io/images/image.ts";
import { labelledSheet, type SheetRow } from "../src/io/images/labelled-sheet.ts";
import type { RgbImage } from "../src/io/images/rgb-image.ts";
import { BUILT_IN } from "../src/library/model/model-profile.ts";
import { generatedConcept } from "./concepts/generated.ts";
import { paintView } from "./concepts/paint-view.ts";
import { viewsOf } from "./concepts/views.ts";
import { accuracyOf, Judge, type Seen } from "./evaluation/judge.ts";
import { answersOf } from "./evaluation/judge-network.ts";
import { drawnWhenTaughtAlone, NEW_PLACES } from "./evaluation/taught-alone.ts";
import { PICTURE_SIZE } from "./model/architecture.ts";
import { positiveNumber, wholeNumber } from "./training/options.ts";
import { settingOf } from "./world/captions.ts";

const { values } = parseArgs({
  options: {
    /** Default: the built-in one. */
    model: { type: "string" },
    judge: { type: "string", default: "build/model/judge" },
    count: { type: "string", default: "8" },
    /** Of the generated concepts. */
    seed: { type: "string", default: "5" },
    steps: { type: "string", default: String(BUILT_IN.training.steps) },
    batch: { type: "string", default: String(BUILT_IN.training.batchSize) },
    "learning-rate": { type: "string", default: String(BUILT_IN.training.learningRate) },
    "token-learning-rate": { type: "string", default: String(BUILT_IN.training.tokenLearningRate) },
    rank: { type: "string", default: String(BUILT_IN.adapter.rank) },
    vectors: { type: "string", default: String(BUILT_IN.vectors) },
    threads: { type: "string" },
    /** A sheet of what was learned from and what was drawn. Default: none. */
    output: { type: "string" },
    smoke: { type: "boolean", default: false },
  },
});
const program = values.threads === undefined ? {} : { threads: wholeNumber("threads", values.threads) };
const training = {
  steps: values.smoke ? 2 : wholeNumber("steps", values.steps),
  batchSize: wholeNumber("batch", values.batch),
  learningRate: positiveNumber("learning-rate", values["learning-rate"]),
  tokenLearningRate: positiveNumber("token-learning-rate", values["token-learning-rate"]),
};
const adapter = { rank: wholeNumber("rank", values.rank) };
const vectors = wholeNumber("vectors", values.vectors);
const [count, seed] = [wholeNumber("count", values.count), wholeNumber("seed", values.seed)];
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
