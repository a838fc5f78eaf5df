/**
 * @file Recipe of the judge by which the built-in model is measured: a small network that names noun, colour and mark
 * of large single things. It sees softened and noisy pictures too, so that it judges what is shown and not how it was
 * rendered.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { onlyInputs } from "../src/diffusion/prompt-encoder.ts";
import { add, input, logSoftmax, mul, neg, Program, sum, type Feeds, type Tensor } from "../src/graph/index.ts";
import { writeSafetensors } from "../src/io/safetensors/safetensors.ts";
import { RandomStream } from "../src/random/random.ts";
import { answersOf, HEAD_NAMES, HEADS, judgeNetwork, wordsSeen, type Head } from "./evaluation/judge-network.ts";
import { accuracyOf, JUDGE_WEIGHTS } from "./evaluation/judge.ts";
import { PICTURE_SIZE } from "./model/architecture.ts";
import { namedTensors } from "./training/export.ts";
import { FullTrainer } from "./training/full-trainer.ts";
import { trainLoop } from "./training/loop.ts";
import { recipeOptions } from "./training/options.ts";
import { traceParameters } from "./training/parameters.ts";
import type { Scene } from "./world/scene.ts";
import { openPictures } from "./training/world-threads.ts";
import type { SampleOptions } from "./world/world.ts";

const { output, samples, seed, smoke, batch, rate, provider, threads, pictureThreads, program } = recipeOptions(
  "Trains the judge that measures the built-in model.",
  {
    samples: 400_000,
    smokeSamples: 128,
    batch: 64,
  },
);

const BATCH = batch;
const EVALUATED = smoke ? 64 : 512;
const SHOWN: SampleOptions = { layouts: { single: 1 }, sizes: { large: 1 } };
/** Of the pictures, this share is softened; the noise has at most this deviation. */
const SOFTENED = 0.3;
const NOISE = 0.06;
/** Marks are learned last by far: nouns were right in 94 % of the pictures when marks were still guessed. */
const WEIGHTS: Readonly<Record<Head, number>> = { noun: 1, color: 1, mark: 3 };

const folder = join(output, "judge");
await mkdir(folder, { recursive: true });
const world = openPictures(pictureThreads);
const pictures = (count: number) => input("pixels", [count, 3, PICTURE_SIZE, PICTURE_SIZE]);
const crossEntropy = (logits: Tensor, targets: Tensor): Tensor => neg(sum(mul(logSoftmax(logits), targets)));

const trainer = FullTrainer.create(
  (context, count) => {
    const { logits } = judgeNetwork(context, pictures(count));
    const losses = HEAD_NAMES.map((head) =>
      mul(crossEntropy(logits[head], input(head, [count, HEADS[head].length])), WEIGHTS[head]),
    );
    return {
      loss: mul(
        losses.reduce((total, loss) => add(total, loss)),
        1 / count,
      ),
    };
  },
  {
    learningRate: 1e-3 * rate,
    betas: [0.9, 0.99],
    weightDecay: 0.02,
    maxGradNorm: 1,
    emaDecay: 0.999,
    // Another start than the model's: the judge is to have nothing of it.
    seed: seed + 1000,
    batchSize: BATCH,
    provider,
    workers: threads,
  },
);

/** Each right answer's share. */
function targetsOf(head: Head, scenes: readonly Scene[]): Float32Array {
  const choices: readonly string[] = HEADS[head];
  const targets = new Float32Array(scenes.length * choices.length);
  scenes.forEach((scene, i) => {
    const { [head]: answers } = answersOf(scene);
    for (const answer of answers) targets[i * choices.length + choices.indexOf(answer)] = 1 / answers.length;
  });
  return targets;
}

/** The mean of each pixel and its neighbours to the right and below. */
function soften(plane: Float32Array): void {
  for (let y = 0; y + 1 < PICTURE_SIZE; y++) {
    for (let x = 0; x + 1 < PICTURE_SIZE; x++) {
      const at = y * PICTURE_SIZE + x;
      plane[at] = (plane[at] + plane[at + 1] + plane[at + PICTURE_SIZE] + plane[at + PICTURE_SIZE + 1]) / 4;
    }
  }
}

function disturb(pixels: Float32Array, step: number): void {
  const random = new RandomStream(seed, "judge", step);
  const [isSoft, deviation] = [random.uniform(BATCH), random.uniform(BATCH)];
  const noise = random.normal(pixels.length);
  const area = PICTURE_SIZE * PICTURE_SIZE;
  for (let plane = 0; plane < 3 * BATCH; plane++) {
    const picture = Math.floor(plane / 3);
    const own = pixels.subarray(plane * area, (plane + 1) * area);
    if (isSoft[picture] < SOFTENED) soften(own);
    own.forEach((value, i) => (own[i] = value + NOISE * deviation[picture] * noise[plane * area + i]));
  }
}

async function feedsOf(step: number): Promise<Feeds> {
  const { pixels, scenes } = await world.batch(seed, step * BATCH, BATCH, SHOWN);
  disturb(pixels, step);
  return { pixels, ...Object.fromEntries(HEAD_NAMES.map((head) => [head, targetsOf(head, scenes)])) };
}

const heldOut = await world.batch(seed + 1, 0, EVALUATED, { ...SHOWN, split: "held out" });
const judging = await Program.create(
  traceParameters((context) => judgeNetwork(context, pictures(EVALUATED)).logits).traced,
  program,
);

async function evaluate(): Promise<Record<string, number>> {
  const feeds = onlyInputs(judging, trainer.parameters.feeds(trainer.ema));
  const logits = await judging.run({ ...feeds, pixels: heldOut.pixels });
  const seen = heldOut.scenes.map((_, i) => ({ words: wordsSeen(logits, i) }));
  const { noun, color, mark } = accuracyOf(seen, heldOut.scenes.map(answersOf));
  return { noun, color, mark };
}

const isComplete = await trainLoop(
  trainer,
  {
    samples,
    batchSize: BATCH,
    warmupSteps: 100,
    constantShare: 0.4,
    folder,
    evaluateEvery: smoke ? 128 : 12_800,
  },
  feedsOf,
  evaluate,
);
await Promise.all([trainer.dispose(), world.dispose()]);
await writeSafetensors(join(folder, JUDGE_WEIGHTS), namedTensors(trainer.parameters, trainer.ema));
process.exitCode = isComplete ? 0 : 130;
