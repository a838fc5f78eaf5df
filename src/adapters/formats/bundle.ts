/**
 * @file Token embeddings inside a LoRA file, as AUTOMATIC1111's program reads and writes them
 * (`extensions-builtin/Lora/networks.py`): `bundle_emb.<name>.string_to_param.*`. In prompts it takes the plain name.
 */
import { KeepsakeError, shown } from "../../errors.ts";
import { formatShape } from "../../graph/index.ts";
import type { SafetensorsFile, TensorToWrite } from "../../io/safetensors/safetensors.ts";
import { encoderKeys, tokenTensors } from "./token-embedding.ts";
import { sideBySide, type TokenEmbedding } from "../textual-inversion.ts";
import { openSources } from "./sources.ts";
import { readFinite } from "./tensors.ts";

const PREFIX = "bundle_emb.";
const bundledKey = /^bundle_emb\.([^.]+)\..+$/;

/** Whether a tensor of a LoRA file belongs to an embedding. */
export function isBundledKey(key: string): boolean {
  return key.startsWith(PREFIX);
}

/** How a token is called by programs that take any word for one: `mochi` of `<mochi>`. */
export function plainTokenName(token: string): string {
  return /^<(.+)>$/.exec(token)?.[1] ?? token;
}

/**
 * The tensors of embeddings in a LoRA file.
 *
 * @param widths - of the text encoders' embeddings. Default: there is one encoder.
 * @throws KeepsakeError ("usage") for a token that is no part of a key
 */
export function bundledTensors(
  embeddings: readonly TokenEmbedding[],
  widths?: readonly number[],
): Map<string, TensorToWrite> {
  const tensors = new Map<string, TensorToWrite>();
  for (const embedding of embeddings) {
    const name = plainTokenName(embedding.token);
    if (name.includes(".")) {
      throw new KeepsakeError("usage", `The token ${shown(embedding.token)} has a dot, which a bundle cannot hold.`);
    }
    for (const [part, tensor] of tokenTensors(embedding, widths ?? [embedding.width], "string_to_param.*")) {
      tensors.set(`${PREFIX}${name}.${part}`, tensor);
    }
  }
  return tensors;
}

/**
 * The embeddings in a LoRA's file or folder; none in one that has none.
 *
 * @param width - of the text encoder's embeddings; of two together
 * @returns their tokens as Keepsake writes them: `<mochi>` for `mochi`
 * @throws KeepsakeError ("input") for an embedding of another model
 */
export async function readBundledEmbeddings(path: string, width: number): Promise<TokenEmbedding[]> {
  const files = await openSources(path);
  return (await Promise.all(files.map(({ file }) => bundledIn(file, width)))).flat();
}

async function bundledIn(file: SafetensorsFile, width: number): Promise<TokenEmbedding[]> {
  const keysByName = new Map<string, string[]>();
  for (const key of [...file.tensors.keys()].filter(isBundledKey).sort()) {
    const [, name] = bundledKey.exec(key) ?? [];
    if (name === undefined) throw unsupported(file, key);
    keysByName.set(name, [...(keysByName.get(name) ?? []), key]);
  }
  return Promise.all([...keysByName].map(([name, keys]) => bundled(file, name, keys, width)));
}

async function bundled(
  file: SafetensorsFile,
  name: string,
  keys: readonly string[],
  width: number,
): Promise<TokenEmbedding> {
  const ofTwo = encoderKeys.map((key) => `${PREFIX}${name}.${key}`);
  const isOfTwo = keys.length === ofTwo.length && ofTwo.every((key) => keys.includes(key));
  const [first, second] = keys;
  if (!isOfTwo && second !== undefined) throw unsupported(file, second);
  const parts: TokenEmbedding[] = [];
  for (const key of isOfTwo ? ofTwo : [first]) {
    const { shape } = file.info(key);
    const [count, own] = shape.length === 1 ? [1, ...shape] : shape;
    if (shape.length < 1 || shape.length > 2 || count !== (parts.at(0)?.count ?? count)) throw unsupported(file, key);
    parts.push({ token: `<${plainTokenName(name)}>`, vectors: await readFinite(file, key), count, width: own });
  }
  const embedding = sideBySide(parts);
  if (embedding.width !== width) {
    const fault = `${shown(first, 200)} has ${embedding.width} numbers per vector, this model's text encoder ${width}`;
    throw new KeepsakeError("input", `${file.path}: the embedding was made for another model: ${fault}.`);
  }
  return embedding;
}

function unsupported(file: SafetensorsFile, key: string): KeepsakeError {
  const fault = `${shown(key, 200)} ${formatShape(file.info(key).shape)} is no embedding for one text encoder, nor for two`;
  return new KeepsakeError("input", `${file.path}: ${fault}, and other ones are not supported.`);
}
