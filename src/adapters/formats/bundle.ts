/**
 * @file Token embeddings inside a LoRA file, as AUTOMATIC1111's program reads and writes them (`extensions-builtin/Lora/networks.py`):
 * `bundle_emb.<name>.string_to_param.*`. In prompts it takes the plain name.
 */
import { KeepsakeError, shown } from "../../errors.ts";
import { formatShape } from "../../graph/index.ts";
import type { SafetensorsFile, TensorToWrite } from "../../io/safetensors/safetensors.ts";
import type { TokenEmbedding } from "../textual-inversion.ts";
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

/** The tensors of embeddings in a LoRA file. @throws KeepsakeError ("usage") for a token that is no part of a key */
export function bundledTensors(embeddings: readonly TokenEmbedding[]): Map<string, TensorToWrite> {
  return new Map(
    embeddings.map(({ token, vectors, count, width }) => {
      const name = plainTokenName(token);
      if (name.includes(".")) {
        throw new KeepsakeError("usage", `The token ${shown(token)} has a dot, which a bundle cannot hold.`);
      }
      return [`${PREFIX}${name}.string_to_param.*`, { shape: [count, width], data: vectors }];
    }),
  );
}

/**
 * The embeddings in a LoRA's file or folder; none in one that has none.
 *
 * @returns their tokens as Keepsake writes them: `<mochi>` for `mochi`
 * @throws KeepsakeError ("input") for an embedding of another model
 */
export async function readBundledEmbeddings(path: string, width: number): Promise<TokenEmbedding[]> {
  const files = await openSources(path);
  return (await Promise.all(files.map(({ file }) => bundledIn(file, width)))).flat();
}

async function bundledIn(file: SafetensorsFile, width: number): Promise<TokenEmbedding[]> {
  const embeddings = new Map<string, TokenEmbedding>();
  for (const key of [...file.tensors.keys()].filter(isBundledKey).sort()) {
    const [, name] = bundledKey.exec(key) ?? [];
    const { shape } = file.info(key);
    const [count, own] = shape.length === 1 ? [1, ...shape] : shape;
    if (name === undefined || shape.length < 1 || shape.length > 2 || embeddings.has(name)) {
      const fault = `${shown(key, 200)} ${formatShape(shape)} is no embedding for one text encoder`;
      throw new KeepsakeError("input", `${file.path}: ${fault}, and other ones are not supported.`);
    }
    if (own !== width) {
      const fault = `${shown(key, 200)} has ${own} numbers per vector, this model's text encoder ${width}`;
      throw new KeepsakeError("input", `${file.path}: the embedding was made for another model: ${fault}.`);
    }
    const token = `<${plainTokenName(name)}>`;
    embeddings.set(name, { token, vectors: await readFinite(file, key), count, width });
  }
  return [...embeddings.values()];
}
