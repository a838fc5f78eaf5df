/**
 * @file Recipe (c): the built-in model's UNet, on latents of recipe (b) under the text encoder of recipe (a), both
 * frozen. v-prediction with mostly middle timesteps; one caption in ten is dropped for classifier-free guidance. While
 * it trains it draws the same noise under different prompts: nouns must differ.
 */
import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openAutoencoderKl, openClipTextModel, openUNet2DConditionModel } from "../src/diffusion/checkpoint.ts";
import { clipTextModel } from "../src/diffusion/clip/clip-text-model.ts";
import { decode } from "../src/diffusion/models/autoencoder-kl.ts";
import { timestepProjection } from "../src/diffusion/models/embeddings.ts";
import { unet2DConditionModel } from "../src/diffusion/models/unet-2d-condition-model.ts";
import type { ModuleContext } from "../src/diffusion/module.ts";
import { onlyInputs } from "../src/diffusion/prompt-encoder.ts";
import { createScheduler, NoiseSchedule } from "../src/diffusion/schedulers/index.ts";
import { ClipTokenizer } from "../src/diffusion/tokenizer/index.ts";
import { input, mul, Program, square, sub, sum } from "../src/graph/index.ts";
import { RandomStream } from "../src/random/random.ts";
import * as architecture from "./model/architecture.ts";
import { encodedWorld, pictureEncoder } from "./training/encoded-world.ts";
import { DIFFUSERS_WEIGHTS, namedTensors, writeComponent, writePipelineFiles } from "./training/export.ts";
import { recipeOptions } from "./training/options.ts";
import { FullTrainer } from "./training/full-trainer.ts";
import { checkpointIn, trainLoop } from "./training/loop.ts";
import { traceParameters } from "./training/parameters.ts";
import { picturesOf, writeGrid } from "./training/sheets.ts";
import { openPictures } from "./training/world-threads.ts";
import { EASY_WORLD, type SampleOptions } from "./world/world.ts";

const { LATENT_CHANNELS, LATENT_SIZE, MAX_TOKENS, unetConfig } = architecture;

const { output, samples, from, seed, smoke, batch, rate, provider, threads, pictureThreads, program, encoder } =
  recipeOptions("Trains the built-in model's UNet.", {
    samples: 1_200_000,
    smokeSamples: 32,
    batch: 64,
    smokeBatch: 16,
    takes: ["from"],
  });

const BATCH = batch;
const CAPTION_DROPOUT = 0.1;
/**
 * This share of the timesteps is logit-normal (Esser et al. 2024, eq. 19, mean 0 and deviation 1): shapes are decided
 * in the middle. The rest is uniform.
 */
const MIDDLE_TIMESTEPS = 0.8;
/**
 * How much more the error counts where a mark is, in a picture without noise: marks cover a thirtieth of a picture, and
 * are what a figure is known by. It falls with the signal's share of the noised picture: where no mark can be seen yet,
 * more weight on those that will be would have them drawn unasked.
 */
const MARK_WEIGHT = 8;
/** Pictures used several times each, with other noise: rendering and encoding cost next to nothing then. */
const REPEATS = 4;
/** Pictures that are encoded together. */
const BLOCK = smoke ? 32 : 2048;
/** A training from random weights begins with the easy world, for this share of the samples. */
const EASY_SHARE = 0.2;
/**
 * What is hard is learned last: a model that draws single things is trained on more pictures of two things, on more
 * small things and on more marks. Captions name them, or else marks would be drawn where none is asked for.
 */
const LATER_WORLD: SampleOptions = {
  layouts: { single: 0.6, two: 0.04, pair: 0.36 },
  sizes: { large: 0.88, small: 0.12 },
  marked: 0.7,
  captions: { mark: 1, nounOnly: 0.02 },
};
const GUIDANCE_SCALE = 3;
const SAMPLING_STEPS = smoke ? 2 : 20;
/** Bare nouns, which must differ from one another, and what is harder. */
const NOUNS = ["cat", "dog", "apple", "car", "robot", "teapot", "fish", "house"];
const DRAWN_PROMPTS = [
  ...NOUNS.map((noun) => `a ${noun} on a white background`),
  "a yellow cat with a blue star in the snow",
  "a dog wearing a red scarf on the beach",
  "a cat next to a mug on a pink background",
  "a green car with a yellow heart in the city",
  "an orange robot with a black spiral in the forest",
  "a white teapot with red stripes on a wooden table",
  "a purple fish with yellow dots in the sea",
  "a blue and red house in the mountains",
];
const DRAWN = DRAWN_PROMPTS.length;
const POSITIONS = LATENT_SIZE * LATENT_SIZE;
const LATENT = LATENT_CHANNELS * POSITIONS;

