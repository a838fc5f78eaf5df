/**
 * @file Files of learned token embeddings, as diffusers, AUTOMATIC1111 and trainers of SDXL have them.
 */
import { basename } from "node:path";
import { KeepsakeError, shown } from "../../errors.ts";
import { formatShape } from "../../graph/index.ts";
import { SafetensorsFile, writeSafetensors, type TensorToWrite } from "../../io/safetensors/safetensors.ts";
import { splitColumns } from "../../numeric/matrices.ts";
import { sideBySide, type TokenEmbedding } from "../textual-inversion.ts";
import { requirePath } from "./arguments.ts";

export interface ReadTokenEmbeddingsOptions {
  /** The token's name in prompts, for a file of one token. Default: the name in the file. */
  readonly token?: string;
  /** Width of the text encoder that the embeddings are for, or of two together; checked if given. */
  readonly width?: number;
}

/** AUTOMATIC1111 does not name the token in the file. */
const namelessKey = "emb_params";

/** Nor do files for SDXL: its two text encoders, in the order of the model. */
export const encoderKeys = ["clip_l", "clip_g"] as const;

/**
 * Reads learned embeddings from safetensors: diffusers' layout (each tensor is named by its token, `[width]` or
 * `[count, width]`), AUTOMATIC1111's (`emb_params`), or that of SDXL (`clip_l` and `clip_g`). In the last two, the
 * token is the file's name without its extension.
 *
 * @example
 * ```ts
 * import { readTokenEmbeddings } from "keepsake/adapters";
 * import { StableDiffusionPipeline } from "keepsake/diffusion";
 *
 * const pipeline = await StableDiffusionPipeline.load("./stable-diffusion-v1-5");
 * const learnedEmbeddings = await readTokenEmbeddings("mochi.safetensors", { token: "<mochi>" });
 * const [{ image }] = await pipeline.generate({ prompt: "<mochi> on the beach", learnedEmbeddings });
 * ```
 * @throws KeepsakeError ("input") if the file holds something else, or embeddings of another width.
 */
export async function readTokenEmbeddings(
  path: string,
  options: ReadTokenEmbeddingsOptions = {},
): Promise<TokenEmbedding[]> {
  requirePath("readTokenEmbeddings", path);
  if (/\.(bin|pt|pth|ckpt)$/i.test(path)) {
    throw new KeepsakeError("input", `${path}: pickle files can run code and are not read; convert it to .safetensors`);
  }
  const file = await SafetensorsFile.open(path);
  const names = [...file.tensors.keys()];
  if (names.length === 0) throw new KeepsakeError("input", `${path}: no tensors in this file`);
  const layer = names.find((name) => /\.weight$|\.alpha$|\.bias$/.test(name));
  if (layer !== undefined) {
    const what = /lora/.test(layer) ? "a LoRA" : "the weights of a model";
    throw new KeepsakeError("input", `${path}: this is ${what} (${shown(layer)}), not a textual-inversion embedding`);
  }
  if (encoderKeys.some((key) => names.includes(key))) return [await readForTwoEncoders(file, options)];
  if (options.token !== undefined && names.length > 1) {
    throw new KeepsakeError(
      "usage",
      `${path}: holds ${names.length} tokens, so they cannot be renamed to ${options.token}`,
    );
  }
  const embeddings: TokenEmbedding[] = [];
  for (const name of names) {
    const token = options.token ?? (name === namelessKey ? nameOf(path) : name);
    const embedding = await readMatrix(file, name, token);
    checkWidth(path, shown(name), embedding, options.width);
    embeddings.push(embedding);
  }
  return embeddings;
}

async function readForTwoEncoders(file: SafetensorsFile, options: ReadTokenEmbeddingsOptions): Promise<TokenEmbedding> {
  const { path } = file;
  const token = options.token ?? nameOf(path);
  const parts: TokenEmbedding[] = [];
  for (const key of encoderKeys) {
    if (!file.has(key)) {
      throw new KeepsakeError("input", `${path}: the embedding has no ${key}; SDXL needs clip_l and clip_g.`);
    }
    parts.push(await readMatrix(file, key, token));
  }
  const [{ count }, other] = parts;
  if (other.count !== count) {
    throw new KeepsakeError(
      "input",
      `${path}: the token's vectors are ${count} in clip_l and ${other.count} in clip_g; the file is damaged.`,
    );
  }
  const embedding = sideBySide(parts);
  checkWidth(path, "clip_l with clip_g", embedding, options.width);
  return embedding;
}

