/**
 * @file A UNet of the real Stable Diffusion 1.x size with random weights, in the diffusers layout: what the benchmarks run
 * on, so that they need no download. Speed and memory do not depend on what the weights are.
 */
import { access, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseUNet2DConditionConfig } from "../src/diffusion/config/unet-2d-condition-config.ts";
import type { ModuleContext } from "../src/diffusion/module.ts";
import { unet2DConditionModel } from "../src/diffusion/models/unet-2d-condition-model.ts";
import { input, sizeOf, type Shape } from "../src/graph/index.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { float32ToFloat16 } from "../src/io/safetensors/half.ts";
import { writeSafetensorsStream } from "../src/io/safetensors/safetensors.ts";
import { RandomStream } from "../src/random/random.ts";

export type WeightsDType = "fp32" | "fp16";

/** As the unet/config.json of Stable Diffusion 1.5 has it. */
const sd1Config = {
  _class_name: "UNet2DConditionModel",
  act_fn: "silu",
  attention_head_dim: 8,
  block_out_channels: [320, 640, 1280, 1280],
  center_input_sample: false,
  cross_attention_dim: 768,
  down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 4,
  sample_size: 64,
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
};

/** Numbers in one piece of a tensor: pieces keep the memory of the writer small. */
const pieceSize = 1 << 20;

/** Below 1 the activations keep their size through the residual connections of the whole model. */
const gain = 0.7;

/**
 * Makes the model's folder below `cacheFolder`, or finds it there from an earlier run.
 *
 * @returns the folder, for `openUNet2DConditionModel`
 * @throws KeepsakeError if it cannot be written
 */
export async function randomUNetFolder(cacheFolder: string, dtype: WeightsDType): Promise<string> {
  const folder = join(cacheFolder, `sd1-random-${dtype}`, "unet");
  const config = `${JSON.stringify(sd1Config, undefined, 2)}\n`;
  const configFile = join(folder, "config.json");
  const weightsFile = join(folder, `diffusion_pytorch_model${dtype === "fp16" ? ".fp16" : ""}.safetensors`);
  if ((await exists(weightsFile)) && (await readFile(configFile, "utf8").catch(() => "")) === config) return folder;

  await mkdir(folder, { recursive: true });
  const shapes = unetParameterShapes(configFile);
  const stored = dtype === "fp16" ? "F16" : "F32";
  await writeSafetensorsStream(
    weightsFile,
    Array.from(shapes, ([name, shape]) => ({ name, shape, dtype: stored })),
    (name) => randomParameter(name, shapes.get(name) ?? [], dtype),
  );
  // Last, so that a config.json says that the weights beside it are the right ones.
  await writeFileAtomic(configFile, config);
  return folder;
}

/** Every parameter of the model: asked for while the model is traced. */
function unetParameterShapes(configFile: string): ReadonlyMap<string, Shape> {
  const config = parseUNet2DConditionConfig(configFile, sd1Config);
  const shapes = new Map<string, Shape>();
  const recorder: ModuleContext = {
    has: () => true,
    parameter: (name, shape) => {
      shapes.set(name, shape);
      return input(name, shape);
    },
  };
  unet2DConditionModel(recorder, config, {
    sample: input("sample", [1, config.inChannels, 8, 8]),
    timestepProjection: input("timestepProjection", [1, config.blockOutChannels[0]]),
    encoderHiddenStates: input("encoderHiddenStates", [1, 77, config.crossAttentionDim[0]]),
  });
  return shapes;
}

/**
 * Little-endian bytes in pieces: matrices and kernels uniform with a variance of gain² / fan-in, biases small, and the
 * weights of norms around 1. The fp16 numbers are those of fp32, rounded.
 */
function* randomParameter(name: string, shape: Shape, dtype: WeightsDType): Generator<Uint8Array> {
  const random = new RandomStream(0, "random UNet", name);
  const size = sizeOf(shape);
  const isMatrix = shape.length > 1;
  const fanIn = sizeOf(shape.slice(1));
  const halfWidth = isMatrix ? gain * Math.sqrt(3 / fanIn) : 0.05;
  const center = !isMatrix && /norm.*\.weight$/.test(name) ? 1 : 0;
  for (let done = 0; done < size; done += pieceSize) {
    const values = random.uniform(Math.min(pieceSize, size - done));
    for (const [i, u] of values.entries()) values[i] = center + (2 * u - 1) * halfWidth;
    const piece = dtype === "fp16" ? float32ToFloat16(values) : values;
    yield new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
