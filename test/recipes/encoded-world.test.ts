import { describe, expect, it } from "vitest";
import { LATENT_SIZE, PICTURE_SIZE } from "../../recipes/model/architecture.ts";
import { encodedWorld } from "../../recipes/training/encoded-world.ts";

/** Corners of latents, corners of the picture, and pixels between. */
const PIXELS = [0, 3, 4, 63, 64 * 3 + 3, 64 * 4, 64 * 63, 64 * 64 - 1];
const [BATCH, BLOCK_BATCHES, REPEATS, STEPS] = [4, 3, 2, 14];

/** A world in which each picture is its number, and so is its latent. */
function numbered(stepsAhead?: number) {
  const made: number[] = [];
  const pictures = {
    batch: (_seed: number | bigint, first: number, count: number) => {
      made.push(first);
      const numbers = Array.from({ length: count }, (_, i) => first + i);
      return Promise.resolve({ pixels: Float32Array.from(numbers), captions: numbers.map(String), scenes: [] });
    },
    dispose: () => Promise.resolve(),
  };
  const batchAt = encodedWorld(pictures, (pixels) => Promise.resolve(pixels), {
    seed: 1,
    batchSize: BATCH,
    blockBatches: BLOCK_BATCHES,
    repeats: REPEATS,
    samplingAt: () => ({}),
    encodeCaptions: (captions) => Promise.resolve(Float32Array.from(captions, Number)),
    ...(stepsAhead !== undefined && { stepsAhead }),
  });
  return { made, batchAt };
}

async function batches(batchAt: ReturnType<typeof numbered>["batchAt"], from = 0) {
  const all = [];
  for (let step = from; step < STEPS; step++) all.push(await batchAt(step));
  return all;
}

/** A world of pictures that each have one marked pixel, its place in the picture the number of the picture. */
function pixelByPixel() {
  const area = PICTURE_SIZE * PICTURE_SIZE;
  const pictures = {
    batch: (_seed: number | bigint, first: number, count: number) => {
      const numbers = Array.from({ length: count }, (_, i) => first + i);
      const markMask = new Float32Array(count * area);
      for (const [i, number] of numbers.entries()) markMask[i * area + PIXELS[number]] = 1;
      return Promise.resolve({
        pixels: Float32Array.from(numbers),
        captions: numbers.map(String),
        scenes: [],
        markMask,
      });
    },
    dispose: () => Promise.resolve(),
  };
  return encodedWorld(pictures, (pixels) => Promise.resolve(pixels), {
    ...{ seed: 1, batchSize: 2, blockBatches: 2, repeats: 1 },
    samplingAt: () => ({}),
    encodeCaptions: (captions) => Promise.resolve(Float32Array.from(captions, Number)),
  });
}

describe("the encoded world", () => {
  it("says of each latent whether a mark is in its pixels, in the order of its pictures", async () => {
    const batchAt = pixelByPixel();
    const factor = PICTURE_SIZE / LATENT_SIZE;
    for (const step of [0, 1, 2]) {
      const { latents, markMask = new Float32Array(0) } = await batchAt(step);
      expect(markMask).toHaveLength(2 * LATENT_SIZE * LATENT_SIZE);
      latents.forEach((number, i) => {
        const [x, y] = [PIXELS[number] % PICTURE_SIZE, Math.floor(PIXELS[number] / PICTURE_SIZE)];
        const own = [...markMask.subarray(i * LATENT_SIZE * LATENT_SIZE, (i + 1) * LATENT_SIZE * LATENT_SIZE)];
        const expected = Math.floor(y / factor) * LATENT_SIZE + Math.floor(x / factor);
        expect(own.flatMap((value, at) => (value === 1 ? [at] : []))).toEqual([expected]);
      });
    }
  });

  it("shows every picture of a block several times, with its caption, before those of the next", async () => {
    const { batchAt } = numbered();
    const all = await batches(batchAt);
    for (const { latents, encoderHiddenStates } of all) expect(encoderHiddenStates).toEqual(latents);
    const first = all.slice(0, BLOCK_BATCHES * REPEATS).flatMap(({ latents }) => [...latents]);
    const twice = Array.from({ length: BATCH * BLOCK_BATCHES }, (_, i) => [i, i]).flat();
    expect(first.sort((a, b) => a - b)).toEqual(twice);
  });

  it("has the same batches where blocks are made ahead, and makes each once, none beyond the last step", async () => {
    const [plain, ahead] = [numbered(), numbered(STEPS)];
    expect(await batches(ahead.batchAt)).toEqual(await batches(plain.batchAt));
    expect(ahead.made).toEqual([0, 12, 24]);
    expect(plain.made).toEqual([0, 12, 24]);
    const early = numbered(STEPS);
    await early.batchAt(0);
    expect(early.made).toEqual([0, 12]);
  });

  it("depends on the step alone", async () => {
    const [straight, resumed] = [numbered(), numbered()];
    expect(await batches(resumed.batchAt, 7)).toEqual((await batches(straight.batchAt)).slice(7));
  });
});
