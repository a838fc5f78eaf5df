/**
 * @file Recipe (b): the built-in model's AutoencoderKL on pictures of the world. The loss is L1 + MSE + L1 of the
 * pixels' differences, so that outlines stay sharp, and a KL term just large enough to keep the latents bounded. Prints
 * the reconstruction PSNR on held-out pictures of the world and on the ten concepts' views, which training never shows,
 * while it trains.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError } from "../src/errors.ts";
import { concatenated } from "../src/diffusion/flat-arrays.ts";
import type { ModuleContext } from "../src/diffusion/module.ts";
import { decode, encode, klFromStandardNormal, sampleLatents } from "../src/diffusion/models/autoencoder-kl.ts";
import {
  add,
  input,
  mean,
  meanSquaredError,
  mul,
  Program,
  slice,
  sqrt,
  square,
  sub,
  type Tensor,
} from "../src/graph/index.ts";
import { RandomStream } from "../src/random/random.ts";
import { LATENT_CHANNELS, LATENT_SIZE, PICTURE_SIZE, vaeConfig, vaeConfigJson } from "./model/architecture.ts";
import { openAutoencoderKl, type Component } from "../src/diffusion/checkpoint.ts";
import type { AutoencoderKlConfig } from "../src/diffusion/config/autoencoder-kl-config.ts";
import { conceptViews } from "./evaluation/concept-views.ts";
import { psnr } from "./evaluation/fidelity.ts";
import { pictureEncoder } from "./training/encoded-world.ts";
import { DIFFUSERS_WEIGHTS, namedTensors, storedTensors, writeComponent } from "./training/export.ts";
import {
  deviationsByWorth,
  foldLatentStatistics,
  latentStatistics,
  unusedChannels,
  worthOfChannels,
} from "./training/latent-statistics.ts";
import { recipeOptions } from "./training/options.ts";
import { FullTrainer } from "./training/full-trainer.ts";
import { trainLoop } from "./training/loop.ts";
import { onlyInputs } from "../src/diffusion/prompt-encoder.ts";
import { traceParameters } from "./training/parameters.ts";
import { picturesOf, writeComparison } from "./training/sheets.ts";
import { variedPictures } from "./training/varied-pictures.ts";
import { openPictures } from "./training/world-threads.ts";

const { output, samples, from, seed, smoke, freezeEncoder, batch, rate, provider, threads, pictureThreads, program } =
  recipeOptions("Trains the built-in model's VAE.", {
    samples: 300_000,
    smokeSamples: 16,
    batch: 8,
    takes: ["from", "freeze-encoder"],
  });

const BATCH = batch;
/**
 * The divergence is a sum over a picture's latents, the reconstruction a mean over its pixels. At 1e-6, right where
 * both are sums (Rombach et al. 2022), six of the sixteen channels gave up: their noise drowned what they said.
 */
const KL_WEIGHT = 1e-9;

const folder = join(output, "vae");
await mkdir(folder, { recursive: true });
const pictures = openPictures(pictureThreads);
const initial = from === undefined ? undefined : (await openAutoencoderKl(join(from, "vae"))).weights;
const frozenEncoder = freezeEncoder ? initial : undefined;
if (freezeEncoder && initial === undefined)
  throw new KeepsakeError("usage", "--freeze-encoder: give the model whose encoder is meant with --from.");
const isOfEncoder = (name: string) => /^(encoder|quant_conv)\./.test(name);

const pixelShape = (count: number) => [count, 3, PICTURE_SIZE, PICTURE_SIZE];
const noiseShape = (count: number) => [count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE];

/** |x|, rounded off at zero so that it has a gradient there (Charbonnier). */
const magnitude = (x: Tensor): Tensor => sqrt(add(square(x), 1e-6));

/** Mean absolute difference of the pictures' horizontal and vertical pixel differences. */
function gradientL1(a: Tensor, b: Tensor): Tensor {
  const error = sub(a, b);
  const [count, channels, height, width] = error.shape;
  const part = (y: number, x: number, lessY: number, lessX: number) =>
    slice(error, [0, 0, y, x], [count, channels, height - lessY + y, width - lessX + x]);
  const horizontal = mean(magnitude(sub(part(0, 1, 0, 1), part(0, 0, 0, 1))));
  return add(horizontal, mean(magnitude(sub(part(1, 0, 1, 0), part(0, 0, 1, 0)))));
}

const encoded = (context: ModuleContext, pixels: Tensor) =>
  encode(frozenEncoder?.frozen() ?? context, vaeConfig, pixels);

