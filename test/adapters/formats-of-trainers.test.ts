/**
 * One LoRA as every trainer writes it: names of OneTrainer, ComfyUI and the original code, alphas of any type; what is
 * not a plain LoRA is called by its name.
 */
import { describe, expect, it } from "vitest";
import { createDora, Dora } from "../../src/adapters/dora.ts";
import {
  readAdapter,
  readLora,
  writeDiffusersLora,
  writeKohyaLora,
  writePeftLora,
  writePeftVera,
} from "../../src/adapters/formats/index.ts";
import { ldmNames } from "../../src/adapters/formats/ldm-names.ts";
import { createLora, type Lora } from "../../src/adapters/lora.ts";
import { writeSafetensors, type TensorToWrite } from "../../src/io/safetensors/safetensors.ts";
import { RandomStream } from "../../src/random/random.ts";
import { failure } from "../io/failure.ts";
import { temporaryFolder } from "../io/temporary-folder.ts";
import { tinySd1 } from "./tiny-sd1.ts";

const inFolder = temporaryFolder();

/** On every linear layer of UNet and text encoder, with B not zero. */
const lora = createLora(tinySd1, { targets: "all-linear", rank: 3, loraAlpha: 2, random: new RandomStream(5) });
for (const { loraB, module } of lora.layers) loraB.set(new RandomStream(7, module).normal(loraB.length));

const originalNames = new Map([...ldmNames(tinySd1.unet?.keys() ?? [])].map(([original, path]) => [path, original]));

/** How one trainer names a layer, and its three tensors. */
interface Naming {
  readonly unet: (module: string) => string;
  readonly text: (module: string) => string;
  readonly parts?: readonly [down: string, up: string];
}

const underscored = (name: string) => name.replaceAll(".", "_");
const original = (module: string) => originalNames.get(module) ?? `no name for ${module}`;

const namings: Readonly<Record<string, Naming>> = {
  "OneTrainer (OMI)": { unet: (name) => `unet.${original(name)}`, text: (name) => `clip_l.${name}` },
  "OneTrainer (OMI, diffusers' paths)": { unet: (name) => `unet.${name}`, text: (name) => `clip_l.${name}` },
  "OneTrainer (diffusers)": { unet: (name) => `lora_unet.${name}`, text: (name) => `lora_te.${name}` },
  "OneTrainer (legacy), kohya": {
    unet: (name) => `lora_unet_${underscored(name)}`,
    text: (name) => `lora_te_${underscored(name)}`,
  },
  "kohya with the original code's names": {
    unet: (name) => `lora_unet_${underscored(original(name))}`,
    text: (name) => `lora_te_${underscored(name)}`,
  },
  ComfyUI: {
    unet: (name) => `diffusion_model.${original(name)}`,
    text: (name) => `text_encoders.clip_l.transformer.${name}`,
    parts: ["lora_A.weight", "lora_B.weight"],
  },
  "PEFT's prefix within the component": {
    unet: (name) => `unet.base_model.model.${name}`,
    text: (name) => `text_encoder.base_model.model.${name}`,
    parts: ["lora_A.default.weight", "lora_B.default.weight"],
  },
};

/** The LoRA's tensors in a naming. */
function tensorsIn({ unet, text, parts = ["lora_down.weight", "lora_up.weight"] }: Naming): Map<string, TensorToWrite> {
  return new Map(
    lora.layers.flatMap((layer): [string, TensorToWrite][] => {
      const name = (layer.component === "unet" ? unet : text)(layer.module);
      const kernel = layer.kind === "conv1x1" ? [1, 1] : [];
      return [
        [`${name}.${parts[0]}`, { shape: [layer.rank, layer.inFeatures, ...kernel], data: layer.loraA }],
        [`${name}.${parts[1]}`, { shape: [layer.outFeatures, layer.rank, ...kernel], data: layer.loraB }],
        [`${name}.alpha`, { shape: [], data: Float32Array.of(layer.loraAlpha) }],
      ];
    }),
  );
}

/** The same layers in the same order with the same numbers, to the bit. */
function expectSame(read: Lora | Dora, expected: Lora | Dora): void {
  const outline = ({ layers }: Lora | Dora) =>
    layers.map(({ component, module, kind, rank, loraAlpha }) => [component, module, kind, rank, loraAlpha]);
  expect(outline(read)).toEqual(outline(expected));
  expect(Buffer.from(read.parameters.buffer).equals(Buffer.from(expected.parameters.buffer))).toBe(true);
}

/** Tensors of zeros. */
async function fileOf(name: string, shapes: Readonly<Record<string, readonly number[]>>): Promise<string> {
  const entries = Object.entries(shapes).map(
    ([key, shape]) => [key, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }] as const,
  );
  await writeSafetensors(inFolder(name), new Map<string, TensorToWrite>(entries));
  return inFolder(name);
}

