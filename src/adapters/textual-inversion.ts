/**
 * @file Textual inversion (Gal et al., "An Image is Worth One Word", 2022): learned embeddings of new tokens and their
 * first values.
 */
import { KeepsakeError } from "../errors.ts";
import { joinColumns } from "../numeric/matrices.ts";
import type { RandomStream } from "../random/random.ts";

/** A new token and the embeddings that stand for it: one, or several in a row. */
export interface TokenEmbedding {
  /** As written in prompts, e.g. `<my-cat>`. */
  readonly token: string;
  /** `[count, width]`, row-major; of SDXL those of both text encoders side by side. */
  readonly vectors: Float32Array;
  readonly count: number;
  /** Width of the text encoder's token embeddings; of two together. */
  readonly width: number;
}

/** One token for several text encoders, from its embeddings in each. */
export function sideBySide(parts: readonly TokenEmbedding[]): TokenEmbedding {
  const [{ token, count }] = parts;
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  return { token, count, width, vectors: joinColumns(parts.map((part) => ({ ...part, values: part.vectors }))) };
}

/** A text encoder's table of token embeddings. */
export interface EmbeddingTable {
  /** `[rows, width]`, row-major. */
  readonly values: Float32Array;
  readonly width: number;
}

/**
 * The vocabulary entries of a token of several vectors: `<t>`, `<t>_1`, `<t>_2`, ... In a prompt, `<t>` stands for all
 * of them in a row (`diffusers: loaders/textual_inversion.py`).
 */
export function tokenNames({ token, count }: Pick<TokenEmbedding, "token" | "count">): string[] {
  return Array.from({ length: count }, (_, i) => (i === 0 ? token : `${token}_${i}`));
}

/**
 * A token that starts as a class noun: every vector is the mean of the embeddings of the noun's tokens (for a noun of
 * one token, its embedding itself).
 *
 * @param nounIds ids of the noun's tokens, without start and end of text.
 * @param count number of vectors.
 * @throws KeepsakeError ("usage") if the noun has no tokens or the count is not a positive whole number.
 */
export function tokenFromNoun(
  token: string,
  table: EmbeddingTable,
  nounIds: readonly number[],
  count = 1,
): TokenEmbedding {
  requireCount(token, count);
  if (nounIds.length === 0) throw new KeepsakeError("usage", `the class noun for ${token} is empty`);
  const { values, width } = table;
  const mean = new Float64Array(width);
  for (const id of nounIds) {
    if (!(id >= 0 && (id + 1) * width <= values.length)) {
      throw new RangeError(`token id ${id} is outside the embedding table of ${values.length / width} rows`);
    }
    for (let i = 0; i < width; i++) mean[i] += values[id * width + i] / nounIds.length;
  }
  const vectors = new Float32Array(count * width);
  for (let row = 0; row < count; row++) vectors.set(mean, row * width);
  return { token, vectors, count, width };
}

/**
 * A token that starts as noise: normal with the standard deviation of the whole embedding table, which puts it among
 * the other tokens in size (`diffusers: examples/advanced_diffusion_training, TokenEmbeddingsHandler`).
 */
export function tokenFromNoise(token: string, table: EmbeddingTable, random: RandomStream, count = 1): TokenEmbedding {
  requireCount(token, count);
  const { values, width } = table;
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / (values.length - 1));
  return { token, vectors: random.normal(count * width).map((z) => z * deviation), count, width };
}

function requireCount(token: string, count: number): void {
  if (!Number.isInteger(count) || count < 1) {
    throw new KeepsakeError("usage", `${token} needs a whole number of vectors, at least 1, got ${count}`);
  }
}
