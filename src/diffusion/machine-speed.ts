/**
 * @file How fast this machine is at what Stable Diffusion does: a small UNet with the layers of a real one, timed for
 * two seconds.
 */
import {
  countFlops,
  gradients,
  input,
  loweringOf,
  mean,
  Program,
  sizeOf,
  square,
  type Feeds,
  type ProgramOptions,
  type Tensor,
} from "../graph/index.ts";
import { RandomStream } from "../random/random.ts";
import { parseUNet2DConditionConfig } from "./config/unet-2d-condition-config.ts";
import type { ModuleContext } from "./module.ts";
import { unet2DConditionModel } from "./models/unet-2d-condition-model.ts";

/** Floating-point operations in a second. */
export interface MachineSpeed {
  /** Of predictions alone. */
  readonly forward: number;
  /** Of predictions with derivatives. */
  readonly training: number;
}

/** Seconds of measuring, beside what it takes to open the programs. */
const SECONDS = 2;

/** The first levels of Stable Diffusion's UNet, where it spends most of its time. */
const CONFIG = parseUNet2DConditionConfig("the UNet that measures the speed", {
  attention_head_dim: 8,
  block_out_channels: [320, 640],
  cross_attention_dim: 768,
  down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
  layers_per_block: 1,
  mid_block_type: null,
  up_block_types: ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
});
const SIDE = 16;

/**
 * How much faster a real model is on the CPU: its large convolutions take Winograd's form, for which the pictures here
 * are too small. Measured were 1.14 times at 256 pixels and 1.28 at 512. Larger pictures would do for it, but with them
 * the doctor took more than a minute beside other programs.
 */
const LARGE_OVER_SMALL = 1.2;

interface Probe {
  readonly flops: number;
  readonly program: Program;
  readonly feeds: Feeds;
}

/**
 * Times the speed of this machine: about two seconds.
 *
 * @param options - where and with how many threads to compute
 * @throws KeepsakeError if the provider does not exist on this machine
 */
export async function measureSpeed(options: Pick<ProgramOptions, "provider" | "threads"> = {}): Promise<MachineSpeed> {
  return { forward: await speedOf(false, options), training: await speedOf(true, options) };
}

async function speedOf(training: boolean, options: ProgramOptions): Promise<number> {
  const { flops, program, feeds } = await openProbe(training, options);
  try {
    await program.run(feeds);
    const runs: number[] = [];
    const end = performance.now() + 500 * SECONDS;
    do runs.push(await timed(() => program.run(feeds)));
    while (performance.now() < end);
    const middle = runs.toSorted((a, b) => a - b)[runs.length >> 1] ?? Infinity;
    return ((loweringOf(options) === "cpu" ? LARGE_OVER_SMALL : 1) * flops) / middle;
  } finally {
    await program.dispose();
  }
}

async function openProbe(training: boolean, options: ProgramOptions): Promise<Probe> {
  const parameters = new Map<string, Tensor>();
  // Weights as inputs are used as they lie, like those that stay in their file.
  const context: ModuleContext = {
    has: () => true,
    parameter: (name, shape) => {
      const tensor = parameters.get(name) ?? input(`weights ${name}`, shape);
      parameters.set(name, tensor);
      return tensor;
    },
  };
  const text = input("text", [1, 77, CONFIG.crossAttentionDim[0]]);
  const prediction = unet2DConditionModel(context, CONFIG, {
    sample: input("sample", [1, CONFIG.inChannels, SIDE, SIDE]),
    timestepProjection: input("timestep", [1, CONFIG.blockOutChannels[0]]),
    encoderHiddenStates: text,
  });
  // One number comes out: copying pictures would count too.
  const loss = mean(square(prediction));
  const outputs: Record<string, Tensor> = training ? { loss, slope: gradients(loss, [text])[0] } : { loss };
  const program = await Program.create(outputs, options);
  // What the numbers are does not matter, so all tensors share them.
  const sizes = Array.from(program.inputs, ([name, { shape }]) => ({ name, size: sizeOf(shape) }));
  const pattern = new RandomStream(0, "speed").normal(1 << 16).map((value) => 0.02 * value);
  const numbers = new Float32Array(Math.max(...sizes.map(({ size }) => size)));
  for (let first = 0; first < numbers.length; first += pattern.length) {
    numbers.set(pattern.subarray(0, Math.min(pattern.length, numbers.length - first)), first);
  }
  const feeds = Object.fromEntries(sizes.map(({ name, size }) => [name, numbers.subarray(0, size)]));
  return { flops: countFlops(outputs), program, feeds };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
