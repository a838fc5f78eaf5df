import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  readBundledEmbeddings,
  readLora,
  writeDiffusersLora,
  writeKohyaLora,
  writePeftLora,
} from "../../src/adapters/formats/index.ts";
import { createLora, Lora, loraDelta } from "../../src/adapters/lora.ts";
import type { AdaptableModules } from "../../src/adapters/modules.ts";
import { SafetensorsFile, writeSafetensors, type TensorToWrite } from "../../src/io/safetensors/safetensors.ts";
import { RandomStream } from "../../src/random/random.ts";
import { fixture, tinySd1 } from "./tiny-sd1.ts";

const folder = await mkdtemp(join(tmpdir(), "lora-formats-"));
const kohyaOptions = { model: "sd-1", resolution: 512 } as const;

/** One fixture per naming in use. */
const namings = [
  "kv-diffusers-attnprocs.safetensors",
  "kv-diffusers.safetensors",
  "kv-peft.safetensors",
  "kv-peft-with-metadata.safetensors",
  "kv-peft-native",
  "kv-kohya.safetensors",
];

/** A LoRA on every kind of layer, with B not zero, and with ranks and alphas that differ between layers. */
function wideLora(): Lora {
  const narrow = createLora(tinySd1, { targets: "all-linear", rank: 3, loraAlpha: 1.5, random: new RandomStream(5) });
  const wide = createLora(tinySd1, { targets: "all-linear", rank: 5, loraAlpha: 2, random: new RandomStream(6) });
  const lora = new Lora(narrow.layers.map((layer, i) => (i % 7 === 0 ? wide.layers[i] : layer)));
  for (const { loraB, module } of lora.layers) loraB.set(new RandomStream(7, module).normal(loraB.length));
  return lora;
}

/** Everything about a LoRA that a file can hold. */
const contents = (lora: Lora) => ({ layers: lora.layers, parameters: lora.parameters });

