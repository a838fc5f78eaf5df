/**
 * @file Recipe (a): the built-in model's CLIP, contrastively, on hard negatives: groups of pictures that share everything but the noun, or everything but
 * one other attribute. Prints the zero-shot accuracy on nouns while it trains; the gate for going on to the UNet is 0.95.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { clipContrastiveLoss, clipLogitsPerImage, clipTextFeatures } from "../src/diffusion/clip/clip-model.ts";
import { endOfTextRows } from "../src/diffusion/clip/text-inputs.ts";
import type { ModuleContext } from "../src/diffusion/module.ts";
import { ClipTokenizer } from "../src/diffusion/tokenizer/index.ts";
import { input, Program, type Feeds } from "../src/graph/index.ts";
import { clipConfig, MAX_TOKENS, PICTURE_SIZE } from "./model/architecture.ts";
import { visionTower } from "./model/vision-tower.ts";
import { writeTokenizer } from "./model/vocabulary.ts";
import { recipeOptions } from "./training/options.ts";
import { FullTrainer } from "./training/full-trainer.ts";
import { trainLoop } from "./training/loop.ts";
import { traceParameters } from "./training/parameters.ts";
import { NOUNS } from "./world/nouns.ts";
import { captionWords, World } from "./world/world.ts";

const { output, samples, seed, smoke, program } = recipeOptions({ samples: 300_000, smokeSamples: 2048 });

const BATCH = 128;
const GROUP = 32;
const EVALUATED = smoke ? 64 : 512;

const wordCounts = new Map(captionWords().map((word) => [word, 1]));
const folder = join(output, "clip");
const tokenizerFolder = join(output, "tokenizer");
await mkdir(folder, { recursive: true });
const config = clipConfig(await writeTokenizer(tokenizerFolder, wordCounts));
const tokenizer = await ClipTokenizer.load(tokenizerFolder);
const world = await World.load();

/** Pixels in [-1, 1], not normalised channel by channel as CLIP's usually are: whatever measures pictures with this CLIP must do the same. */
const pixelShape = (count: number) => [count, 3, PICTURE_SIZE, PICTURE_SIZE];

function textFeeds(captions: readonly string[]) {
  const ids = captions.map((caption) => [...tokenizer.encode(caption).inputIds]);
  return { inputIds: Int32Array.from(ids.flat()), endOfText: endOfTextRows(ids, config.textConfig) };
}

const imageTower = (context: ModuleContext, count: number) =>
  visionTower(context, input("pixels", pixelShape(count)), config.projectionDim);
const textTower = (context: ModuleContext, count: number) =>
  clipTextFeatures(
    context,
    config,
    { inputIds: input("inputIds", [count, MAX_TOKENS], "int32") },
    input("endOfText", [count], "int32"),
  );

const trainer = await FullTrainer.create(
  (context) => ({
    loss: clipContrastiveLoss(clipLogitsPerImage(context, imageTower(context, BATCH), textTower(context, BATCH))),
  }),
  { learningRate: 1.5e-3, betas: [0.9, 0.98], weightDecay: 0.05, maxGradNorm: 1, emaDecay: 0.998, seed, ...program },
);

function feedsOf(step: number): Feeds {
  const groups = Array.from({ length: BATCH / GROUP }, (_, i) =>
    world.sampleGroup(seed, step * (BATCH / GROUP) + i, GROUP),
  );
  const { pixels, captions } = world.renderScenes(groups.flat(), PICTURE_SIZE);
  return { pixels, ...textFeeds(captions) };
}

/** Which noun of all is in the picture? Asked with "a <noun>" for pictures of held-out combinations. */
const nouns = NOUNS.map(({ name }) => name);
const zeroShot = traceParameters((context) =>
  clipLogitsPerImage(context, imageTower(context, EVALUATED), textTower(context, nouns.length)),
);
const zeroShotProgram = await Program.create({ logits: zeroShot.traced }, program);
const heldOut = world.renderBatch(seed, 0, EVALUATED, PICTURE_SIZE, {
  split: "held out",
  layouts: { single: 1 },
});

async function evaluate(): Promise<Record<string, number>> {
  const { logits } = await zeroShotProgram.run({
    ...Object.fromEntries(
      Object.entries(trainer.parameters.feeds(trainer.ema)).filter(([name]) => zeroShotProgram.inputs.has(name)),
    ),
    pixels: heldOut.pixels,
    ...textFeeds(nouns.map((noun) => `a ${noun}`)),
  });
  let right = 0;
  for (const [i, { subjects }] of heldOut.scenes.entries()) {
    const row = logits.subarray(i * nouns.length, (i + 1) * nouns.length);
    if (nouns[row.indexOf(Math.max(...row))] === subjects[0].noun) right++;
  }
  return { nounZeroShot: right / EVALUATED };
}

const checkpoint = join(folder, "checkpoint.safetensors");
if (await trainer.load(checkpoint)) process.stderr.write(`going on from step ${trainer.step}\n`);
const isComplete = await trainLoop(
  trainer,
  {
    samples,
    batchSize: BATCH,
    warmupSteps: 100,
    constantShare: 0.1,
    checkpoint,
    checkpointEvery: 120,
    evaluateEvery: smoke ? 1024 : 12_800,
    log: join(folder, "log.jsonl"),
  },
  feedsOf,
  evaluate,
);
process.exitCode = isComplete ? 0 : 130;
