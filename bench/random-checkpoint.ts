/**
 * @file A UNet, or a whole checkpoint, of the size of Stable Diffusion 1.x or SDXL with random weights, in the
 * diffusers layout: what the benchmarks run on, so that they need no download. Speed and memory do not depend on what
 * the weights are.
 */
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { clipTextModel } from "../src/diffusion/clip/clip-text-model.ts";
import { parseAutoencoderKlConfig } from "../src/diffusion/config/autoencoder-kl-config.ts";
import { parseClipTextConfig } from "../src/diffusion/config/clip-config.ts";
import {
  parseUNet2DConditionConfig,
  type UNet2DConditionConfig,
} from "../src/diffusion/config/unet-2d-condition-config.ts";
import type { ModuleContext } from "../src/diffusion/module.ts";
import { decode, encode } from "../src/diffusion/models/autoencoder-kl.ts";
import { unet2DConditionModel } from "../src/diffusion/models/unet-2d-condition-model.ts";
import { MODEL_FAMILIES } from "../src/diffusion/family/families.ts";
import { ARCHITECTURES } from "../src/diffusion/single-file/architectures.ts";
import { CLIP_MERGES_FILE, readClipVocabulary } from "../src/diffusion/tokenizer/clip-vocabulary.ts";
import { input, sizeOf, type Shape } from "../src/graph/index.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { exists } from "../src/io/folder.ts";
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

/** Of which size the weights are. */
export type CheckpointSize = "sd1" | "sdxl";

const UNET_CONFIGS: Readonly<Record<CheckpointSize, Readonly<Record<string, unknown>>>> = {
  sd1: sd1Config,
  sdxl: { _class_name: "UNet2DConditionModel", ...ARCHITECTURES.sdxl.unet, sample_size: 128 },
};

const MODEL_INDEXES: Readonly<Record<CheckpointSize, Readonly<Record<string, unknown>>>> = {
  sd1: {
    _class_name: "StableDiffusionPipeline",
    scheduler: ["diffusers", "PNDMScheduler"],
    text_encoder: ["transformers", "CLIPTextModel"],
    tokenizer: ["transformers", "CLIPTokenizer"],
    unet: ["diffusers", "UNet2DConditionModel"],
    vae: ["diffusers", "AutoencoderKL"],
  },
  sdxl: {
    _class_name: "StableDiffusionXLPipeline",
    force_zeros_for_empty_prompt: true,
    scheduler: ["diffusers", "EulerDiscreteScheduler"],
    text_encoder: ["transformers", "CLIPTextModel"],
    text_encoder_2: ["transformers", "CLIPTextModelWithProjection"],
    tokenizer: ["transformers", "CLIPTokenizer"],
    tokenizer_2: ["transformers", "CLIPTokenizer"],
    unet: ["diffusers", "UNet2DConditionModel"],
    vae: ["diffusers", "AutoencoderKL"],
  },
};

/** Numbers in one piece of a tensor: pieces keep the memory of the writer small. */
const pieceSize = 1 << 20;

/** Below 1 the activations keep their size through the residual connections of the whole model. */
const gain = 0.7;

/**
 * Makes the UNet's folder below `cacheFolder`, or finds it there from an earlier run.
 *
 * @returns the folder, for `openUNet2DConditionModel`
 * @throws KeepsakeError if it cannot be written
 */
