/**
 * @file The options of CLIP's text model, vision model, and the two together (transformers:
 * models/clip/configuration_clip.py), with the defaults of transformers.
 */
import { KeepsakeError } from "../../errors.ts";
import { ConfigReader, isObject } from "./config-reader.ts";

const activations = ["quick_gelu", "gelu"] as const;
/** `gelu` is the exact one (erf); `quick_gelu` is x * sigmoid(1.702 x). */
export type ClipActivation = (typeof activations)[number];

/** What the transformer layers of both towers share. */
export interface ClipEncoderConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly hiddenAct: ClipActivation;
  readonly layerNormEps: number;
}

export interface ClipTextConfig extends ClipEncoderConfig {
  readonly vocabSize: number;
  readonly maxPositionEmbeddings: number;
  /** As in the file. The files of Stable Diffusion say 2, which is not the id of the end-of-text token. */
  readonly eosTokenId: number;
  /** Width of the projected output at the end of the text; absent: the model has no projection. */
  readonly projectionDim?: number;
}

export interface ClipVisionConfig extends ClipEncoderConfig {
  readonly numChannels: number;
  readonly imageSize: number;
  readonly patchSize: number;
}

export interface ClipConfig {
  readonly textConfig: ClipTextConfig;
  readonly visionConfig: ClipVisionConfig;
  readonly projectionDim: number;
}

/**
 * @param options `hasProjection`: of a model that ends in a projection. Others state its width too, and have none.
 * @throws KeepsakeError naming file, option and value for anything malformed, unsupported or unknown.
 */
export function parseClipTextConfig(
  file: string,
  json: unknown,
  { hasProjection = false }: { readonly hasProjection?: boolean } = {},
): ClipTextConfig {
  const reader = new ConfigReader(file, json);
  const config: ClipTextConfig = {
    ...encoderConfig(reader, "clip_text_model", {
      hiddenSize: 512,
      intermediateSize: 2048,
      numHiddenLayers: 12,
      numAttentionHeads: 8,
    }),
    vocabSize: reader.integer("vocab_size", 49408),
    maxPositionEmbeddings: reader.integer("max_position_embeddings", 77),
    eosTokenId: reader.integer("eos_token_id", 49407, 0),
    ...(hasProjection && { projectionDim: reader.integer("projection_dim", 512) }),
  };
  reader.harmless("bos_token_id", "pad_token_id");
  reader.end();
  return config;
}

/** @throws KeepsakeError naming file, option and value for anything malformed, unsupported or unknown. */
export function parseClipVisionConfig(file: string, json: unknown): ClipVisionConfig {
  const reader = new ConfigReader(file, json);
  const config: ClipVisionConfig = {
    ...encoderConfig(reader, "clip_vision_model", {
      hiddenSize: 768,
      intermediateSize: 3072,
      numHiddenLayers: 12,
      numAttentionHeads: 12,
    }),
    numChannels: reader.integer("num_channels", 3),
    imageSize: reader.integer("image_size", 224),
    patchSize: reader.integer("patch_size", 32),
  };
  reader.harmless("bos_token_id", "eos_token_id", "pad_token_id");
  if (config.imageSize % config.patchSize !== 0) {
    throw reader.error("patch_size", `a divisor of image_size, which is ${config.imageSize}`);
  }
  reader.end();
  return config;
}

/** @throws KeepsakeError naming file, option and value for anything malformed, unsupported or unknown. */
export function parseClipConfig(file: string, json: unknown): ClipConfig {
  if (!isObject(json)) throw new KeepsakeError("input", `${file}: expected a JSON object with the model's options.`);
  const { text_config, text_config_dict, vision_config, vision_config_dict, ...rest } = json;
  const reader = new ConfigReader(file, rest);
  reader.oneOf("model_type", ["clip"], "clip");
  // The trained value of the logit scale is in the weights.
  reader.harmless("logit_scale_init_value", ...pretrainedConfigOptions);
  const projectionDim = reader.integer("projection_dim", 512);
  reader.end();
  return {
    textConfig: parseClipTextConfig(`${file} (text_config)`, merged(text_config, text_config_dict)),
    visionConfig: parseClipVisionConfig(`${file} (vision_config)`, merged(vision_config, vision_config_dict)),
    projectionDim,
  };
}

/** transformers lets the older `*_config_dict` overrule `*_config`. */
function merged(config: unknown, overrides: unknown): unknown {
  return isObject(overrides) ? { ...(isObject(config) ? config : {}), ...overrides } : (config ?? {});
}

function encoderConfig(
  reader: ConfigReader,
  modelType: string,
  defaults: Pick<ClipEncoderConfig, "hiddenSize" | "intermediateSize" | "numHiddenLayers" | "numAttentionHeads">,
): ClipEncoderConfig {
  reader.oneOf("model_type", [modelType], modelType);
  reader.only("attention_dropout", 0);
  reader.only("dropout", 0);
  // Where a tower ends before the projection, its width is an option of the whole model.
  reader.harmless("projection_dim", ...pretrainedConfigOptions);
  const config: ClipEncoderConfig = {
    hiddenSize: reader.integer("hidden_size", defaults.hiddenSize),
    intermediateSize: reader.integer("intermediate_size", defaults.intermediateSize),
    numHiddenLayers: reader.integer("num_hidden_layers", defaults.numHiddenLayers),
    numAttentionHeads: reader.integer("num_attention_heads", defaults.numAttentionHeads),
    hiddenAct: reader.oneOf("hidden_act", activations, "quick_gelu"),
    layerNormEps: reader.epsilon("layer_norm_eps", 1e-5),
  };
  if (config.hiddenSize % config.numAttentionHeads !== 0) {
    throw reader.error("num_attention_heads", `a divisor of hidden_size, which is ${config.hiddenSize}`);
  }
  return config;
}

/**
 * Options that transformers writes for every kind of model (transformers: configuration_utils.py, `PretrainedConfig`):
 * they concern initialisation, text generation, pruning and bookkeeping, not what CLIP computes.
 */
const pretrainedConfigOptions = [
  "add_cross_attention",
  "architectures",
  "bad_words_ids",
  "begin_suppress_tokens",
  "chunk_size_feed_forward",
  "cross_attention_hidden_size",
  "decoder_start_token_id",
  "diversity_penalty",
  "do_sample",
  "dtype",
  "early_stopping",
  "encoder_no_repeat_ngram_size",
  "exponential_decay_length_penalty",
  "finetuning_task",
  "forced_bos_token_id",
  "forced_eos_token_id",
  "id2label",
  "initializer_factor",
  "initializer_range",
  "is_decoder",
  "is_encoder_decoder",
  "label2id",
  "length_penalty",
  "max_length",
  "min_length",
  "no_repeat_ngram_size",
  "num_beam_groups",
  "num_beams",
  "num_return_sequences",
  "output_attentions",
  "output_hidden_states",
  "output_scores",
  "prefix",
  "problem_type",
  "pruned_heads",
  "remove_invalid_values",
  "repetition_penalty",
  "return_dict",
  "return_dict_in_generate",
  "sep_token_id",
  "suppress_tokens",
  "task_specific_params",
  "temperature",
  "tf_legacy_loss",
  "tie_encoder_decoder",
  "tie_word_embeddings",
  "tokenizer_class",
  "top_k",
  "top_p",
  "torch_dtype",
  "torchscript",
  "transformers_version",
  "typical_p",
  "use_bfloat16",
] as const;