describe("a LoRA in another trainer's file", () => {
  it.each(Object.entries(namings))("is the same LoRA: %s", async (_, naming) => {
    const path = inFolder("named.safetensors");
    await writeSafetensors(path, tensorsIn(naming));
    expectSame(await readLora(path, tinySd1), lora);
  });

  it("may have its alphas in any type, as a number or a list of one", async () => {
    const int64 = new BigInt64Array([2n]);
    const alphas: TensorToWrite[] = [
      { shape: [], data: int64 },
      { shape: [1], data: int64 },
      { shape: [], data: Int32Array.of(2) },
      { shape: [1, 1], data: Uint8Array.of(2) },
      { shape: [], data: Float32Array.of(2), dtype: "F16" },
      { shape: [1], data: Float32Array.of(2), dtype: "BF16" },
      { shape: [], data: new Uint8Array(Float64Array.of(2).buffer), dtype: "F64" },
      { shape: [], data: new Uint8Array(Int16Array.of(2).buffer), dtype: "I16" },
    ];
    const tensors = tensorsIn(namings.ComfyUI);
    const names = [...tensors.keys()].filter((name) => name.endsWith(".alpha"));
    for (const [i, name] of names.entries()) tensors.set(name, alphas[i % alphas.length]);
    const path = inFolder("alphas.safetensors");
    await writeSafetensors(path, tensors);
    expectSame(await readLora(path, tinySd1), lora);
  });

  it("names blocks as the original code does, with Stable Diffusion's two layers a level", () => {
    const paths = [0, 1, 2, 3].flatMap((level) => [
      ...[0, 1].map((i) => `down_blocks.${level}.resnets.${i}.time_emb_proj`),
      ...[0, 1].map((i) => `down_blocks.${level}.attentions.${i}.proj_in`),
      ...[0, 1, 2].map((i) => `up_blocks.${level}.resnets.${i}.conv_shortcut`),
      ...[0, 1, 2].map((i) => `up_blocks.${level}.attentions.${i}.transformer_blocks.0.attn2.to_k`),
    ]);
    const names = ldmNames([...paths, "mid_block.attentions.0.proj_in", "mid_block.resnets.1.time_emb_proj"]);
    for (const [name, path] of [
      ["input_blocks.1.0.emb_layers.1", "down_blocks.0.resnets.0.time_emb_proj"],
      ["input_blocks.2.1.proj_in", "down_blocks.0.attentions.1.proj_in"],
      ["input_blocks.4.1.proj_in", "down_blocks.1.attentions.0.proj_in"],
      ["input_blocks.8.1.proj_in", "down_blocks.2.attentions.1.proj_in"],
      ["input_blocks.11.0.emb_layers.1", "down_blocks.3.resnets.1.time_emb_proj"],
      ["middle_block.1.proj_in", "mid_block.attentions.0.proj_in"],
      ["middle_block.2.emb_layers.1", "mid_block.resnets.1.time_emb_proj"],
      ["output_blocks.0.0.skip_connection", "up_blocks.0.resnets.0.conv_shortcut"],
      ["output_blocks.3.1.transformer_blocks.0.attn2.to_k", "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"],
      [
        "output_blocks.11.1.transformer_blocks.0.attn2.to_k",
        "up_blocks.3.attentions.2.transformer_blocks.0.attn2.to_k",
      ],
    ]) {
      expect(names.get(name), name).toBe(path);
    }
  });
});

describe("a DoRA of LyCORIS' or OneTrainer's", () => {
  const module = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
  const { inFeatures, outFeatures } = tinySd1.unet?.get(module) ?? { inFeatures: 0, outFeatures: 0 };
  const pair = {
    [`unet.${module}.lora_down.weight`]: [2, inFeatures],
    [`unet.${module}.lora_up.weight`]: [outFeatures, 2],
  };

  it("is read if it has a length for each output", async () => {
    const options = { rank: 2, targets: [module], random: new RandomStream(1) };
    const dora = await createDora(tinySd1, options, () =>
      Promise.resolve(new Float32Array(inFeatures * outFeatures).fill(0.5)),
    );
    dora.parameters.set(new RandomStream(2).normal(dora.parameters.length));
    const [layer] = dora.layers;
    const path = inFolder("dora.safetensors");
    await writeSafetensors(
      path,
      new Map([
        [`unet.${module}.lora_down.weight`, { shape: [2, inFeatures], data: layer.loraA }],
        [`unet.${module}.lora_up.weight`, { shape: [outFeatures, 2], data: layer.loraB }],
        [`unet.${module}.dora_scale`, { shape: [outFeatures, 1], data: layer.magnitude }],
      ]),
    );
    const read = await readAdapter(path, tinySd1);
    expect(read).toBeInstanceOf(Dora);
    if (read instanceof Dora) expectSame(read, dora);
  });

  it("is refused with the reason if it has a length for each input", async () => {
    const path = await fileOf("in.safetensors", { ...pair, [`unet.${module}.dora_scale`]: [1, inFeatures] });
    const { message } = await failure(readAdapter(path, tinySd1));
    expect(message).toContain("is of a DoRA with a length for each input, which is not supported");
  });
});

