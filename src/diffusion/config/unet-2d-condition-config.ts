/**
 * @file The options of UNet2DConditionModel (diffusers: models/unets/unet_2d_condition.py, `__init__`): Stable
 * Diffusion 1.x, 2.x, SDXL and their smaller and faster relatives. Missing options have the defaults of diffusers, as
 * the files of its first releases need.
 */
import { ConfigReader } from "./config-reader.ts";

const downBlockTypes = ["CrossAttnDownBlock2D", "DownBlock2D"] as const;
const upBlockTypes = ["CrossAttnUpBlock2D", "UpBlock2D"] as const;
const midBlockTypes = ["UNetMidBlock2DCrossAttn", "UNetMidBlock2D", null] as const;

export type UNetDownBlockType = (typeof downBlockTypes)[number];
export type UNetUpBlockType = (typeof upBlockTypes)[number];
/** null: BK-SDM and its kin have no block between the two sides of the UNet. SSD-1B has one without attention. */
export type UNetMidBlockType = (typeof midBlockTypes)[number];

/** Options per level are lists from the highest resolution to the lowest, as in `blockOutChannels`. */
export interface UNet2DConditionConfig {
  /** Side of the latents that the model was trained on, where the file says it. */
  readonly sampleSize?: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly centerInputSample: boolean;
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
  readonly downBlockTypes: readonly UNetDownBlockType[];
  /** From the lowest resolution to the highest, as in the file. */
  readonly upBlockTypes: readonly UNetUpBlockType[];
  readonly blockOutChannels: readonly number[];
  readonly layersPerBlock: readonly number[];
  readonly downsamplePadding: number;
  readonly normNumGroups: number;
  readonly normEps: number;
  readonly crossAttentionDim: readonly number[];
  readonly transformerLayers: TransformerLayers;
  /** The file's `attention_head_dim`, which is the number of heads and not their size. */
  readonly attentionHeads: readonly number[];
  readonly useLinearProjection: boolean;
  readonly timeEmbeddingDim: number;
  readonly midBlockType: UNetMidBlockType;
  readonly convInKernel: number;
  readonly convOutKernel: number;
  /** SDXL: pooled text embedding and size conditioning. */
  readonly textTime?: { readonly additionTimeEmbedDim: number; readonly projectionInputDim: number };
  /** LCM: the width of the embedding of the guidance scale. */
  readonly timeCondProjDim?: number;
}

/** How deep the transformers are. */
export interface TransformerLayers {
  /** Of each down block, one number for each of its layers. */
  readonly down: readonly (readonly number[])[];
  readonly mid: number;
  /** Of each up block, from the lowest resolution to the highest, one number for each of its layers. */
  readonly up: readonly (readonly number[])[];
}

/**
 * @param file the path to name in errors.
 * @throws KeepsakeError naming file, option and value for anything malformed, unsupported or unknown.
 */
export function parseUNet2DConditionConfig(file: string, json: unknown): UNet2DConditionConfig {
  const reader = new ConfigReader(file, json);
  reader.className("UNet2DConditionModel");
  refuseUnsupported(reader);

  const blockOutChannels = reader.integers("block_out_channels", [320, 640, 1280, 1280]);
  const levels = blockOutChannels.length;
  const heads = reader.integerPerLevel("attention_head_dim", levels, 8);
  const numAttentionHeads = reader.optionalInteger("num_attention_heads");
  const textTime = textTimeOptions(reader);
  const layersPerBlock = reader.integerPerLevel("layers_per_block", levels, 2);

  const config: UNet2DConditionConfig = {
    sampleSize: reader.optionalInteger("sample_size"),
    inChannels: reader.integer("in_channels", 4),
    outChannels: reader.integer("out_channels", 4),
    centerInputSample: reader.boolean("center_input_sample", false),
    flipSinToCos: reader.boolean("flip_sin_to_cos", true),
    freqShift: reader.number("freq_shift", 0),
    downBlockTypes: reader.listOf("down_block_types", downBlockTypes, [
      "CrossAttnDownBlock2D",
      "CrossAttnDownBlock2D",
      "CrossAttnDownBlock2D",
      "DownBlock2D",
    ]),
    upBlockTypes: reader.listOf("up_block_types", upBlockTypes, [
      "UpBlock2D",
      "CrossAttnUpBlock2D",
      "CrossAttnUpBlock2D",
      "CrossAttnUpBlock2D",
    ]),
    blockOutChannels,
    layersPerBlock,
    downsamplePadding: reader.integer("downsample_padding", 1, 0),
    normNumGroups: reader.integer("norm_num_groups", 32),
    normEps: reader.epsilon("norm_eps", 1e-5),
    crossAttentionDim: reader.integerPerLevel("cross_attention_dim", levels, 1280),
    transformerLayers: transformerLayers(reader, layersPerBlock),
    attentionHeads: numAttentionHeads === undefined ? heads : new Array<number>(levels).fill(numAttentionHeads),
    useLinearProjection: reader.boolean("use_linear_projection", false),
    timeEmbeddingDim: reader.optionalInteger("time_embedding_dim") ?? blockOutChannels[0] * 4,
    // Missing, it is the default; null is no block at all.
    midBlockType: reader.oneOf("mid_block_type", midBlockTypes, "UNetMidBlock2DCrossAttn"),
    convInKernel: reader.integer("conv_in_kernel", 3),
    convOutKernel: reader.integer("conv_out_kernel", 3),
    textTime,
    timeCondProjDim: reader.optionalInteger("time_cond_proj_dim"),
  };
  checkConsistency(reader, config);
  reader.end();
  return config;
}

