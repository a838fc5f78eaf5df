/**
 * @file The yardstick: what the same runtime reaches on this machine, at this moment, with the operator it is best at.
 */
import { constant, conv2d, countFlops, input, mean, Program, type Provider, type Tensor } from "../src/graph/index.ts";
import { RandomStream } from "../src/random/random.ts";

const channels = 640;
const side = 64;
/** In a row, so that moving the values in and out of the runtime's own layout does not count. */
const layers = 4;
const attempts = 8;

export const referenceShape = `3x3, ${channels} -> ${channels} channels, ${side}x${side} pixels, ${layers} in a row, packed weights`;

/** The best rate of several attempts, in FLOP/s. */
export async function referenceConvolutionRate(provider: Provider, threads: number): Promise<number> {
  const random = new RandomStream(0, "reference convolution");
  const size = channels * channels * 9;
  const bound = Math.sqrt(3 / (channels * 9));
  const kernel = constant(
    random.uniform(size).map((u) => (2 * u - 1) * bound),
    [channels, channels, 3, 3],
  );
  let hidden: Tensor = input("x", [1, channels, side, side]);
  for (let layer = 0; layer < layers; layer++) hidden = conv2d(hidden, kernel, undefined, { padding: 1 });
  // One number comes out: copying a picture out of the runtime would count too.
  const outputs = { y: mean(hidden) };
  const program = await Program.create(outputs, { provider, threads, weights: "packed" });
  const x = random.normal(channels * side * side);
  await program.run({ x });
  let best = Infinity;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const start = performance.now();
    await program.run({ x });
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  await program.dispose();
  return countFlops(outputs) / best;
}
