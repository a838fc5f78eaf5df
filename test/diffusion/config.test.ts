import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAutoencoderKlConfig } from "../../src/diffusion/config/autoencoder-kl-config.ts";
import { parseClipConfig, parseClipTextConfig } from "../../src/diffusion/config/clip-config.ts";
import { parseUNet2DConditionConfig } from "../../src/diffusion/config/unet-2d-condition-config.ts";
import { KeepsakeError } from "../../src/errors.ts";

const parseUNet = (json: unknown) => parseUNet2DConditionConfig("unet/config.json", json);

describe("parseUNet2DConditionConfig", () => {
  it("has the defaults of diffusers, which are those of Stable Diffusion 1.x but for the context width", () => {
    expect(parseUNet({})).toMatchObject({
      inChannels: 4,
      blockOutChannels: [320, 640, 1280, 1280],
      layersPerBlock: [2, 2, 2, 2],
      attentionHeads: [8, 8, 8, 8],
      crossAttentionDim: [1280, 1280, 1280, 1280],
      transformerLayers: { down: Array(4).fill([1, 1]), mid: 1, up: Array(4).fill([1, 1, 1]) },
      midBlockType: "UNetMidBlock2DCrossAttn",
      normNumGroups: 32,
      normEps: 1e-5,
      timeEmbeddingDim: 1280,
      useLinearProjection: false,
      flipSinToCos: true,
    });
    expect(parseUNet({}).textTime).toBeUndefined();
  });

  it("takes attention_head_dim as the number of heads, unless num_attention_heads gives it", () => {
    expect(parseUNet({ attention_head_dim: [5, 10, 20, 20] }).attentionHeads).toEqual([5, 10, 20, 20]);
    expect(parseUNet({ attention_head_dim: 40, num_attention_heads: 8 }).attentionHeads).toEqual([8, 8, 8, 8]);
    expect(parseUNet({ attention_head_dim: 8, num_attention_heads: null }).attentionHeads).toEqual([8, 8, 8, 8]);
  });

  it.each<[string, unknown]>([
    ["class_embed_type", "timestep"],
    ["num_class_embeds", 1000],
    ["addition_embed_type", "text"],
    ["dual_cross_attention", true],
    ["only_cross_attention", [true, false, false, false]],
    ["resnet_time_scale_shift", "scale_shift"],
    ["encoder_hid_dim", 768],
    ["encoder_hid_dim_type", "text_proj"],
    ["act_fn", "gelu"],
    ["attention_type", "gated"],
    ["time_embedding_type", "fourier"],
    ["mid_block_type", "UNetMidBlock2DSimpleCrossAttn"],
    ["down_block_types", ["CrossAttnDownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"]],
    ["up_block_types", ["UpBlock2D", "SimpleCrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"]],
    ["mid_block_scale_factor", 2],
    ["dropout", 0.1],
  ])("refuses %s = %j by name", (option, value) => {
    const parse = () => parseUNet({ [option]: value });
    expect(parse).toThrow(KeepsakeError);
    expect(parse).toThrow(new RegExp(`^unet/config\\.json: option "${option}" .*not supported`));
  });

  it("reads the depths of transformers for each level, and for each layer of a level", () => {
    const levels = { block_out_channels: [32, 64, 64], layers_per_block: 2 };
    const types = {
      down_block_types: ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
      up_block_types: ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    };
    const layers = (options: object) => parseUNet({ ...levels, ...types, ...options }).transformerLayers;
    expect(layers({ transformer_layers_per_block: [1, 2, 10] })).toEqual({
      down: [
        [1, 1],
        [2, 2],
        [10, 10],
      ],
      mid: 10,
      up: [
        [10, 10, 10],
        [2, 2, 2],
        [1, 1, 1],
      ],
    });
    const nested = { transformer_layers_per_block: [1, [2, 2], [4, 3]] };
    const reverse = { reverse_transformer_layers_per_block: [[4, 4, 7], [2, 1, 1], 1] };
    expect(layers({ ...nested, ...reverse })).toEqual({
      down: [
        [1, 1],
        [2, 2],
        [4, 3],
      ],
      mid: 4,
      up: [
        [4, 4, 7],
        [2, 1, 1],
        [1, 1, 1],
      ],
    });
    expect(() => layers(nested)).toThrow(
      /"reverse_transformer_layers_per_block" is null, expected the depths|expected the depths/,
    );
    for (const wrong of [[1, 2], [1, [2], [4, 3]], [1, [2, 2], [4, 0]], [1, [2, [2]], 4], "4"]) {
      expect(() => layers({ transformer_layers_per_block: wrong })).toThrow(
        /"transformer_layers_per_block" is .* list of 3/,
      );
    }
    expect(() => layers({ ...nested, reverse_transformer_layers_per_block: [[4, 4], [2, 1, 1], 1] })).toThrow(
      /"reverse_transformer_layers_per_block" is .*one for each layer \(3, 3, 3\)/,
    );
  });

  it("takes the width of LCM's embedding of the guidance scale", () => {
    expect(parseUNet({ time_cond_proj_dim: 256 }).timeCondProjDim).toBe(256);
    expect(() => parseUNet({ time_cond_proj_dim: 2 })).toThrow(/"time_cond_proj_dim" is 2, expected .* at least 4/);
  });

  it("reads null as diffusers does where it has a meaning", () => {
    expect(parseUNet({ mid_block_type: null }).midBlockType).toBeNull();
    expect(parseUNet({ flip_sin_to_cos: null }).flipSinToCos).toBe(false);
    expect(parseUNet({ time_embedding_dim: null, sample_size: null, num_attention_heads: null })).toEqual(
      parseUNet({}),
    );
    const off = [
      "class_embed_type",
      "num_class_embeds",
      "addition_embed_type",
      "encoder_hid_dim",
      "encoder_hid_dim_type",
    ];
    const alsoOff = ["time_cond_proj_dim", "time_embedding_act_fn", "timestep_post_act", "cross_attention_norm"];
    for (const option of [...off, ...alsoOff, "reverse_transformer_layers_per_block"]) {
      expect(parseUNet({ [option]: null }), option).toEqual(parseUNet({}));
    }
  });

  it.each([
    ..."in_channels out_channels block_out_channels layers_per_block downsample_padding norm_num_groups".split(" "),
    ..."norm_eps cross_attention_dim transformer_layers_per_block attention_head_dim conv_in_kernel".split(" "),
    ..."conv_out_kernel down_block_types up_block_types freq_shift act_fn dropout attention_type".split(" "),
    ..."resnet_time_scale_shift time_embedding_type mid_block_scale_factor resnet_out_scale_factor".split(" "),
  ])("refuses null for %s, which is not the same as leaving it out", (option) => {
    expect(() => parseUNet({ [option]: null })).toThrow(
      new RegExp(`^unet/config\\.json: option "${option}" null is not supported`),
    );
    expect(parseUNet({})).toBeDefined();
  });

  it("quotes no more of a value than a line holds", () => {
    for (const json of [
      { act_fn: "x".repeat(100_000) },
      { ["y".repeat(100_000)]: 1 },
      { in_channels: Array(1e5).fill(1) },
    ]) {
      expect(() => parseUNet(json)).toThrow(/^.{10,400}$/);
    }
  });

  it("accepts what changes nothing", () => {
    expect(() =>
      parseUNet({ _diffusers_version: "0.6.0", _note: 1, upcast_attention: true, sample_size: 64 }),
    ).not.toThrow();
    expect(() => parseUNet({ only_cross_attention: [false, false, false, false], dropout: 0.0 })).not.toThrow();
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ frobnicate: 3 }, /unknown option "frobnicate" \(value 3\)/],
    [{ in_channels: 0 }, /"in_channels" is 0, expected an integer of at least 1/],
    [{ in_channels: "4" }, /"in_channels" is "4"/],
    [{ norm_eps: -1 }, /"norm_eps" is -1, expected a number above 0 and at most 1/],
    [
      { freq_shift: 160 },
      /"freq_shift" is 160, expected a number below half of the first of block_out_channels \(160\)/,
    ],
    [{ in_channels: 1e9 }, /"in_channels" is 1000000000, expected an integer of at least 1 and at most a million/],
    [{ block_out_channels: Array(17).fill(32) }, /expected a list of at most 16 integers/],
    [{ block_out_channels: [] }, /"block_out_channels" is \[\]/],
    [{ block_out_channels: [320, 640] }, /"down_block_types" is missing, expected 2 entries/],
    [
      { norm_num_groups: 7 },
      /"norm_num_groups" is 7, expected a divisor of every entry of block_out_channels \(320, 640/,
    ],
    [{ attention_head_dim: 7 }, /"attention_head_dim" is 7, expected numbers of heads that divide/],
    [{ attention_head_dim: [8, 8] }, /or a list of 4 of them/],
    [{ center_input_sample: "no" }, /"center_input_sample" is "no", expected true or false/],
    [{ addition_embed_type: "text_time" }, /"addition_time_embed_dim" is missing/],
    [{ _class_name: "UNet2DModel" }, /config of a "UNet2DModel", expected UNet2DConditionModel/],
  ])("explains what is wrong with %j", (json, message) => {
    expect(() => parseUNet(json)).toThrow(message);
  });

  it("answers anything at all with a config or a KeepsakeError of one line", () => {
    const option = fc.constantFrom(
      "in_channels",
      "block_out_channels",
      "down_block_types",
      "norm_eps",
      "act_fn",
      "x\ny",
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(option, fc.jsonValue())), (json) => {
        try {
          parseUNet(json);
        } catch (error) {
          expect(error).toBeInstanceOf(KeepsakeError);
          expect((error as KeepsakeError).message).not.toContain("\n");
        }
      }),
    );
  });
});