/** The token of a file that does not name it. */
function nameOf(path: string): string {
  return basename(path).replace(/\.[^.]+$/, "");
}

async function readMatrix(file: SafetensorsFile, name: string, token: string): Promise<TokenEmbedding> {
  const { path } = file;
  const { shape } = file.info(name);
  const [count, width] = shape.length === 1 ? [1, ...shape] : shape;
  if (shape.length < 1 || shape.length > 2 || count < 1 || width < 1) {
    const fault = `${shown(name)} has shape ${formatShape(shape)}, not [width] or [count, width]; is it a textual inversion?`;
    throw new KeepsakeError("input", `${path}: ${fault}`);
  }
  const vectors = await file.readFloat32(name);
  if (!vectors.every(Number.isFinite)) {
    throw new KeepsakeError(
      "input",
      `${path}: ${shown(name)} holds NaN or infinity; the training that wrote it failed`,
    );
  }
  return { token, vectors, count, width };
}

function checkWidth(path: string, what: string, { width }: TokenEmbedding, expected: number | undefined): void {
  if (expected === undefined || width === expected) return;
  const fault = `${what} has ${width} numbers per vector, this model's text encoder ${expected}`;
  throw new KeepsakeError("input", `${path}: the embedding was made for another model: ${fault}`);
}

/**
 * Writes one token as diffusers' textual_inversion.py does: one float32 tensor `[count, width]` named by the token. For
 * two text encoders, as its train_dreambooth_lora_sdxl_advanced.py does: `clip_l` and `clip_g`, which do not name it.
 *
 * @example
 * ```ts
 * import { readTokenEmbeddings, writeTokenEmbedding } from "keepsake/adapters";
 *
 * const [embedding] = await readTokenEmbeddings("from-automatic1111.safetensors", { token: "<mochi>" });
 * await writeTokenEmbedding("learned_embeds.safetensors", embedding);
 * ```
 * @param path usually ending in `learned_embeds.safetensors`.
 * @param options.widths - of the text encoders' embeddings, `TextConditioning.widths`. Default: there is one encoder.
 * @param options.metadata - what else stands in the header.
 */
export async function writeTokenEmbedding(
  path: string,
  embedding: TokenEmbedding,
  options: { readonly widths?: readonly number[]; readonly metadata?: ReadonlyMap<string, string> } = {},
): Promise<void> {
  requirePath("writeTokenEmbedding", path);
  const { token, vectors, count, width } = embedding ?? {};
  if (typeof token !== "string" || !(vectors instanceof Float32Array) || vectors.length !== count * width) {
    const expected = "the second argument is { token, vectors, count, width } with count * width numbers";
    throw new KeepsakeError("usage", `writeTokenEmbedding: ${expected}.`);
  }
  const { widths = [width], metadata = new Map<string, string>() } = options;
  await writeSafetensors(path, tokenTensors(embedding, widths, token), new Map([...metadata, ["format", "pt"]]));
}

/**
 * The tensors `[count, width]` of a token, by their names in files: `clip_l` and `clip_g` where there are two text
 * encoders.
 *
 * @param widths - of the text encoders' embeddings, which make the token's together
 * @param name - where there is one
 * @throws KeepsakeError ("usage") for other widths
 */
export function tokenTensors(
  { vectors, count, width }: TokenEmbedding,
  widths: readonly number[],
  name: string,
): Map<string, TensorToWrite> {
  if (widths.length > encoderKeys.length || widths.reduce((sum, own) => sum + own, 0) !== width) {
    throw new KeepsakeError("usage", `The widths of the text encoders, ${widths.join(" + ")}, do not make ${width}.`);
  }
  const names = widths.length === 1 ? [name] : encoderKeys;
  const parts = splitColumns(vectors, widths);
  return new Map(parts.map((data, i) => [names[i], { shape: [count, widths[i]], data }]));
}
