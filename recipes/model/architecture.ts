/**
 * @file The architecture of the built-in model, as the config files of its folder in the diffusers layout.
 */
import { join } from "node:path";
import { parseAutoencoderKlConfig } from "../../src/diffusion/config/autoencoder-kl-config.ts";
import { parseClipConfig } from "../../src/diffusion/config/clip-config.ts";
import { parseUNet2DConditionConfig } from "../../src/diffusion/config/unet-2d-condition-config.ts";

/** Side of the pictures that the model draws, in pixels. */
export const PICTURE_SIZE = 64;
/** Side of their latents. */
export const LATENT_SIZE = 16;
/**
 * Four cannot hold marks of five pixels, however the VAE is trained: of the concepts' views the best linear code of
 * that size keeps 21.8 dB, of 16 28.5.
 */
export const LATENT_CHANNELS = 16;
/** Longest prompt in tokens, start and end included. */
export const MAX_TOKENS = 32;

const TEXT_WIDTH = 192;

const CLIP_LAYERS = { hidden_act: "quick_gelu", layer_norm_eps: 1e-5 };

const textConfig = (vocabSize: number) => ({
  model_type: "clip_text_model",
  vocab_size: vocabSize,
  hidden_size: TEXT_WIDTH,
  intermediate_size: 4 * TEXT_WIDTH,
  num_hidden_layers: 3,
  num_attention_heads: 6,
  max_position_embeddings: MAX_TOKENS,
  bos_token_id: vocabSize - 2,
  eos_token_id: vocabSize - 1,
  pad_token_id: vocabSize - 1,
  projection_dim: 128,
  ...CLIP_LAYERS,
});

/** CLIPModel: the text tower is the pipeline's text encoder, the image tower measures pictures. */
export function clipConfigJson(vocabSize: number) {
  return {
    architectures: ["CLIPModel"],
    model_type: "clip",
    projection_dim: 128,
    text_config: textConfig(vocabSize),
    vision_config: {
      model_type: "clip_vision_model",
      hidden_size: 128,
      intermediate_size: 512,
      num_hidden_layers: 3,
      num_attention_heads: 4,
      num_channels: 3,
      image_size: PICTURE_SIZE,
      patch_size: 8,
      projection_dim: 128,
      ...CLIP_LAYERS,
    },
  };
}

/** CLIPTextModel, the text tower alone. */
export function textEncoderConfigJson(vocabSize: number) {
  return { architectures: ["CLIPTextModel"], ...textConfig(vocabSize) };
}

/** Of transformers' CLIPImageProcessor: pixels in [-1, 1], not normalised channel by channel as CLIP's usually are. */
export const clipPreprocessorConfigJson = {
  image_processor_type: "CLIPImageProcessor",
  do_resize: true,
  size: { shortest_edge: PICTURE_SIZE },
  resample: 3,
  do_center_crop: true,
  crop_size: { height: PICTURE_SIZE, width: PICTURE_SIZE },
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
  do_convert_rgb: true,
};

/**
 * AutoencoderKL: 64×64 pixels to 16×16 latents. The latents are normalised inside it, so that the scaling factor is 1.
 */
export const vaeConfigJson = {
  _class_name: "AutoencoderKL",
  act_fn: "silu",
  block_out_channels: [32, 64, 128],
  down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
  up_block_types: ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
  in_channels: 3,
  out_channels: 3,
  latent_channels: LATENT_CHANNELS,
  layers_per_block: 1,
  norm_num_groups: 8,
  sample_size: PICTURE_SIZE,
  scaling_factor: 1,
};

/** UNet2DConditionModel. Attention at 16×16 would nearly double the cost of a step; the lower levels have it. */
export const unetConfigJson = {
  _class_name: "UNet2DConditionModel",
  act_fn: "silu",
  attention_head_dim: [2, 4, 6],
  block_out_channels: [64, 128, 192],
  cross_attention_dim: TEXT_WIDTH,
  down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
  mid_block_type: "UNetMidBlock2DCrossAttn",
  up_block_types: ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: LATENT_CHANNELS,
  out_channels: LATENT_CHANNELS,
  layers_per_block: 1,
  norm_num_groups: 16,
  sample_size: LATENT_SIZE,
  use_linear_projection: true,
};

export const schedulerConfigJson = {
  _class_name: "DDIMScheduler",
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  clip_sample: false,
  set_alpha_to_one: false,
  steps_offset: 1,
  prediction_type: "v_prediction",
};

const source = (name: string): string => join("recipes", "model", "architecture.ts", name);

export const clipConfig = (vocabSize: number) => parseClipConfig(source("clip"), clipConfigJson(vocabSize));
export const vaeConfig = parseAutoencoderKlConfig(source("vae"), vaeConfigJson);
export const unetConfig = parseUNet2DConditionConfig(source("unet"), unetConfigJson);