describe("parseAutoencoderKlConfig", () => {
  const parse = (json: unknown) => parseAutoencoderKlConfig("vae/config.json", json);

  it("has the defaults of diffusers, the scaling factor of Stable Diffusion 1.x among them", () => {
    expect(parse({})).toMatchObject({
      scalingFactor: 0.18215,
      latentChannels: 4,
      useQuantConv: true,
      midBlockAddAttention: true,
    });
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ shift_factor: 0.1 }, /"shift_factor" has the value 0.1, which is not supported/],
    [{ latents_mean: [0, 0, 0, 0.1] }, /"latents_mean"/],
    [{ down_block_types: ["AttnDownEncoderBlock2D"] }, /"down_block_types" has the value "AttnDownEncoderBlock2D"/],
    [{ block_out_channels: [64, 64] }, /"down_block_types" is missing, expected 2 entries/],
    [{ scaling_factor: 0 }, /"scaling_factor" is 0/],
    [{ latent_dim: 4 }, /unknown option "latent_dim"/],
    [{ scaling_factor: null }, /option "scaling_factor" null is not supported/],
    [{ norm_num_groups: null }, /option "norm_num_groups" null is not supported/],
  ])("explains what is wrong with %j", (json, message) => {
    expect(() => parse(json)).toThrow(message);
  });
});