export async function randomUNetFolder(
  cacheFolder: string,
  dtype: WeightsDType,
  size: CheckpointSize = "sd1",
): Promise<string> {
  const folder = join(cacheFolder, `${size}-random-${dtype}`, "unet");
  const config = `${JSON.stringify(UNET_CONFIGS[size], undefined, 2)}\n`;
  const configFile = join(folder, "config.json");
  const weightsFile = join(folder, `diffusion_pytorch_model${dtype === "fp16" ? ".fp16" : ""}.safetensors`);
  if ((await exists(weightsFile)) && (await readFile(configFile, "utf8").catch(() => "")) === config) return folder;

  await mkdir(folder, { recursive: true });
  await writeRandomWeights(weightsFile, unetParameterShapes(configFile, size), dtype);
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
export async function randomCheckpointFolder(
  cacheFolder: string,
  dtype: WeightsDType,
  size: CheckpointSize = "sd1",
): Promise<string> {
  const folder = dirname(await randomUNetFolder(cacheFolder, dtype, size));
  const index = `${JSON.stringify(MODEL_INDEXES[size])}\n`;
  const indexFile = join(folder, "model_index.json");
  if ((await readFile(indexFile, "utf8").catch(() => "")) === index) return folder;
  const { vae, textEncoders, noise } = ARCHITECTURES[size];
  const half = dtype === "fp16" ? ".fp16" : "";
  const writeConfig = async (file: string, config: unknown) => {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFileAtomic(join(folder, file), `${JSON.stringify(config)}\n`);
  };

  const vaeConfig = parseAutoencoderKlConfig("vae", vae);
  const vaeShapes = recorded((context) => {
    encode(context, vaeConfig, input("image", [1, 3, 64, 64]));
    decode(context, vaeConfig, input("latents", [1, vaeConfig.latentChannels, 8, 8]));
  });
  await writeConfig("vae/config.json", { _class_name: "AutoencoderKL", ...vae });
  await writeRandomWeights(join(folder, "vae", `diffusion_pytorch_model${half}.safetensors`), vaeShapes, dtype);

  const { vocabulary } = await readClipVocabulary("<|endoftext|>");
  for (const [i, { config, padToken }] of textEncoders.entries()) {
    const number = i === 0 ? "" : `_${i + 1}`;
    const parsed = parseClipTextConfig("text_encoder", config);
    const hasProjection = "projection_dim" in config;
    const shapes = recorded((context) => {
      const ids = input("ids", [1, parsed.maxPositionEmbeddings], "int32");
      clipTextModel(context, parsed, { inputIds: ids });
      if (hasProjection) context.parameter("text_projection.weight", [parsed.hiddenSize, parsed.hiddenSize]);
    });
    const architecture = hasProjection ? "CLIPTextModelWithProjection" : "CLIPTextModel";
    await writeConfig(`text_encoder${number}/config.json`, { architectures: [architecture], ...config });
    await writeRandomWeights(join(folder, `text_encoder${number}`, `model${half}.safetensors`), shapes, dtype);
    await writeConfig(`tokenizer${number}/vocab.json`, Object.fromEntries(vocabulary));
    await writeConfig(`tokenizer${number}/tokenizer_config.json`, { model_max_length: 77, pad_token: padToken });
    await copyFile(CLIP_MERGES_FILE, join(folder, `tokenizer${number}`, "merges.txt"));
  }
  await writeConfig("scheduler/scheduler_config.json", { ...noise, ...MODEL_FAMILIES[size].scheduler });
  // Last: it says that everything else is there.
  await writeFileAtomic(indexFile, index);
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

function unetParameterShapes(configFile: string, size: CheckpointSize): ReadonlyMap<string, Shape> {
  const config = parseUNet2DConditionConfig(configFile, UNET_CONFIGS[size]);
  return recorded((context) => {
    unet2DConditionModel(context, config, {
      sample: input("sample", [1, config.inChannels, 8, 8]),
      timestepProjection: input("timestepProjection", [1, config.blockOutChannels[0]]),
      encoderHiddenStates: input("encoderHiddenStates", [1, 77, config.crossAttentionDim[0]]),
      ...(config.textTime !== undefined && addedConditions(config.textTime)),
    });
  });
}

/** What SDXL is told beside the prompt's hidden states. */
function addedConditions({ additionTimeEmbedDim, projectionInputDim }: NonNullable<UNet2DConditionConfig["textTime"]>) {
  const timeIds = 6 * additionTimeEmbedDim;
  return {
    textEmbeds: input("textEmbeds", [1, projectionInputDim - timeIds]),
    timeIdsProjection: input("timeIdsProjection", [1, timeIds]),
  };
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