const folder = join(output, "unet");
await mkdir(folder, { recursive: true });
const model = join(output, "model");
// A run that goes on has its model already, newer than the one that it started from.
if (from !== undefined && !existsSync(checkpointIn(folder))) await cp(from, model, { recursive: true });
const vae = await openAutoencoderKl(join(model, "vae"));
const { config: textConfig, weights: textWeights } = await openClipTextModel(join(model, "text_encoder"));
const tokenizer = await ClipTokenizer.load(join(model, "tokenizer"));
const pictures = openPictures(pictureThreads);
const ENCODED_CAPTIONS = 32;
const textEncoder = await Program.create(
  {
    states: clipTextModel(textWeights.frozen(), textConfig, {
      inputIds: input("inputIds", [ENCODED_CAPTIONS, MAX_TOKENS], "int32"),
    }).lastHiddenState,
  },
  encoder,
);
const STATES = MAX_TOKENS * textConfig.hiddenSize;
/** Encoder states `[captions, MAX_TOKENS, width]`. */
async function encodeCaptions(captions: readonly string[]): Promise<Float32Array> {
  const all = new Float32Array(captions.length * STATES);
  for (let first = 0; first < captions.length; first += ENCODED_CAPTIONS) {
    const some = captions.slice(first, first + ENCODED_CAPTIONS);
    const filled = [...some, ...Array<string>(ENCODED_CAPTIONS - some.length).fill("")];
    const inputIds = Int32Array.from(filled.flatMap((caption) => [...tokenizer.encode(caption).inputIds]));
    const { states } = await textEncoder.run({ inputIds });
    all.set(states.subarray(0, some.length * STATES), first * STATES);
  }
  return all;
}
const easyFirst = (index: number): SampleOptions => (index * REPEATS < EASY_SHARE * samples ? EASY_WORLD : {});

const emptyCaption = await encodeCaptions([""]);

const batchAt = encodedWorld(pictures, await pictureEncoder(vae, encoder), {
  seed,
  batchSize: BATCH,
  blockBatches: Math.max(1, Math.round(BLOCK / BATCH)),
  repeats: REPEATS,
  samplingAt: (index) => ({ ...(from === undefined ? easyFirst(index) : LATER_WORLD), markMask: true }),
  encodeCaptions,
  provider,
  ...(pictureThreads > 0 && { stepsAhead: Math.ceil(samples / BATCH) }),
});

const noiseSchedule = new NoiseSchedule(architecture.schedulerConfigJson);
const predict = (context: ModuleContext, count: number) =>
  unet2DConditionModel(context, unetConfig, {
    sample: input("sample", [count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]),
    timestepProjection: input("timestepProjection", [count, unetConfig.blockOutChannels[0]]),
    encoderHiddenStates: input("encoderHiddenStates", [count, MAX_TOKENS, textConfig.hiddenSize]),
  });
const projectTimesteps = (timesteps: readonly number[]) =>
  timestepProjection(timesteps, unetConfig.blockOutChannels[0], unetConfig);

const trainer = FullTrainer.create(
  (context, count) => {
    const error = sub(predict(context, count), input("target", [count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]));
    const weight = input("weight", [count, 1, LATENT_SIZE, LATENT_SIZE]);
    return { loss: mul(sum(mul(square(error), weight)), 1 / (count * LATENT)) };
  },
  {
    learningRate: 1e-3 * rate,
    betas: [0.9, 0.99],
    weightDecay: 0.01,
    maxGradNorm: 1,
    emaDecay: 0.999,
    seed,
    batchSize: BATCH,
    provider,
    workers: threads,
  },
);