describe("null in a VAE's config", () => {
  it("is off for shift and switches, as in diffusers", () => {
    const parse = (json: unknown) => parseAutoencoderKlConfig("vae/config.json", json);
    expect(parse({ shift_factor: null, latents_mean: null, latents_std: null })).toEqual(parse({}));
    expect(parse({ use_quant_conv: null, mid_block_add_attention: null })).toMatchObject({
      useQuantConv: false,
      midBlockAddAttention: false,
    });
  });
});

describe("parseClipConfig", () => {
  it("lets text_config_dict overrule text_config, as transformers does", () => {
    const config = parseClipConfig("config.json", {
      projection_dim: 768,
      text_config: { hidden_size: 512 },
      text_config_dict: { hidden_size: 768, num_attention_heads: 12 },
      vision_config: { image_size: 224, patch_size: 14 },
    });
    expect(config.textConfig).toMatchObject({ hiddenSize: 768, numAttentionHeads: 12 });
    expect(config.visionConfig).toMatchObject({ imageSize: 224, patchSize: 14 });
  });

  it.each<[unknown, RegExp]>([
    [[], /expected a JSON object/],
    [{ text_config: { hidden_act: "relu" } }, /\(text_config\): option "hidden_act" has the value "relu"/],
    [
      { vision_config: { patch_size: 30 } },
      /\(vision_config\): option "patch_size" is 30, expected a divisor of image_size, which is 224/,
    ],
    [{ model_type: "siglip" }, /"model_type" has the value "siglip"/],
  ])("explains what is wrong with %j", (json, message) => {
    expect(() => parseClipConfig("config.json", json)).toThrow(message);
  });

  it("refuses a text model of another kind", () => {
    expect(() => parseClipTextConfig("config.json", { model_type: "bert" })).toThrow(/"bert".*not supported/);
    expect(() => parseClipTextConfig("config.json", { hidden_size: 30, num_attention_heads: 4 })).toThrow(
      /"num_attention_heads" is 4, expected a divisor of hidden_size/,
    );
    expect(() => parseClipTextConfig("config.json", { rope_theta: 1 })).toThrow(/unknown option "rope_theta"/);
    for (const option of ["hidden_act", "eos_token_id", "vocab_size", "layer_norm_eps", "attention_dropout"]) {
      expect(() => parseClipTextConfig("config.json", { [option]: null })).toThrow(`option "${option}" null is not`);
    }
    expect(() => parseClipTextConfig("config.json", { pad_token_id: null, projection_dim: null })).not.toThrow();
  });
});