const trainer = FullTrainer.create(
  (context, count) => {
    const pixels = input("pixels", pixelShape(count));
    const distribution = encoded(context, pixels);
    const latents = sampleLatents(distribution, input("noise", noiseShape(count)));
    const decoded = decode(context, vaeConfig, latents);
    const l1 = mean(magnitude(sub(decoded, pixels)));
    const reconstruction = add(add(l1, meanSquaredError(decoded, pixels)), gradientL1(decoded, pixels));
    const kl = mean(klFromStandardNormal(distribution));
    return { loss: add(reconstruction, mul(kl, KL_WEIGHT)) };
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
  const { pixels: ofWorld } = await pictures.batch(seed, step * BATCH, BATCH);
  const pixels = variedPictures(ofWorld, seed, step);
  const noise = new RandomStream(seed, "posterior", step).normal(noiseShape(BATCH).reduce((a, b) => a * b));
  return { pixels, noise };
}

const EVALUATED = smoke ? 4 : 60;
const heldOut = await pictures.batch(seed + 1, 0, EVALUATED, { split: "held out" });
const views = (await conceptViews()).slice(0, 2 * EVALUATED).map(({ pixels }) => pixels);
const reconstruct = await Program.create(
  traceParameters((context) => {
    const { mean: latents, logvar } = encoded(context, input("pixels", pixelShape(EVALUATED)));
    return { mean: latents, logvar, decoded: decode(context, vaeConfig, latents) };
  }).traced,
  program,
);

/**
 * Reconstructions of `EVALUATED` pictures, the mean of their peak signal-to-noise ratios in dB, and the channels that
 * these make no use of.
 */
async function reconstructed(pixels: Float32Array) {
  const feeds = onlyInputs(reconstruct, trainer.parameters.feeds(trainer.ema));
  const { decoded, ...posteriors } = await reconstruct.run({ ...feeds, pixels });
  const originals = picturesOf(pixels);
  const ratios = picturesOf(decoded).map((picture, i) => psnr(picture, originals[i]));
  const ratio = ratios.reduce((sum, each) => sum + each, 0) / EVALUATED;
  return { decoded, ratio, unused: unusedChannels(posteriors) };
}

async function evaluate(samplesSeen: number): Promise<Record<string, number>> {
  const ofWorld = await reconstructed(heldOut.pixels);
  const ofViews = [];
  for (let first = 0; first < views.length; first += EVALUATED) {
    const pixels = concatenated(views.slice(first, first + EVALUATED));
    ofViews.push({ pixels, ...(await reconstructed(pixels)) });
  }
  const originals = concatenated([heldOut.pixels, ...ofViews.map(({ pixels }) => pixels)]);
  const decoded = concatenated([ofWorld.decoded, ...ofViews.map((some) => some.decoded)]);
  await writeComparison(join(folder, `reconstructions-${samplesSeen}.png`), [originals, decoded], 12);
  const psnrOfConcepts = ofViews.reduce((sum, { ratio }) => sum + ratio, 0) / ofViews.length;
  return { psnr: ofWorld.ratio, psnrOfConcepts, unusedChannels: ofWorld.unused.length };
}

const isComplete = await trainLoop(
  trainer,
  {
    samples,
    batchSize: BATCH,
    warmupSteps: 100,
    constantShare: 0.4,
    folder,
    initial,
    evaluateEvery: smoke ? 16 : 6400,
  },
  feedsOf,
  evaluate,
);
const { unused } = await reconstructed(heldOut.pixels);
await trainer.dispose();
const averaged = namedTensors(trainer.parameters, trainer.ema);

/** Pictures of which the latents are nudged, to learn what their channels are worth. */
const NUDGED = 16;

/** Decodes the latents of `NUDGED` pictures. */
async function latentDecoder({ config, weights }: Component<AutoencoderKlConfig>) {
  const pixels = decode(weights.frozen(), config, input("latents", noiseShape(NUDGED)));
  const decoder = await Program.create({ pixels }, program);
  return async (latents: Float32Array) => (await decoder.run({ latents })).pixels;
}

/** The VAE with latents of a mean of 0, and of a deviation as its channels are worth. */
async function normalized() {
  // The statistics of the latents are those of the weights as they are stored, in half precision: they are measured on
  // a first export, kept apart from the model.
  const unnormalized = join(folder, "unnormalized");
  await writeComponent(unnormalized, DIFFUSERS_WEIGHTS, vaeConfigJson, averaged);
  const stored = await openAutoencoderKl(unnormalized);
  const encodePictures = await pictureEncoder(stored, program);
  const measured = await pictures.batch(seed + 1, EVALUATED, smoke ? 32 : 2048);
  const latents = await encodePictures(measured.pixels);
  const statistics = latentStatistics(latents);
  const some = latents.subarray(
    0,
    noiseShape(NUDGED).reduce((a, b) => a * b),
  );
  const wanted = deviationsByWorth(await worthOfChannels(await latentDecoder(stored), some, statistics));
  process.stderr.write(`deviations of the channels: ${wanted.map((each) => each.toFixed(2)).join(" ")}\n`);
  const deviation = statistics.deviation.map((measuredOne, channel) => measuredOne / wanted[channel]);
  return foldLatentStatistics(averaged, { ...statistics, deviation }, unused);
}

// A frozen encoder makes the latents that it made, for which a UNet may have been trained.
const exported =
  frozenEncoder === undefined
    ? await normalized()
    : new Map([...averaged, ...(await storedTensors(frozenEncoder, isOfEncoder))]);
await pictures.dispose();
await writeComponent(join(output, "model", "vae"), DIFFUSERS_WEIGHTS, vaeConfigJson, exported);
process.exitCode = isComplete ? 0 : 130;
