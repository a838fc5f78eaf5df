/**
 * @file A UNet, or a whole checkpoint, of the real Stable Diffusion 1.x size with random weights, in the diffusers layout: what the benchmarks run
 * on, so that they need no download. Speed and memory do not depend on what the weights are.
 */
import { access, copyFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { clipTextModel } from "../src/diffusion/clip/clip-text-model.ts";
import { parseAutoencoderKlConfig } from "../src/diffusion/config/autoencoder-kl-config.ts";
import { parseClipTextConfig } from "../src/diffusion/config/clip-config.ts";
import { parseUNet2DConditionConfig } from "../src/diffusion/config/unet-2d-condition-config.ts";
import type { ModuleContext } from "../src/diffusion/module.ts";
import { decode, encode } from "../src/diffusion/models/autoencoder-kl.ts";
import { unet2DConditionModel } from "../src/diffusion/models/unet-2d-condition-model.ts";
import { MODEL_FAMILIES } from "../src/diffusion/family/families.ts";
import { ARCHITECTURES } from "../src/diffusion/single-file/architectures.ts";
import { CLIP_MERGES_FILE, readClipVocabulary } from "../src/diffusion/tokenizer/clip-vocabulary.ts";
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
  await writeRandomWeights(weightsFile, shapes, dtype);
  // Last, so that a config.json says that the weights beside it are the right ones.
  await writeFileAtomic(configFile, config);
  return folder;
}

/**
 * Makes a whole checkpoint below `cacheFolder`, or finds it there from an earlier run.
 *
 * @returns the folder, for `--model`
 * @throws KeepsakeError if it cannot be written
 */
export async function randomCheckpointFolder(cacheFolder: string, dtype: WeightsDType): Promise<string> {
  const folder = dirname(await randomUNetFolder(cacheFolder, dtype));
  const index = join(folder, "model_index.json");
  if (await exists(index)) return folder;
  const { vae, textEncoders, noise } = ARCHITECTURES.sd1;
  const [{ config: textEncoder }] = textEncoders;
  const vaeConfig = parseAutoencoderKlConfig("vae", vae);
  const textConfig = parseClipTextConfig("text_encoder", textEncoder);
  const half = dtype === "fp16" ? ".fp16" : "";
  const vaeShapes = recorded((context) => {
    encode(context, vaeConfig, input("image", [1, 3, 64, 64]));
    decode(context, vaeConfig, input("latents", [1, vaeConfig.latentChannels, 8, 8]));
  });
  const textShapes = recorded((context) => {
    clipTextModel(context, textConfig, { inputIds: input("ids", [1, textConfig.maxPositionEmbeddings], "int32") });
  });
  const folders = ["vae", "text_encoder", "scheduler", "tokenizer"].map((name) => join(folder, name));
  for (const each of folders) await mkdir(each, { recursive: true });
  await writeRandomWeights(join(folder, "vae", `diffusion_pytorch_model${half}.safetensors`), vaeShapes, dtype);
  await writeRandomWeights(join(folder, "text_encoder", `model${half}.safetensors`), textShapes, dtype);
  const { vocabulary } = await readClipVocabulary("<|endoftext|>");
  await copyFile(CLIP_MERGES_FILE, join(folder, "tokenizer", "merges.txt"));
  const configs: Readonly<Record<string, unknown>> = {
    "vae/config.json": { _class_name: "AutoencoderKL", ...vae },
    "text_encoder/config.json": { architectures: ["CLIPTextModel"], ...textEncoder },
    "scheduler/scheduler_config.json": { ...noise, ...MODEL_FAMILIES.sd1.scheduler },
    "tokenizer/vocab.json": Object.fromEntries(vocabulary),
    "tokenizer/tokenizer_config.json": { model_max_length: 77, pad_token: "<|endoftext|>" },
    // Last: it says that everything else is there.
    "model_index.json": { _class_name: "StableDiffusionPipeline" },
  };
  for (const [file, config] of Object.entries(configs)) {
    await writeFileAtomic(join(folder, file), `${JSON.stringify(config)}\n`);
  }
  return folder;
}

async function writeRandomWeights(
  file: string,
  shapes: ReadonlyMap<string, Shape>,
  dtype: WeightsDType,
): Promise<void> {
  const stored = dtype === "fp16" ? "F16" : "F32";
  await writeSafetensorsStream(
    file,
    Array.from(shapes, ([name, shape]) => ({ name, shape, dtype: stored })),
    (name) => randomParameter(name, shapes.get(name) ?? [], dtype),
  );
}

/** Every parameter of a model: asked for while it is traced. */
function recorded(trace: (context: ModuleContext) => void): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  trace({
    has: () => true,
    parameter: (name, shape) => {
      shapes.set(name, shape);
      return input(name, shape);
    },
  });
  return shapes;
}

function unetParameterShapes(configFile: string): ReadonlyMap<string, Shape> {
  const config = parseUNet2DConditionConfig(configFile, sd1Config);
  return recorded((context) => {
    unet2DConditionModel(context, config, {
      sample: input("sample", [1, config.inChannels, 8, 8]),
      timestepProjection: input("timestepProjection", [1, config.blockOutChannels[0]]),
      encoderHiddenStates: input("encoderHiddenStates", [1, 77, config.crossAttentionDim[0]]),
    });
  });
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
