/**
 * @file What a single-file checkpoint does not say of itself: the configs that all models of an architecture share, as
 * their diffusers folders have them. What families of one architecture differ in is in `family/families.ts`.
 */
import type { PipelineName } from "../pipeline-folder.ts";

/** Networks whose files are read. */
export type ArchitectureName = "sd1" | "sd2" | "sdxl";

type Json = Readonly<Record<string, unknown>>;

/** The networks of a checkpoint. */
export interface Architecture {
  /** For people. */
  readonly title: string;
  /** Which text encoders there are. */
  readonly pipeline: PipelineName;
  /** See {@link TextConditioning}. */
  readonly zerosWithoutPrompt: boolean;
  readonly unet: Json;
  readonly vae: Json;
  readonly textEncoders: readonly ArchitectureTextEncoder[];
  /** What scheduler_config.json says of the noise in training. */
  readonly noise: Json;
}

/** Of one text encoder. */
export interface ArchitectureTextEncoder {
  readonly config: Json;
  readonly padToken: string;
}

const vae: Json = {
  block_out_channels: [128, 256, 512, 512],
  down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
  latent_channels: 4,
  layers_per_block: 2,
  scaling_factor: 0.18215,
  up_block_types: ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
};

const unet: Json = {
  block_out_channels: [320, 640, 1280, 1280],
  in_channels: 4,
  layers_per_block: 2,
  out_channels: 4,
};

const textEncoder: Json = { eos_token_id: 2, max_position_embeddings: 77, vocab_size: 49408 };

/** CLIP ViT-L/14: of Stable Diffusion 1.x, and the first of SDXL. */
const clipL: ArchitectureTextEncoder = {
  config: {
    ...textEncoder,
    hidden_act: "quick_gelu",
    hidden_size: 768,
    intermediate_size: 3072,
    num_attention_heads: 12,
    num_hidden_layers: 12,
  },
  padToken: "<|endoftext|>",
};

const noise: Json = {
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  beta_start: 0.00085,
  clip_sample: false,
  num_train_timesteps: 1000,
  set_alpha_to_one: false,
  steps_offset: 1,
};

/** The architectures by name. */
export const ARCHITECTURES: Readonly<Record<ArchitectureName, Architecture>> = {
  sd1: {
    title: "Stable Diffusion 1.x",
    pipeline: "StableDiffusionPipeline",
    zerosWithoutPrompt: false,
    unet: { ...unet, attention_head_dim: 8, cross_attention_dim: 768 },
    vae,
    textEncoders: [clipL],
    noise,
  },
  sd2: {
    title: "Stable Diffusion 2.x",
    pipeline: "StableDiffusionPipeline",
    zerosWithoutPrompt: false,
    unet: { ...unet, attention_head_dim: [5, 10, 20, 20], cross_attention_dim: 1024, use_linear_projection: true },
    vae,
    // The last of the 24 layers is left out: the UNet is conditioned on the last but one.
    textEncoders: [
      {
        config: {
          ...textEncoder,
          hidden_act: "gelu",
          hidden_size: 1024,
          intermediate_size: 4096,
          num_attention_heads: 16,
          num_hidden_layers: 23,
        },
        padToken: "!",
      },
    ],
    noise,
  },
  sdxl: {
    title: "SDXL",
    pipeline: "StableDiffusionXLPipeline",
    zerosWithoutPrompt: true,
    unet: {
      addition_embed_type: "text_time",
      addition_time_embed_dim: 256,
      attention_head_dim: [5, 10, 20],
      block_out_channels: [320, 640, 1280],
      cross_attention_dim: 2048,
      down_block_types: ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
      in_channels: 4,
      layers_per_block: 2,
      out_channels: 4,
      projection_class_embeddings_input_dim: 2816,
      transformer_layers_per_block: [1, 2, 10],
      up_block_types: ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
      use_linear_projection: true,
    },
    vae: { ...vae, scaling_factor: 0.13025 },
    textEncoders: [
      clipL,
      {
        config: {
          ...textEncoder,
          hidden_act: "gelu",
          hidden_size: 1280,
          intermediate_size: 5120,
          num_attention_heads: 20,
          num_hidden_layers: 32,
          projection_dim: 1280,
        },
        padToken: "!",
      },
    ],
    noise,
  },
};