/** A safetensors file of zeros. */
async function fileOf(name: string, tensors: Readonly<Record<string, number[]>>, metadata?: Record<string, string>) {
  const path = join(folder, name);
  const entries = Object.entries(tensors).map(([key, shape]): [string, TensorToWrite] => [
    key,
    { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
  ]);
  await writeSafetensors(path, new Map(entries), metadata && new Map(Object.entries(metadata)));
  return path;
}

describe("readLora", () => {
  it.each(namings)("reads %s to the same change of the weights", async (name) => {
    const lora = await readLora(fixture("lora", name), tinySd1);
    const deltas = await SafetensorsFile.open(fixture("lora", "kv-deltas.safetensors"));
    expect(lora.layers.map(({ module }) => `${module}.weight`)).toEqual([...deltas.tensors.keys()].sort());
    for (const layer of lora.layers) {
      expect(layer.rank).toBe(4);
      const expected = await deltas.readFloat32(`${layer.module}.weight`);
      const largest = Math.max(...expected.map(Math.abs));
      const worst = Math.max(...loraDelta(layer).map((value, i) => Math.abs(value - expected[i])));
      expect(worst, layer.module).toBeLessThanOrEqual(1e-6 * largest);
    }
  });

  it("takes alpha from the file where it has one, else alpha = rank", async () => {
    for (const name of namings) {
      const { layers } = await readLora(fixture("lora", name), tinySd1);
      const stated = ["kv-peft-with-metadata.safetensors", "kv-peft-native", "kv-kohya.safetensors"].includes(name);
      expect(new Set(layers.map(({ loraAlpha }) => loraAlpha)), name).toEqual(new Set([stated ? 8 : 4]));
    }
  });

  it("reads the first diffusers' spellings, without a component, for the text encoder, and with an adapter's name", async () => {
    const attention = "mid_block.attentions.0.transformer_blocks.0.attn1";
    const layer = "text_model.encoder.layers.0.self_attn";
    const { inFeatures: n } = tinySd1.unet?.get(`${attention}.to_q`) ?? { inFeatures: 0 };
    const path = await fileOf("old.safetensors", {
      [`${attention}.processor.to_out_lora.down.weight`]: [2, n],
      [`${attention}.processor.to_out_lora.up.weight`]: [n, 2],
      [`unet.${attention}.to_q.lora_A.default.weight`]: [2, n],
      [`unet.${attention}.to_q.lora_B.default.weight`]: [n, 2],
      [`text_encoder.${layer}.to_q_lora.down.weight`]: [2, 32],
      [`text_encoder.${layer}.to_q_lora.up.weight`]: [32, 2],
      [`text_encoder.${layer}.to_q_lora.alpha`]: [1],
      [`${layer}.k_proj.lora_linear_layer.down.weight`]: [2, 32],
      [`${layer}.k_proj.lora_linear_layer.up.weight`]: [32, 2],
    });
    const { layers } = await readLora(path, tinySd1);
    expect(layers.map(({ component, module, loraAlpha }) => [component, module, loraAlpha])).toEqual([
      ["unet", `${attention}.to_out.0`, 2],
      ["unet", `${attention}.to_q`, 2],
      ["text_encoder", `${layer}.k_proj`, 2],
      ["text_encoder", `${layer}.q_proj`, 0],
    ]);
  });

  it("scales rank-stabilised LoRAs by alpha / sqrt(rank), and follows rank and alpha patterns", async () => {
    const target = join(folder, "rslora");
    await mkdir(target);
    const path = "mid_block.attentions.0.transformer_blocks.0.attn2";
    const { inFeatures, outFeatures } = tinySd1.unet?.get(`${path}.to_k`) ?? { inFeatures: 0, outFeatures: 0 };
    await fileOf("rslora/adapter_model.safetensors", {
      [`base_model.model.${path}.to_k.lora_A.weight`]: [4, inFeatures],
      [`base_model.model.${path}.to_k.lora_B.weight`]: [outFeatures, 4],
      [`base_model.model.${path}.to_v.lora_A.weight`]: [9, inFeatures],
      [`base_model.model.${path}.to_v.lora_B.weight`]: [outFeatures, 9],
    });
    const config = {
      peft_type: "LORA",
      r: 4,
      lora_alpha: 6,
      use_rslora: true,
      rank_pattern: { to_v: 9 },
      alpha_pattern: { to_v: 2 },
    };
    const write = (value: unknown) => writeFile(join(target, "adapter_config.json"), JSON.stringify(value));
    await write(config);
    const { layers } = await readLora(target, tinySd1);
    expect(layers.map(({ loraAlpha, rank }) => loraAlpha / rank)).toEqual([6 / Math.sqrt(4), 2 / Math.sqrt(9)]);
    await write({ ...config, rank_pattern: {} });
    await expect(readLora(target, tinySd1)).rejects.toThrow(`say rank 4 for "${path}.to_v", its tensors have rank 9`);
    await write({ ...config, rank_pattern: { "to_(k|v)": 9 } });
    await expect(readLora(target, tinySd1)).rejects.toThrow('the pattern "to_(k|v)" in rank_pattern is not supported');
    await write({ ...config, use_dora: true });
    await expect(readLora(target, tinySd1)).rejects.toThrow("use_dora = true is not supported");
    await write({ ...config, peft_type: "LOHA" });
    await expect(readLora(target, tinySd1)).rejects.toThrow('peft_type = "LOHA" is not supported');
    await write({ ...config, r: "four" });
    await expect(readLora(target, tinySd1)).rejects.toThrow('r should be a number, is "four"');
    await write([]);
    await expect(readLora(target, tinySd1)).rejects.toThrow("should be a JSON object");
  });

  it("says that a LoRA was made for another model, with module and shapes", async () => {
    const kohya = fixture("lora", "kv-kohya.safetensors");
    const peft = fixture("lora", "kv-peft.safetensors");
    const sample = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k";
    const wider: AdaptableModules = {
      unet: new Map(tinySd1.unet).set(sample, { kind: "linear", inFeatures: 768, outFeatures: 320 }),
    };
    const shapes = `unet layer "${sample}" has lora_A [4, 32], lora_B [16, 4] in the file, weight [320, 768] in the model`;
    await expect(readLora(kohya, wider)).rejects.toThrow(`${kohya}: the LoRA was made for another model: ${shapes}`);
    await expect(readLora(peft, wider)).rejects.toThrow(shapes);
    const other: AdaptableModules = {
      unet: new Map([["mid_block.proj", { kind: "linear", inFeatures: 4, outFeatures: 4 }]]),
    };
    await expect(readLora(peft, other)).rejects.toThrow(
      `the model's unet has no layer "${sample}" (lora_A [4, 32], lora_B [16, 4])`,
    );
    await expect(readLora(kohya, other)).rejects.toThrow(
      "made for another model: the model's unet has no layer for \"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.",
    );
  });

  it.each([
    ["LoHa", { "lora_unet_x.hada_w1_a": [4, 4] }],
    ["LoKr", { "lora_unet_x.lokr_w1": [4, 4] }],
    ["DoRA", { "lora_unet_x.dora_scale": [4, 1] }],
    ["DoRA", { "unet.x.lora_magnitude_vector": [4] }],
    ["OFT", { "lora_unet_x.oft_blocks": [4, 4] }],
    ["Tucker", { "lora_unet_x.lora_mid.weight": [4, 4, 3, 3] }],
    [
      "LoCon",
      {
        "lora_unet_down_blocks_0_resnets_0_conv1.alpha": [1],
        "lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight": [4, 16, 3, 3],
      },
    ],
    ["full weight difference", { "lora_unet_x.diff": [4, 4] }],
    ["biases", { "unet.x.lora_B.bias": [4] }],
    ["token embedding", { "bundle_emb.cat.string_to_param.*": [1, 32] }],
    ["another model, SDXL", { "lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha": [] }],
    ["another model, SDXL", { "text_encoder_2.text_model.x.lora_A.weight": [4, 4] }],
    ["another model, SDXL", { "clip_g.text_model.encoder.layers.0.mlp.fc1.alpha": [] }],
    ["a T5 text encoder", { "lora_te3_encoder_block_0_layer_0_SelfAttention_q.alpha": [] }],
    ["transformer model", { "transformer.blocks.0.attn.to_k.lora_A.weight": [4, 4] }],
    ["not a name known from LoRA files", { "out.0.weight": [4] }],
  ])("refuses what is not a plain LoRA, naming file and key: %s", async (kind, tensors) => {
    const path = await fileOf("unsupported.safetensors", tensors);
    const reading = readLora(path, tinySd1);
    await expect(reading).rejects.toThrow(kind);
    await expect(reading).rejects.toThrow(path);
    await expect(reading).rejects.toMatchObject({ name: "KeepsakeError", kind: "input" });
  });

  it("refuses files that are incomplete, contradictory or not LoRAs", async () => {
    const key = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
    const { inFeatures, outFeatures } = tinySd1.unet?.get(key.slice(5)) ?? { inFeatures: 0, outFeatures: 0 };
    const cases: [string, Record<string, number[]>][] = [
      ["has no lora_B (up); the file is incomplete", { [`${key}.lora_A.weight`]: [4, inFeatures] }],
      ["has no lora_A (down)", { [`${key}.lora_B.weight`]: [outFeatures, 4] }],
      [
        "the ranks of a pair differ",
        { [`${key}.lora_A.weight`]: [4, inFeatures], [`${key}.lora_B.weight`]: [outFeatures, 5] },
      ],
      [
        "mean the same tensor",
        { [`${key}.lora_A.weight`]: [4, inFeatures], [`${key}.lora.down.weight`]: [4, inFeatures] },
      ],
      ["should be a matrix", { [`${key}.lora_A.weight`]: [4] }],
      [
        "should be one number",
        {
          [`${key}.lora_A.weight`]: [4, inFeatures],
          [`${key}.lora_B.weight`]: [outFeatures, 4],
          [`${key}.alpha`]: [2],
        },
      ],
      ["no tensors in this file", {}],
    ];
    for (const [message, tensors] of cases) {
      await expect(readLora(await fileOf("bad.safetensors", tensors), tinySd1)).rejects.toThrow(message);
    }
    const broken = await fileOf("broken.safetensors", cases[2][1], { lora_adapter_metadata: "{" });
    await expect(readLora(broken, tinySd1)).rejects.toThrow("(lora_adapter_metadata) is not valid JSON");
    const nan = join(folder, "nan.safetensors");
    const down = { shape: [1, inFeatures], data: new Float32Array(inFeatures).fill(Number.NaN) };
    const up = { shape: [outFeatures, 1], data: new Float32Array(outFeatures) };
    await writeSafetensors(
      nan,
      new Map([
        [`${key}.lora_A.weight`, down],
        [`${key}.lora_B.weight`, up],
      ]),
    );
    await expect(readLora(nan, tinySd1)).rejects.toThrow("holds NaN or infinity");
    await expect(readLora(join(folder, "pytorch_lora_weights.bin"), tinySd1)).rejects.toThrow(
      "pickle files can run code",
    );
    await expect(readLora(folder, tinySd1)).rejects.toThrow("no LoRA in this folder");
    await expect(readLora(join(folder, "missing.safetensors"), tinySd1)).rejects.toMatchObject({
      name: "KeepsakeError",
    });
  });
});

describe("writing", () => {
  const lora = wideLora();

  it("round-trips exactly through diffusers', PEFT's and kohya's formats", async () => {
    const diffusers = join(folder, "wide.safetensors");
    await writeDiffusersLora(diffusers, lora);
    expect(contents(await readLora(diffusers, tinySd1))).toEqual(contents(lora));
    const kohya = join(folder, "wide-kohya.safetensors");
    await writeKohyaLora(kohya, lora, kohyaOptions);
    expect(contents(await readLora(kohya, tinySd1))).toEqual(contents(lora));
    const peft = join(folder, "wide-peft");
    await writePeftLora(peft, lora);
    expect(contents(await readLora(peft, tinySd1))).toEqual(contents(lora));
  });

  it("puts a LoRA of the UNet alone straight into PEFT's folder", async () => {
    const unetOnly = await readLora(fixture("lora", "kv-peft-native"), tinySd1);
    const target = join(folder, "unet-only");
    await writePeftLora(target, unetOnly);
    expect(contents(await readLora(target, tinySd1))).toEqual(contents(unetOnly));
    const read = async (path: string): Promise<unknown> =>
      JSON.parse(await readFile(join(path, "adapter_config.json"), "utf8"));
    expect(await read(target)).toMatchObject({ peft_type: "LORA", r: 4, lora_alpha: 8, base_model_name_or_path: null });
  });

  it("uses the keys and shapes of the other programs' files", async () => {
    const pairs = [
      ["kv-kohya.safetensors", writeKohyaLora],
      ["kv-peft-with-metadata.safetensors", writeDiffusersLora],
    ] as const;
    for (const [name, write] of pairs) {
      const theirs = await SafetensorsFile.open(fixture("lora", name));
      const path = join(folder, name);
      await write(path, await readLora(theirs.path, tinySd1), kohyaOptions);
      const ours = await SafetensorsFile.open(path);
      const listing = (file: SafetensorsFile) =>
        [...file.tensors.values()].map((one) => [one.name, one.dtype, one.shape]).sort();
      expect(listing(ours)).toEqual(listing(theirs));
      for (const key of theirs.tensors.keys()) expect(await ours.readBytes(key)).toEqual(await theirs.readBytes(key));
    }
  });

  it("uses the keys of PEFT's own folder, and adds nothing but embeddings to a kohya file", async () => {
    const keysOf = async (path: string) => [...(await SafetensorsFile.open(path)).tensors.keys()].sort();
    const theirs = fixture("lora", "kv-peft-native");
    const unetOnly = await readLora(theirs, tinySd1);
    const target = join(folder, "native");
    await writePeftLora(target, unetOnly, { metadata: new Map([["modelspec.title", "x"]]) });
    const weights = "adapter_model.safetensors";
    expect(await keysOf(join(target, weights))).toEqual(await keysOf(join(theirs, weights)));
    const bundle = join(folder, "bundle.safetensors");
    const vectors = new RandomStream(1, "rex").normal(64);
    const embeddings = [{ token: "<rex>", vectors, count: 2, width: 32 }];
    await writeKohyaLora(bundle, unetOnly, { ...kohyaOptions, embeddings, dtype: "F16" });
    const plain = await keysOf(fixture("lora", "kv-kohya.safetensors"));
    expect(await keysOf(bundle)).toEqual(["bundle_emb.rex.string_to_param.*", ...plain]);
    expect(await readBundledEmbeddings(bundle, 32)).toEqual(embeddings);
    expect((await readLora(bundle, tinySd1)).layers).toHaveLength(unetOnly.layers.length);
    await expect(readBundledEmbeddings(bundle, 768)).rejects.toThrow("made for another model");
  });

  it("gives convolutions 1x1 kernels", async () => {
    const path = join(folder, "kernels.safetensors");
    await writeKohyaLora(path, lora, kohyaOptions);
    const file = await SafetensorsFile.open(path);
    expect(file.info("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight").shape.slice(2)).toEqual([1, 1]);
    expect(file.info("lora_unet_mid_block_attentions_0_proj_in.alpha").shape).toEqual([]);
  });

  it("writes half precision on request, and reads it", async () => {
    const path = join(folder, "half.safetensors");
    await writeDiffusersLora(path, lora, { dtype: "F16" });
    const file = await SafetensorsFile.open(path);
    expect(new Set([...file.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(["F16"]));
    const half = await readLora(path, tinySd1);
    const worst = half.parameters.reduce((most, value, i) => Math.max(most, Math.abs(value - lora.parameters[i])), 0);
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(2 ** -9);
  });

  it("writes the same bytes for the same adapter", async () => {
    const paths = [join(folder, "one.safetensors"), join(folder, "two.safetensors")];
    for (const path of paths) await writeKohyaLora(path, lora, kohyaOptions);
    expect(await readFile(paths[0])).toEqual(await readFile(paths[1]));
  });

  it("tells nothing about photos, captions, folders, dates or machines", async () => {
    const kohya = join(folder, "private-kohya.safetensors");
    await writeKohyaLora(kohya, lora, kohyaOptions);
    expect(Object.fromEntries((await SafetensorsFile.open(kohya)).metadata)).toEqual({
      ss_v2: "False",
      ss_base_model_version: "sd_v1",
      ss_network_module: "networks.lora",
      ss_network_dim: "3",
      ss_network_alpha: "1.5",
      ss_network_args: "{}",
      "modelspec.sai_model_spec": "1.0.1",
      "modelspec.architecture": "stable-diffusion-v1/lora",
      "modelspec.implementation": "diffusers",
      "modelspec.title": "Keepsake LoRA",
      "modelspec.resolution": "512x512",
    });
    const diffusers = join(folder, "private.safetensors");
    await writeDiffusersLora(diffusers, lora);
    const { metadata } = await SafetensorsFile.open(diffusers);
    expect([...metadata.keys()].sort()).toEqual(["format", "lora_adapter_metadata"]);
    const settings: unknown = JSON.parse(metadata.get("lora_adapter_metadata") ?? "");
    const keys = [
      "alpha_pattern",
      "bias",
      "init_lora_weights",
      "lora_alpha",
      "lora_dropout",
      "peft_type",
      "r",
      "rank_pattern",
      "target_modules",
      "use_rslora",
    ];
    expect(Object.keys(settings ?? {})).toEqual(
      ["text_encoder", "unet"].flatMap((part) => keys.map((key) => `${part}.${key}`)),
    );
  });
});
