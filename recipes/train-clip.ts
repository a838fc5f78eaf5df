/**
 * @file Recipe (a): the built-in model's CLIP. The contrastive loss sees hard negatives, groups of pictures that share
 * everything but the noun or everything but one other attribute; beside it both towers have to name the noun, against
 * one table of prototypes that is dropped afterwards: by the contrastive loss alone the nouns were at chance long after
 * that loss had begun to fall. Prints the zero-shot accuracy on nouns while it trains; the gate for going on to the
 * UNet is 0.95.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError } from "../src/errors.ts";
import { openClipModel } from "../src/diffusion/checkpoint.ts";
import {
  clipContrastiveLoss,
  clipImageFeatures,
  clipLogitsPerImage,
  clipTextFeatures,
} from "../src/diffusion/clip/clip-model.ts";
import { endOfTextRows } from "../src/diffusion/clip/text-inputs.ts";
import type { ModuleContext } from "../src/diffusion/module.ts";
import { onlyInputs } from "../src/diffusion/prompt-encoder.ts";
import { ClipTokenizer } from "../src/diffusion/tokenizer/index.ts";
import { add, input, logSoftmax, mul, neg, Program, sum, type Feeds, type Tensor } from "../src/graph/index.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import {
  clipConfig,
  clipConfigJson,
  clipPreprocessorConfigJson,
  MAX_TOKENS,
  PICTURE_SIZE,
  textEncoderConfigJson,
} from "./model/architecture.ts";
import { writeTokenizer } from "./model/vocabulary.ts";
import { namedTensors, storedTensors, TRANSFORMERS_WEIGHTS, writeComponent } from "./training/export.ts";
import { FullTrainer } from "./training/full-trainer.ts";
import { trainLoop } from "./training/loop.ts";
import { recipeOptions } from "./training/options.ts";
import { traceParameters } from "./training/parameters.ts";
import { NOUN_NAMES as nouns } from "./figures/nouns.ts";
import { captionedGroup } from "./world/groups.ts";
import type { Scene } from "./world/scene.ts";
import { captionWords, EASY_WORLD, World, type SampleOptions } from "./world/world.ts";

const { output, samples, from, seed, smoke, freezeText, batch, rate, provider, threads, program } = recipeOptions(
  "Trains the built-in model's CLIP.",
  {
    samples: 300_000,
    smokeSamples: 128,
    batch: 64,
    takes: ["from", "freeze-text"],
  },
);

const BATCH = batch;
const GROUP = 16;
if (BATCH % GROUP !== 0) throw new KeepsakeError("usage", `--batch ${BATCH}: give a multiple of ${GROUP}.`);
const EVALUATED = smoke ? 64 : 512;
const NOUN_WEIGHT = 0.5;
const NOUN_PROTOTYPES = "noun_embedding.weight";
/** Training begins with large single things, for this share of the samples; later they are every second batch. */
const EASY_SHARE = 0.25;

const folder = join(output, "clip");
const tokenizerFolder = join(output, "model", "tokenizer");
await mkdir(folder, { recursive: true });
const config = clipConfig(await writeTokenizer(tokenizerFolder, new Map(captionWords().map((word) => [word, 1]))));
const tokenizer = await ClipTokenizer.load(tokenizerFolder);
const world = new World();
const initial = from === undefined ? undefined : (await openClipModel(join(from, "clip"))).weights;
const frozenText = freezeText ? initial : undefined;
if (freezeText && initial === undefined)
  throw new KeepsakeError("usage", "--freeze-text: give the model whose text encoder is meant with --from.");
const isOfTextTower = (name: string) => name.startsWith("text_model.") || name === "text_projection.weight";

function textFeeds(captions: readonly string[]) {
  const ids = captions.map((caption) => [...tokenizer.encode(caption).inputIds]);
  return { inputIds: Int32Array.from(ids.flat()), endOfText: endOfTextRows(ids, config.textConfig) };
}

/**
 * Pixels in [-1, 1], not normalised channel by channel as CLIP's usually are: the exported preprocessor config says so.
 */
const imageTower = (context: ModuleContext, count: number) =>
  clipImageFeatures(context, config, input("pixels", [count, 3, PICTURE_SIZE, PICTURE_SIZE]));
const textTower = (context: ModuleContext, count: number) =>
  clipTextFeatures(
    frozenText?.frozen() ?? context,
    config,
    { inputIds: input("inputIds", [count, MAX_TOKENS], "int32") },
    input("endOfText", [count], "int32"),
  );

/** Cross-entropy of naming the noun from the features of either tower, a mean over the batch. */
function nounLoss(context: ModuleContext, features: Tensor, targets: Tensor): Tensor {
  const prototypes = context.parameter(NOUN_PROTOTYPES, [nouns.length, config.projectionDim]);
  const logits = clipLogitsPerImage(context, features, prototypes);
  return neg(sum(mul(logSoftmax(logits), targets)));
}

