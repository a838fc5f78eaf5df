/**
 * @file The world as the UNet sees it: latents of its pictures. They are encoded block by block, and each picture is
 * used several times, with other noise, before the next block: encoding costs a fraction of a training step then.
 */
import type { Component } from "../../src/diffusion/checkpoint.ts";
import type { AutoencoderKlConfig } from "../../src/diffusion/config/autoencoder-kl-config.ts";
import { encode } from "../../src/diffusion/models/autoencoder-kl.ts";
import { input, mul, Program, type ProgramOptions, type Provider } from "../../src/graph/index.ts";
import { RandomStream } from "../../src/random/random.ts";
import { LATENT_CHANNELS, LATENT_SIZE, PICTURE_SIZE } from "../model/architecture.ts";
import type { SampleOptions } from "../world/world.ts";
import { inTurn } from "./device.ts";
import type { PictureSource } from "./world-threads.ts";

/** Pictures per run of the encoder. */
const ENCODED_AT_ONCE = 32;
const LATENT = LATENT_CHANNELS * LATENT_SIZE * LATENT_SIZE;

/** A batch for the UNet. */
export interface EncodedBatch {
  /** `[batch, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE]` */
  readonly latents: Float32Array;
  /** `[batch, tokens, width]`, flat: what the text encoder makes of the captions. */
  readonly encoderHiddenStates: Float32Array;
  /** `[batch, 1, LATENT_SIZE, LATENT_SIZE]`: 1 where a mark is in a latent's pixels, 0 elsewhere; if asked for. */
  readonly markMask?: Float32Array | undefined;
}

export interface EncodedWorldOptions {
  readonly seed: number;
  readonly batchSize: number;
  /** Batches that are encoded together. */
  readonly blockBatches: number;
  /** How often each picture is used. */
  readonly repeats: number;
  /** What is sampled from the picture number `index` on. */
  readonly samplingAt: (index: number) => SampleOptions;
  /** `[captions, tokens, width]`, flat. */
  readonly encodeCaptions: (captions: readonly string[]) => Promise<Float32Array>;
  /** Where pictures and captions are encoded. Default `cpu`. */
  readonly provider?: Provider;
  /**
   * Steps of the training, if the next block is to be made while one is in use: other threads make its pictures then.
   * Default: it is not.
   */
  readonly stepsAhead?: number;
}

/** Encodes pictures `[count, 3, PICTURE_SIZE, PICTURE_SIZE]` to their most probable latents. */
export async function pictureEncoder(
  { config, weights }: Component<AutoencoderKlConfig>,
  options: ProgramOptions = {},
) {
  const shape = [ENCODED_AT_ONCE, 3, PICTURE_SIZE, PICTURE_SIZE];
  const { mean } = encode(weights.frozen(), config, input("pixels", shape));
  const program = await Program.create({ latents: mul(mean, config.scalingFactor) }, options);
  const pixelsAtOnce = shape.reduce((a, b) => a * b);
  return async (pixels: Float32Array): Promise<Float32Array> => {
    const runs = Math.ceil(pixels.length / pixelsAtOnce);
    const all = new Float32Array(runs * ENCODED_AT_ONCE * LATENT);
    for (let i = 0; i < runs; i++) {
      const some = pixels.subarray(i * pixelsAtOnce, (i + 1) * pixelsAtOnce);
      const { latents } = await program.run({
        pixels: some.length === pixelsAtOnce ? some : filled(some, pixelsAtOnce),
      });
      all.set(latents, i * ENCODED_AT_ONCE * LATENT);
    }
    return all.subarray(0, (pixels.length / pixelsAtOnce) * ENCODED_AT_ONCE * LATENT);
  };
}

function filled(values: Float32Array, length: number): Float32Array {
  const longer = new Float32Array(length);
  longer.set(values);
  return longer;
}

/**
 * Batches of latents; a batch depends on the seed and the step alone, so that a stopped training goes on with the same
 * ones.
 */
export function encodedWorld(
  pictures: PictureSource,
  encodePictures: (pixels: Float32Array) => Promise<Float32Array>,
  options: EncodedWorldOptions,
): (step: number) => Promise<EncodedBatch> {
  const {
    seed,
    batchSize,
    blockBatches,
    repeats,
    samplingAt,
    encodeCaptions,
    provider = "cpu",
    stepsAhead = 0,
  } = options;
  const blockSize = batchSize * blockBatches;
  const blocks = new Map<number, Promise<EncodedBatch>>();

  async function makeBlock(index: number): Promise<EncodedBatch> {
    const first = index * blockSize;
    const { pixels, captions, markMask } = await pictures.batch(seed, first, blockSize, samplingAt(first));
    return inTurn(provider, async () => {
      const latents = await encodePictures(pixels);
      const encoderHiddenStates = await encodeCaptions(captions);
      return { latents, encoderHiddenStates, markMask: markMask && ofLatents(markMask) };
    });
  }

  function blockAt(index: number): Promise<EncodedBatch> {
    const block = blocks.get(index) ?? makeBlock(index);
    blocks.set(index, block);
    return block;
  }

  return async (step) => {
    const pass = Math.floor(step / blockBatches);
    const index = Math.floor(pass / repeats);
    for (const earlier of blocks.keys()) if (earlier < index) blocks.delete(earlier);
    const block = await blockAt(index);
    // Its fault, if it has one, is met when its turn comes.
    if ((index + 1) * repeats * blockBatches < stepsAhead) blockAt(index + 1).catch(() => undefined);
    // Each pass has an order of its own: sorting by random keys shuffles.
    const keys = new RandomStream(seed, "order", pass).uniform(blockSize);
    const order = Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b]);
    const first = (step % blockBatches) * batchSize;
    const chosen = order.slice(first, first + batchSize);
    return {
      latents: rowsOf(block.latents, chosen, blockSize),
      encoderHiddenStates: rowsOf(block.encoderHiddenStates, chosen, blockSize),
      markMask: block.markMask && rowsOf(block.markMask, chosen, blockSize),
    };
  };
}

/** Of masks `[count, PICTURE_SIZE, PICTURE_SIZE]`, the largest value of the pixels that each latent stands for. */
function ofLatents(masks: Float32Array): Float32Array {
  const factor = PICTURE_SIZE / LATENT_SIZE;
  const pooled = new Float32Array(masks.length / factor ** 2);
  masks.forEach((value, i) => {
    // Pictures are squares of whole latents: rows of all of them stand one below the other.
    const [x, y] = [i % PICTURE_SIZE, Math.floor(i / PICTURE_SIZE)];
    const at = Math.floor(y / factor) * LATENT_SIZE + Math.floor(x / factor);
    pooled[at] = Math.max(pooled[at], value);
  });
  return pooled;
}

/** Some of `count` equally long rows, in the order of `chosen`. */
function rowsOf(values: Float32Array, chosen: readonly number[], count: number): Float32Array {
  const width = values.length / count;
  const rows = new Float32Array(chosen.length * width);
  chosen.forEach((row, i) => {
    rows.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  return rows;
}