async function feedsOf(step: number) {
  const { latents, encoderHiddenStates, markMask = new Float32Array(BATCH * POSITIONS) } = await batchAt(step);
  const random = new RandomStream(seed, "diffusion", step);
  const noise = random.normal(latents.length);
  const [isMiddle, uniform, normal] = [random.uniform(BATCH), random.uniform(BATCH), random.normal(BATCH)];
  const timesteps = Array.from({ length: BATCH }, (_, i) => {
    const share = isMiddle[i] < MIDDLE_TIMESTEPS ? 1 / (1 + Math.exp(-normal[i])) : uniform[i];
    return Math.floor(share * noiseSchedule.numTrainTimesteps);
  });
  for (const [i, u] of random.uniform(BATCH).entries()) {
    if (u < CAPTION_DROPOUT) encoderHiddenStates.set(emptyCaption, i * STATES);
  }
  return {
    sample: noiseSchedule.addNoise(latents, noise, timesteps),
    target: noiseSchedule.trainingTarget(latents, noise, timesteps),
    timestepProjection: projectTimesteps(timesteps),
    encoderHiddenStates,
    weight: markMask.map(
      (mark, i) => 1 + MARK_WEIGHT * mark * noiseSchedule.alphasCumprod[timesteps[Math.floor(i / POSITIONS)]],
    ),
  };
}

// One run predicts for every drawn prompt and for as many empty ones.
const unet = await Program.create(
  { prediction: traceParameters((context) => predict(context, 2 * DRAWN)).traced },
  program,
);
const drawnLatents = input("latents", [DRAWN, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]);
const decoder = await Program.create({ decoded: decode(vae.weights.frozen(), vae.config, drawnLatents) }, program);
const drawnStates = await encodeCaptions([...DRAWN_PROMPTS, ...DRAWN_PROMPTS.map(() => "")]);

/** Writes the model as it is by now, and draws the prompts, all from the same noise. */
async function draw(samplesSeen: number): Promise<Record<string, number>> {
  const averaged = namedTensors(trainer.parameters, trainer.ema);
  await writeComponent(join(model, "unet"), DIFFUSERS_WEIGHTS, architecture.unetConfigJson, averaged);
  await writePipelineFiles(model);
  const weights = onlyInputs(unet, trainer.parameters.feeds(trainer.ema));
  const scheduler = createScheduler("ddim", architecture.schedulerConfigJson);
  const noise = new RandomStream(seed, "drawn").normal(LATENT);
  let latents: Float32Array = Float32Array.from({ length: DRAWN * LATENT }, (_, i) => noise[i % LATENT]);
  scheduler.setTimesteps(SAMPLING_STEPS);
  for (const [i, timestep] of scheduler.timesteps.entries()) {
    const sample = new Float32Array(2 * latents.length);
    sample.set(latents);
    sample.set(latents, latents.length);
    const { prediction } = await unet.run({
      ...weights,
      sample,
      timestepProjection: projectTimesteps(Array.from({ length: 2 * DRAWN }, () => timestep)),
      encoderHiddenStates: drawnStates,
    });
    const guided = latents.map((_, j) => {
      const unconditional = prediction[latents.length + j];
      return unconditional + GUIDANCE_SCALE * (prediction[j] - unconditional);
    });
    latents = scheduler.step(guided, i, latents).prevSample;
  }
  const { decoded } = await decoder.run({ latents });
  await writeGrid(join(folder, `samples-${samplesSeen}.png`), picturesOf(decoded), 8);
  return { distanceOfNouns: meanDistance(latents) };
}

/** Root of the mean squared difference of the drawn latents of bare nouns: near zero while nouns make no difference. */
function meanDistance(latents: Float32Array): number {
  let squares = 0;
  let count = 0;
  for (let a = 0; a < NOUNS.length; a++) {
    for (let b = 0; b < a; b++) {
      for (let i = 0; i < LATENT; i++) squares += (latents[a * LATENT + i] - latents[b * LATENT + i]) ** 2;
      count += LATENT;
    }
  }
  return Math.sqrt(squares / count);
}

const started = from === undefined ? undefined : join(from, "unet");
const initial =
  started !== undefined && existsSync(started) ? (await openUNet2DConditionModel(started)).weights : undefined;
const isComplete = await trainLoop(
  trainer,
  {
    samples,
    batchSize: BATCH,
    warmupSteps: 200,
    constantShare: 0.4,
    folder,
    initial,
    evaluateEvery: smoke ? 32 : 19_200,
  },
  feedsOf,
  draw,
);
await Promise.all([trainer.dispose(), pictures.dispose()]);
process.exitCode = isComplete ? 0 : 130;