describe("what is not a plain LoRA of this kind of model", () => {
  it.each([
    ["a LoHa adapter", "lora_unet_x.hada_w1_a"],
    ["a LoHa adapter", "base_model.model.x.hada_w2_b"],
    ["a LoKr adapter", "lycoris_x.lokr_w2"],
    ["an IA3 adapter", "lora_unet_x.on_input"],
    ["an IA3 adapter", "base_model.model.x.ia3_l"],
    ["a GLoRA adapter", "lora_unet_x.a1.weight"],
    ["an OFT adapter", "lora_unet_x.oft_diag"],
    ["an OFT adapter", "unet.x.oft_R.weight"],
    ["an OFT adapter", "base_model.model.x.boft_R"],
    ["an AdaLoRA adapter", "base_model.model.x.lora_E"],
    ["a DyLoRA adapter", "lora_unet_x.lora_A.0"],
    ["an adapter with norms", "lora_unet_x.w_norm"],
    ["a full weight difference", "lora_unet_x.diff_b"],
    ["a LyCORIS adapter with trained scales", "lora_unet_x.scalar"],
    ["Tucker", "lora_unet_x.lora_mid.weight"],
    ["a LoRA of a T5 text encoder", "t5.encoder.block.0.layer.0.SelfAttention.q.alpha"],
    ["a LoRA of a transformer model", "diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight"],
    ["a LoRA of a transformer model", "lora_transformer_single_transformer_blocks_0_attn_to_q.alpha"],
    ["a ControlNet", "lllite_unet_x.down.0.weight"],
    ["an IP-Adapter", "image_proj.proj.weight"],
    ["a motion LoRA", "unet.down_blocks.0.motion_modules.0.to_q.lora_A.weight"],
    ["a whole model", "model.diffusion_model.out.0.weight"],
    ["a textual-inversion embedding", "emb_params"],
  ])("is called %s: %s", async (kind, key) => {
    const { message } = await failure(readAdapter(await fileOf("other.safetensors", { [key]: [1] }), tinySd1));
    expect(message).toContain(`"${key}" belongs to`);
    expect(message).toContain(kind);
    expect(message).toContain("which is not supported; use a plain LoRA");
  });

  it("is quoted in part if its name has no end", async () => {
    const path = await fileOf("long.safetensors", { ["x".repeat(100_000)]: [1] });
    const { message } = await failure(readAdapter(path, tinySd1));
    expect(message).toContain("is not a name known from LoRA files");
    expect(message.length).toBeLessThan(path.length + 400);
  });
});

describe("readers and writers called without what they need", () => {
  /** As JavaScript calls: no compiler in the way. */
  const loosely = (call: unknown) => call as (...rest: unknown[]) => Promise<unknown>;
  const path = "never-written.safetensors";

  it.each<[string, unknown, unknown[], string]>([
    ["writeKohyaLora", writeKohyaLora, [path, lora], "options.model is one of sd-1, sd-2, sd-2-v, sdxl, got undefined"],
    ["writeKohyaLora", writeKohyaLora, [path, lora, { model: "sd-9", resolution: 512 }], 'got "sd-9"'],
    ["writeKohyaLora", writeKohyaLora, [path, lora, { model: "toString", resolution: 512 }], 'got "toString"'],
    ["writeKohyaLora", writeKohyaLora, [path, lora, { model: "sd-1" }], "options.resolution is the model's width"],
    [
      "writeKohyaLora",
      writeKohyaLora,
      [path, {}, { model: "sd-1" }],
      "the second argument is an adapter (lora), got an object",
    ],
    ["writeDiffusersLora", writeDiffusersLora, [path], "an adapter (lora or dora), got undefined"],
    ["writeDiffusersLora", writeDiffusersLora, [path, lora, { dtype: "F8" }], 'dtype is F32 or F16, got "F8"'],
    [
      "writePeftLora",
      writePeftLora,
      [undefined, lora],
      "the first argument is the path of a file or folder, got undefined",
    ],
    ["writePeftVera", writePeftVera, [path, lora], "an adapter (vera), got a lora"],
    ["readLora", readLora, [path], "the second argument is the model's layers"],
    ["readAdapter", readAdapter, [path, []], "the second argument is the model's layers"],
    ["readAdapter", readAdapter, [7, tinySd1], "the first argument is the path of a file or folder, got 7"],
  ])("say how they are called: %s", async (name, call, rest, words) => {
    const { kind, message } = await failure(loosely(call)(...rest));
    expect(kind).toBe("usage");
    expect(message).toContain(`${name}: `);
    expect(message).toContain(words);
  });
});
