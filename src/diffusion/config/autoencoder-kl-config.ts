/**
 * @file The options of AutoencoderKL (diffusers: models/autoencoders/autoencoder_kl.py, `__init__`), with the defaults
 * of diffusers.
 */
import { ConfigReader } from "./config-reader.ts";

export interface AutoencoderKlConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  readonly blockOutChannels: readonly number[];
  readonly layersPerBlock: number;
  readonly normNumGroups: number;
  /** Latents are the encoder's sample times this. */
  readonly scalingFactor: number;
  readonly useQuantConv: boolean;
  readonly usePostQuantConv: boolean;
  readonly midBlockAddAttention: boolean;
}

/**
 * @param file the path to name in errors.
 * @throws KeepsakeError naming file, option and value for anything malformed, unsupported or unknown.
 */
export function parseAutoencoderKlConfig(file: string, json: unknown): AutoencoderKlConfig {
  const reader = new ConfigReader(file, json);
  reader.className("AutoencoderKL");
  reader.oneOf("act_fn", ["silu", "swish"], "silu");
  reader.only("latents_mean", null);
  reader.only("latents_std", null);
  reader.only("shift_factor", 0, null);
  reader.harmless("sample_size", "force_upcast");
  const config: AutoencoderKlConfig = {
    inChannels: reader.integer("in_channels", 3),
    outChannels: reader.integer("out_channels", 3),
    latentChannels: reader.integer("latent_channels", 4),
    blockOutChannels: reader.integers("block_out_channels", [64]),
    layersPerBlock: reader.integer("layers_per_block", 1),
    normNumGroups: reader.integer("norm_num_groups", 32),
    scalingFactor: reader.number("scaling_factor", 0.18215),
    useQuantConv: reader.boolean("use_quant_conv", true),
    usePostQuantConv: reader.boolean("use_post_quant_conv", true),
    midBlockAddAttention: reader.boolean("mid_block_add_attention", true),
  };
  const levels = config.blockOutChannels.length;
  for (const [option, type] of [
    ["down_block_types", "DownEncoderBlock2D"],
    ["up_block_types", "UpDecoderBlock2D"],
  ] as const) {
    if (reader.listOf(option, [type], [type]).length !== levels) {
      throw reader.error(option, `${levels} entries, as many as block_out_channels has`);
    }
  }
  if (config.blockOutChannels.some((count) => count % config.normNumGroups !== 0)) {
    const channels = config.blockOutChannels.join(", ");
    throw reader.error("norm_num_groups", `a divisor of every entry of block_out_channels (${channels})`);
  }
  if (config.scalingFactor === 0) throw reader.error("scaling_factor", "a number other than 0");
  reader.end();
  return config;
}

/** Pixels per latent position, along each side. */
export function vaeScaleFactor(config: AutoencoderKlConfig): number {
  return 2 ** (config.blockOutChannels.length - 1);
}
