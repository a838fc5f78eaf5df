/**
 * @file The world as the UNet sees it: normalised latents of its pictures. They are encoded block by block, and each picture is used several times, with other
 * noise, before the next block: encoding costs a fraction of a training step then.
 */
import { encode } from "../../src/diffusion/models/autoencoder-kl.ts";
import type { ModuleContext } from "../../src/diffusion/module.ts";
import { input, type ProgramOptions } from "../../src/graph/index.ts";
import { RandomStream } from "../../src/random/random.ts";
import { LATENT_CHANNELS, LATENT_SIZE, PICTURE_SIZE, vaeConfig } from "../model/architecture.ts";
import type { SampleOptions, World } from "../world/world.ts";
import { frozenProgram, type NamedWeights } from "./frozen.ts";

/** Pictures per run of the encoder. */
const ENCODED_AT_ONCE = 32;
const AREA = LATENT_SIZE * LATENT_SIZE;
const LATENT = LATENT_CHANNELS * AREA;

/** Mean and deviation of each latent channel; normalised latents are (latent - mean) / deviation. */
export interface LatentStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** A batch for the UNet. */
export interface EncodedBatch {
  /** `[batch, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]`, about standard normal. */
  readonly latents: Float32Array;
  readonly captions: readonly string[];
}

export interface EncodedWorldOptions {
  readonly seed: number;
  readonly batchSize: number;
  /** Batches that are encoded together. */
  readonly blockBatches: number;
  /** How often each picture is used. */
  readonly repeats: number;
  readonly sampling?: SampleOptions;
}

/** Encodes pictures `[count, 3, PICTURE_SIZE, PICTURE_SIZE]`, count a multiple of 32, to their most probable latents, not normalised. */
export async function pictureEncoder(vae: NamedWeights, options: ProgramOptions = {}) {
  const shape = [ENCODED_AT_ONCE, 3, PICTURE_SIZE, PICTURE_SIZE];
  const trace = (context: ModuleContext) => ({
    mean: encode(context, vaeConfig, input("pixels", shape)).mean,
  });
  const run = await frozenProgram(vae, trace, options);
  const pixelsAtOnce = shape.reduce((a, b) => a * b);
  return async (pixels: Float32Array): Promise<Float32Array> => {
    const latents = new Float32Array((pixels.length / pixelsAtOnce) * ENCODED_AT_ONCE * LATENT);
    for (let i = 0; i * pixelsAtOnce < pixels.length; i++) {
      const { mean } = await run({ pixels: pixels.subarray(i * pixelsAtOnce, (i + 1) * pixelsAtOnce) });
      latents.set(mean, i * ENCODED_AT_ONCE * LATENT);
    }
    return latents;
  };
}

/** Channel by channel, over a batch of latents. */
export function latentStatistics(latents: Float32Array): LatentStatistics {
  const channels = Array.from({ length: LATENT_CHANNELS }, (_, channel) => {
    const values = latents.filter((_, i) => Math.floor(i / AREA) % LATENT_CHANNELS === channel);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    return { mean, deviation: Math.sqrt(variance) };
  });
  return { mean: channels.map(({ mean }) => mean), deviation: channels.map(({ deviation }) => deviation) };
}

/** Normalises latents in place. */
export function normalizeLatents(latents: Float32Array, { mean, deviation }: LatentStatistics): Float32Array {
  for (let i = 0; i < latents.length; i++) {
    const channel = Math.floor(i / AREA) % LATENT_CHANNELS;
    latents[i] = (latents[i] - mean[channel]) / deviation[channel];
  }
  return latents;
}

/** Batches of latents; a batch depends on the seed and the step alone, so that a stopped training goes on with the same ones. */
export function encodedWorld(
  world: World,
  encodePictures: (pixels: Float32Array) => Promise<Float32Array>,
  statistics: LatentStatistics,
  { seed, batchSize, blockBatches, repeats, sampling }: EncodedWorldOptions,
): (step: number) => Promise<EncodedBatch> {
  const blockSize = batchSize * blockBatches;
  let block: EncodedBatch & { readonly index: number };
  return async (step) => {
    const pass = Math.floor(step / blockBatches);
    const index = Math.floor(pass / repeats);
    if (block?.index !== index) {
      const { pixels, captions } = world.renderBatch(seed, index * blockSize, blockSize, PICTURE_SIZE, sampling);
      block = { index, captions, latents: normalizeLatents(await encodePictures(pixels), statistics) };
    }
    // Each pass has an order of its own: sorting by random keys shuffles.
    const keys = new RandomStream(seed, "order", pass).uniform(blockSize);
    const order = Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b]);
    const first = (step % blockBatches) * batchSize;
    const chosen = order.slice(first, first + batchSize);
    const latents = new Float32Array(batchSize * LATENT);
    for (const [to, from] of chosen.entries()) {
      latents.set(block.latents.subarray(from * LATENT, (from + 1) * LATENT), to * LATENT);
    }
    return { latents, captions: chosen.map((i) => block.captions[i]) };
  };
}