/**
 * The up blocks have the depths of the down blocks, unless the file has their own, which are in the order of the up
 * blocks.
 */
function transformerLayers(reader: ConfigReader, layersPerBlock: readonly number[]): TransformerLayers {
  const down = reader.integerPerLayer("transformer_layers_per_block", layersPerBlock, 1);
  const upLayers = layersPerBlock.map((layers) => layers + 1).reverse();
  const reverse = "reverse_transformer_layers_per_block";
  const mid = down.at(-1)?.[0] ?? 1;
  if (reader.isStated(reverse)) return { down, mid, up: reader.integerPerLayer(reverse, upLayers, 1) };
  const up = [...down].reverse().map((layers, block) => {
    if (layers.some((each) => each !== layers[0])) {
      throw reader.error(reverse, "the depths of the up blocks, since those of the down blocks differ within a block");
    }
    return new Array<number>(upLayers[block]).fill(layers[0]);
  });
  return { down, mid, up };
}

function textTimeOptions(reader: ConfigReader): UNet2DConditionConfig["textTime"] {
  const type = reader.optionalOneOf("addition_embed_type", ["text_time"]);
  const additionTimeEmbedDim = reader.optionalInteger("addition_time_embed_dim");
  const projectionInputDim = reader.optionalInteger("projection_class_embeddings_input_dim");
  if (type === undefined) return undefined;
  if (additionTimeEmbedDim === undefined) throw reader.error("addition_time_embed_dim", "an integer of at least 1");
  if (projectionInputDim === undefined) {
    throw reader.error("projection_class_embeddings_input_dim", "an integer of at least 1");
  }
  return { additionTimeEmbedDim, projectionInputDim };
}

function refuseUnsupported(reader: ConfigReader): void {
  reader.oneOf("act_fn", ["silu", "swish"], "silu");
  reader.only("attention_type", "default");
  reader.only("class_embed_type", null);
  reader.only("class_embeddings_concat", false, null);
  reader.only("cross_attention_norm", null);
  reader.only("dropout", 0);
  reader.only("dual_cross_attention", false, null);
  reader.only("encoder_hid_dim", null);
  reader.only("encoder_hid_dim_type", null);
  reader.only("mid_block_only_cross_attention", false, null);
  reader.only("mid_block_scale_factor", 1);
  reader.only("num_class_embeds", null);
  reader.only("only_cross_attention", false);
  reader.only("resnet_out_scale_factor", 1);
  reader.only("resnet_skip_time_act", false, null);
  reader.only("resnet_time_scale_shift", "default");
  reader.only("time_embedding_act_fn", null);
  reader.only("time_embedding_type", "positional");
  reader.only("timestep_post_act", null);
  // Attention is computed in float32 anyway; only "text" additional embeddings, which are not supported, have heads.
  reader.harmless("upcast_attention", "addition_embed_type_num_heads");
  reader.harmless(...emaOptions);
}

/** How an average over training steps was taken: diffusers' `EMAModel` saves it with the averaged weights. */
const emaOptions = [
  "decay",
  "inv_gamma",
  "min_decay",
  "optimization_step",
  "power",
  "update_after_step",
  "use_ema_warmup",
] as const;

function checkConsistency(reader: ConfigReader, config: UNet2DConditionConfig): void {
  const levels = config.blockOutChannels.length;
  if (config.downBlockTypes.length !== levels) {
    throw reader.error("down_block_types", `${levels} entries, as many as block_out_channels has`);
  }
  if (config.upBlockTypes.length !== levels) {
    throw reader.error("up_block_types", `${levels} entries, as many as block_out_channels has`);
  }
  const channels = config.blockOutChannels.join(", ");
  if (config.blockOutChannels.some((count) => count % config.normNumGroups !== 0)) {
    throw reader.error("norm_num_groups", `a divisor of every entry of block_out_channels (${channels})`);
  }
  if (config.blockOutChannels.some((count, level) => count % (config.attentionHeads[level] ?? 1) !== 0)) {
    throw reader.error("attention_head_dim", `numbers of heads that divide block_out_channels (${channels})`);
  }
  const half = Math.floor(config.blockOutChannels[0] / 2);
  // Frequencies fall over half of the channels less the shift: that must leave something.
  if (config.freqShift >= Math.max(half, 1)) {
    throw reader.error("freq_shift", `a number below half of the first of block_out_channels (${half})`);
  }
  // The frequencies of its embedding fall over half of the width less one.
  if (config.timeCondProjDim !== undefined && config.timeCondProjDim < 4) {
    throw reader.error("time_cond_proj_dim", "an integer of at least 4");
  }
  if (config.downsamplePadding > 1) throw reader.error("downsample_padding", "0 or 1");
  if (config.convInKernel % 2 === 0) throw reader.error("conv_in_kernel", "an odd number");
  if (config.convOutKernel % 2 === 0) throw reader.error("conv_out_kernel", "an odd number");
}
