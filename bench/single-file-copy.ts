/**
 * @file The same weights as a diffusers folder of Stable Diffusion 1.x in one file, in the original (ldm) layout: to
 * compare how the two are opened and what they take.
 */
import { join } from "node:path";
import { openUNet2DConditionModel } from "../src/diffusion/checkpoint.ts";
import { parseAutoencoderKlConfig } from "../src/diffusion/config/autoencoder-kl-config.ts";
import { ARCHITECTURES } from "../src/diffusion/single-file/architectures.ts";
import { unetViews } from "../src/diffusion/single-file/unet-views.ts";
import { vaeViews } from "../src/diffusion/single-file/vae-views.ts";
import type { TensorView } from "../src/diffusion/weights.ts";
import { SafetensorsFile, type TensorInfo } from "../src/io/safetensors/safetensors.ts";
import { writeSafetensorsStream } from "../src/io/safetensors/safetensors.ts";

/** Of the original code, with the module's part of a name for `*`. */
const RESNET = ["in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3", "skip_connection"];
const VAE_BLOCK = ["norm1", "conv1", "norm2", "conv2", "nin_shortcut"];
const VAE_ATTENTION = ["norm", "q", "k", "v", "proj_out"];
const LEVELS = [0, 1, 2, 3];
const BLOCKS = [0, 1, 2];

/**
 * Writes the file.
 *
 * @param folder - a checkpoint in the diffusers layout, half precision
 */
export async function writeSingleFile(folder: string, file: string): Promise<void> {
  const { config } = await openUNet2DConditionModel(join(folder, "unet"));
  const vaeConfig = parseAutoencoderKlConfig("vae", ARCHITECTURES.sd1.vae);
  const unetNames = storedNames(unetModules(), unetViews(config));
  const vaeNames = storedNames(vaeModules(), vaeViews(vaeConfig));
  const parts = [
    { file: "unet/diffusion_pytorch_model.fp16.safetensors", prefix: "model.diffusion_model.", nameOf: unetNames },
    { file: "vae/diffusion_pytorch_model.fp16.safetensors", prefix: "first_stage_model.", nameOf: vaeNames },
    {
      file: "text_encoder/model.fp16.safetensors",
      prefix: "cond_stage_model.transformer.",
      nameOf: (name: string) => name,
    },
  ];
  const sources = new Map<string, { readonly source: SafetensorsFile; readonly info: TensorInfo }>();
  for (const { file: part, prefix, nameOf } of parts) {
    const source = await SafetensorsFile.open(join(folder, part));
    for (const info of source.tensors.values()) sources.set(`${prefix}${nameOf(info.name)}`, { source, info });
  }
  const headers = Array.from(sources, ([name, { info }]) => ({ name, shape: info.shape, dtype: info.dtype }));
  await writeSafetensorsStream(file, headers, (name) => bytesOf(name));

  async function* bytesOf(name: string): AsyncGenerator<Uint8Array> {
    const found = sources.get(name);
    if (found !== undefined) yield await found.source.readBytes(found.info.name);
  }
}

/** Names of modules as the original code has them. One that ends in `*` is the beginning of many. */
function unetModules(): string[] {
  const inSide = (side: string) =>
    Array.from({ length: 12 }, (_, block) => block).flatMap((block) =>
      BLOCKS.flatMap((part) => [...RESNET, "op", "conv", "*"].map((rest) => `${side}.${block}.${part}.${rest}`)),
    );
  const middle = BLOCKS.flatMap((part) => [...RESNET, "*"].map((rest) => `middle_block.${part}.${rest}`));
  const outside = ["time_embed.0", "time_embed.2", "input_blocks.0.0", "out.0", "out.2"];
  return [...outside, ...inSide("input_blocks"), ...middle, ...inSide("output_blocks")];
}

function vaeModules(): string[] {
  const sides = [
    { side: "encoder", levels: "down", sampler: "downsample" },
    { side: "decoder", levels: "up", sampler: "upsample" },
  ];
  const ofSides = sides.flatMap(({ side, levels, sampler }) => [
    ...LEVELS.flatMap((level) => [
      ...BLOCKS.flatMap((block) => VAE_BLOCK.map((part) => `${side}.${levels}.${level}.block.${block}.${part}`)),
      `${side}.${levels}.${level}.${sampler}.conv`,
    ]),
    ...[1, 2].flatMap((block) => VAE_BLOCK.map((part) => `${side}.mid.block_${block}.${part}`)),
    ...VAE_ATTENTION.map((part) => `${side}.mid.attn_1.${part}`),
    ...["conv_in", "conv_out", "norm_out"].map((part) => `${side}.${part}`),
  ]);
  return [...ofSides, "quant_conv", "post_quant_conv"];
}

/** The stored name of a parameter of diffusers, found by asking what each stored name is to diffusers. */
function storedNames(
  modules: readonly string[],
  viewsOf: (name: string, stored: TensorInfo) => readonly TensorView[],
): (name: string) => string {
  const info: TensorInfo = { name: "", dtype: "F16", shape: [1, 1], byteOffset: 0, byteLength: 2 };
  const whole = new Map<string, string>();
  const beginnings = new Map<string, string>();
  for (const module of modules) {
    const [view] = viewsOf(`${module.replace("*", "x")}.weight`, info);
    if (view === undefined) continue;
    // Several names are read as the same parameter; the original code writes the first.
    const [names, end, stored] = module.endsWith("*")
      ? ([beginnings, "x.weight", module.slice(0, -1)] as const)
      : ([whole, ".weight", module] as const);
    const name = view.name.slice(0, -end.length);
    if (!names.has(name)) names.set(name, stored);
  }
  return (name) => {
    const end = name.lastIndexOf(".");
    const module = whole.get(name.slice(0, end));
    if (module !== undefined) return `${module}${name.slice(end)}`;
    const [own, stored] = [...beginnings].find(([beginning]) => name.startsWith(beginning)) ?? [];
    if (own === undefined || stored === undefined) throw new Error(`${name} has no name in the original layout`);
    return `${stored}${name.slice(own.length)}`;
  };
}