const trainer = FullTrainer.create(
  (context) => {
    const image = imageTower(context, BATCH);
    const text = textTower(context, BATCH);
    const targets = input("nounTargets", [BATCH, nouns.length]);
    const naming = add(nounLoss(context, image, targets), nounLoss(context, text, targets));
    return { loss: add(clipContrastiveLoss(clipLogitsPerImage(context, image, text)), mul(naming, NOUN_WEIGHT)) };
  },
  {
    learningRate: 5e-4 * rate,
    betas: [0.9, 0.98],
    weightDecay: 0.05,
    maxGradNorm: 1,
    emaDecay: 0.998,
    seed,
    batchSize: BATCH,
    provider,
    // The loss compares every picture of a batch with every other: on the CPU it is not cut among workers.
    ...(provider === "cpu" ? { threads } : { workers: threads }),
  },
);

/** One over the batch's size at each picture's noun; nothing where there are two nouns. */
function nounTargets(scenes: readonly Scene[]): Float32Array {
  const targets = new Float32Array(scenes.length * nouns.length);
  scenes.forEach(({ layout, subjects }, i) => {
    if (layout.kind !== "pair") targets[i * nouns.length + nouns.indexOf(subjects[0].figure.noun)] = 1 / scenes.length;
  });
  return targets;
}

async function feedsOf(step: number): Promise<Feeds> {
  const options = step * BATCH < EASY_SHARE * samples || step % 2 === 0 ? EASY_WORLD : {};
  const groups = Array.from({ length: BATCH / GROUP }, (_, i) =>
    captionedGroup(seed, step * (BATCH / GROUP) + i, GROUP, options),
  );
  const { pixels, captions, scenes } = await world.renderScenes(groups.flat(), PICTURE_SIZE);
  return { pixels, ...textFeeds(captions), nounTargets: nounTargets(scenes) };
}

const zeroShot = await Program.create(
  traceParameters((context) => ({
    logits: clipLogitsPerImage(context, imageTower(context, EVALUATED), textTower(context, nouns.length)),
  })).traced,
  program,
);

/** Which noun of all is in the picture? Asked with "a <noun>", as the share of right answers. */
async function zeroShotAccuracy(options: SampleOptions): Promise<() => Promise<number>> {
  const single: SampleOptions = { ...options, split: "held out", layouts: { single: 1 } };
  const { pixels, scenes } = await world.renderBatch(seed, 0, EVALUATED, PICTURE_SIZE, single);
  const feeds = { pixels, ...textFeeds(nouns.map((noun) => `a ${noun}`)) };
  return async () => {
    const weights = onlyInputs(zeroShot, trainer.parameters.feeds(trainer.ema));
    const { logits } = await zeroShot.run({ ...weights, ...feeds });
    const right = scenes.filter(({ subjects }, i) => {
      const row = logits.subarray(i * nouns.length, (i + 1) * nouns.length);
      return nouns[row.indexOf(Math.max(...row))] === subjects[0].figure.noun;
    });
    return right.length / EVALUATED;
  };
}
const zeroShotOfAll = await zeroShotAccuracy({});
const zeroShotOfEasy = await zeroShotAccuracy(EASY_WORLD);

const isComplete = await trainLoop(
  trainer,
  {
    samples,
    batchSize: BATCH,
    warmupSteps: 100,
    constantShare: 0.3,
    folder,
    initial,
    evaluateEvery: smoke ? 128 : 6400,
  },
  feedsOf,
  async () => ({ nounZeroShot: await zeroShotOfAll(), nounZeroShotEasy: await zeroShotOfEasy() }),
);
await trainer.dispose();
const exported = new Map([
  ...namedTensors(trainer.parameters, trainer.ema, (name) => name !== NOUN_PROTOTYPES),
  ...(frozenText === undefined ? [] : await storedTensors(frozenText, isOfTextTower)),
]);
await writeComponent(
  join(output, "model", "clip"),
  TRANSFORMERS_WEIGHTS,
  clipConfigJson(tokenizer.vocabSize),
  exported,
);
const preprocessor = clipPreprocessorConfigJson;
await writeFileAtomic(
  join(output, "model", "clip", "preprocessor_config.json"),
  JSON.stringify(preprocessor, undefined, 2),
);
await writeComponent(
  join(output, "model", "text_encoder"),
  TRANSFORMERS_WEIGHTS,
  textEncoderConfigJson(tokenizer.vocabSize),
  new Map([...exported].filter(([name]) => name.startsWith("text_model."))),
);
process.exitCode = isComplete ? 0 : 130;
