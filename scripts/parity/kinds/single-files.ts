/**
 * @file Single-file checkpoints: each network in them is exactly that of a folder in the diffusers layout, rounded to
 * the file's precision.
 */
import { join } from "node:path";
import { openAutoencoderKl, openUNet2DConditionModel } from "../../../src/diffusion/checkpoint.ts";
import { openCheckpoint } from "../../../src/diffusion/open-checkpoint.ts";
import { openVae } from "../../../src/diffusion/single-file/open-vae.ts";
import { SingleFile } from "../../../src/diffusion/single-file/single-file.ts";
import type { Weights } from "../../../src/diffusion/weights.ts";
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from "../../../src/io/safetensors/half.ts";
import type { ParityCase } from "../case-kind.ts";
import type { Checks } from "../checks.ts";
import type { Fields } from "../fields.ts";

/** Old text encoders store this table of indices; it is not a parameter. */
const buffers = /(^|\.)position_ids$/;

export function isSingleFileTable(fields: Fields): boolean {
  return fields.has("files") && fields.has("detection");
}

/** One case for each file. */
export function singleFileCases(root: string, fields: Fields, folder: string): ParityCase[] {
  return fields.objects("files").map((file) => {
    const path = join(root, folder, file.string("file"));
    return { name: join(folder, file.string("file")), run: (_tree, checks) => checkFile(root, path, file, checks) };
  });
}

async function checkFile(root: string, path: string, fields: Fields, checks: Checks): Promise<void> {
  const config = join(root, fields.string("model"));
  const unet = await openUNet2DConditionModel(join(config, "unet"));
  const vae = await openAutoencoderKl(join(config, "vae"));
  const { encoders } = (await openCheckpoint(config)).text;
  const round = rounding(fields.string("dtype"));
  const components = fields.object("components");
  const label = "the folder's config";
  const single = fields.string("kind") === "vae" ? undefined : await SingleFile.open(path);
  if (single !== undefined) {
    checks.add(`the family is ${single.architecture}`, single.architecture === fields.string("kind") ? 0 : 1, 0);
    await checkWhole(path, config, fields, checks);
  }
  for (const name of components.names) {
    const index = encoders.findIndex(({ component }) => component === name);
    const reference = name === "vae" ? vae : name === "unet" ? unet : encoders[index];
    const found = async (): Promise<Weights> => {
      if (name === "vae") return (await openVae(path, { config: vae.config, label })).weights;
      if (name === "unet" && single !== undefined) return single.unet(unet.config, label);
      if (index >= 0 && single !== undefined) return single.textEncoder(encoders[index].config, label, index);
      throw new Error(`unknown component ${name}`);
    };
    await checkWeights(name, await found(), reference.weights, round, checks);
  }
}

/** What errors call the parts of a checkpoint. */
const partNames: Readonly<Record<string, string>> = {
  vae: "VAE",
  text_encoder: "text encoder",
  text_encoder_2: "second text encoder",
};

/** The file opens as a whole, or is refused by what it lacks. */
async function checkWhole(path: string, config: string, fields: Fields, checks: Checks): Promise<void> {
  const missing = fields.strings("missing").map((part) => partNames[part] ?? part);
  const opened = await openCheckpoint(path, { config }).catch((error: unknown) => error);
  const isAsExpected =
    opened instanceof Error
      ? missing.length > 0 && missing.every((part) => opened.message.includes(part))
      : missing.length === 0;
  const answer = opened instanceof Error ? opened.message : "opens";
  checks.add(`${missing.join(" and ") || "nothing"} missing: ${answer}`, isAsExpected ? 0 : 1, 0);
}

/** Same names, same shapes, same bits. */
async function checkWeights(
  component: string,
  found: Weights,
  reference: Weights,
  round: (values: Float32Array) => Float32Array,
  checks: Checks,
): Promise<void> {
  const expected = reference.tensors.filter(({ name }) => !buffers.test(name));
  const names = new Set(expected.map(({ name }) => name));
  const extra = found.tensors.filter(({ name }) => !names.has(name)).map(({ name }) => name);
  checks.add(`${component}: tensors that the folder lacks ${extra.slice(0, 3).join(", ")}`, extra.length, 0);
  let differing = 0;
  for (const { name, shape } of expected) {
    const isThere = found.has(name) && found.shape(name).join() === shape.join();
    if (!isThere || !sameBits(await found.readFloat32(name), round(await reference.readFloat32(name)))) {
      differing++;
    }
  }
  checks.add(`${component}: of ${expected.length} tensors differ`, differing, 0);
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}

function rounding(dtype: string): (values: Float32Array) => Float32Array {
  switch (dtype) {
    case "F32":
      return (values) => values;
    case "F16":
      return (values) => float16ToFloat32(float32ToFloat16(values));
    case "BF16":
      return (values) => bfloat16ToFloat32(float32ToBfloat16(values));
    default:
      throw new Error(`unknown precision ${dtype}`);
  }
}
