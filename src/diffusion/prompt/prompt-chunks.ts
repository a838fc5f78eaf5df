/**
 * @file A prompt of any length and with weights, in chunks that the text encoders can take: 75 tokens in each, between
 * a start and an end token of its own (AUTOMATIC1111: `modules/sd_hijack_clip.py`, `tokenize_line`).
 */
import { KeepsakeError } from "../../errors.ts";
import type { TextConditioning } from "../text-conditioning.ts";
import type { ClipTokenizer, PromptTokenizer } from "../tokenizer/index.ts";
import { readWeights } from "./prompt-weights.ts";

/** What is encoded at once. */
export interface PromptChunk {
  /** The padded ids, as `PromptTokenizer.encode` gives them: of the first text encoder, then of the second. */
  readonly inputIds: Int32Array;
  /** Of each id, in the same order; 1 of start, end and padding. */
  readonly weights: readonly number[];
}

/** Each chunk is one run of the text encoders; nobody has typed a prompt of more. */
const MOST_CHUNKS = 1000;

/**
 * How many of 75 tokens may be moved into the next chunk so that this one ends at a comma: AUTOMATIC1111's default
 * (`comma_padding_backtrack`).
 */
const BACKTRACK = 20 / 75;

/**
 * Splits a prompt into chunks. A learned token is in one chunk with all of its vectors. The second tokenizer of SDXL
 * takes the `!` that it pads with as a token of its own, so each splits the prompt for itself.
 *
 * @param tokenizer - with the learned tokens
 * @returns at least one chunk
 * @throws KeepsakeError for a learned token that no chunk can hold, and a prompt that nobody has typed
 */
export function promptChunks({ tokenizers }: Pick<PromptTokenizer, "tokenizers">, prompt: string): PromptChunk[] {
  const split = tokenizers.map((tokenizer) => chunksOfOne(tokenizer, prompt));
  const count = Math.max(...split.map(({ length }) => length));
  return Array.from({ length: count }, (_, i) => {
    const own = split.map((chunks, encoder) => chunks.at(i) ?? chunkOf(tokenizers[encoder], []));
    return {
      inputIds: Int32Array.from(own.flatMap(({ inputIds }) => [...inputIds])),
      weights: own.flatMap(({ weights }) => weights),
    };
  });
}

function chunksOfOne(tokenizer: ClipTokenizer, prompt: string): PromptChunk[] {
  const length = tokenizer.modelMaxLength - 2;
  const backtrack = Math.round(BACKTRACK * length);
  const comma = tokenizer.tokenIds(",").at(0);
  const chunks: PromptChunk[] = [];
  let tokens: Token[] = [];
  let afterComma: number | undefined;
  const finish = (moved: readonly Token[] = []) => {
    if (chunks.length === MOST_CHUNKS) {
      const advice = "shorten it, or write BREAK less often";
      throw new KeepsakeError("usage", `The prompt has more than ${MOST_CHUNKS} parts of ${length} tokens; ${advice}.`);
    }
    chunks.push(chunkOf(tokenizer, tokens));
    [tokens, afterComma] = [[...moved], undefined];
  };
  for (const [i, part] of readWeights(prompt).entries()) {
    if (i > 0) finish();
    for (const { text, weight } of part) {
      for (const ids of tokenizer.tokenGroups(text)) {
        if (ids.length > length) {
          const fault = `A token of the prompt has ${ids.length} vectors, and a part of a prompt holds ${length} tokens`;
          throw new KeepsakeError("input", `${fault}; leave out ${JSON.stringify(text.trim().slice(0, 60))}.`);
        }
        const isComma = ids.length === 1 && ids[0] === comma;
        const isNearComma = afterComma !== undefined && tokens.length + 1 - afterComma <= backtrack;
        if (tokens.length === length && isNearComma && !isComma) {
          const moved = tokens.slice(afterComma);
          tokens = tokens.slice(0, afterComma);
          finish(moved);
        }
        if (tokens.length + ids.length > length) finish();
        for (const id of ids) tokens.push({ id, weight });
        if (isComma) afterComma = tokens.length;
      }
    }
  }
  if (tokens.length > 0 || chunks.length === 0) finish();
  return chunks;
}

interface Token {
  readonly id: number;
  readonly weight: number;
}

function chunkOf(tokenizer: ClipTokenizer, tokens: readonly Token[]): PromptChunk {
  const weights = new Array<number>(tokenizer.modelMaxLength).fill(1);
  for (const [i, { weight }] of tokens.entries()) weights[i + 1] = weight;
  return { inputIds: tokenizer.padded(tokens.map(({ id }) => id)), weights };
}

/**
 * What the text encoders make of a chunk, with its weights: each position times its weight, and the whole of each
 * encoder brought back to the mean that it had (AUTOMATIC1111: `modules/sd_emphasis.py`, `EmphasisOriginal`).
 *
 * @param states - `[positions, width]`, row-major
 * @param weights - of each position for the first encoder, then for the second
 * @returns the same array if all weights are 1
 * @throws KeepsakeError for weights that leave no numbers
 */
export function weighted(
  states: Float32Array,
  weights: readonly number[],
  { width, widths }: Pick<TextConditioning, "width" | "widths">,
): Float32Array {
  if (weights.every((weight) => weight === 1)) return states;
  const result = new Float32Array(states.length);
  const positions = weights.length / widths.length;
  let column = 0;
  for (const [encoder, own] of widths.entries()) {
    const [from, to] = [column, column + own];
    const ownWeights = weights.slice(encoder * positions, (encoder + 1) * positions);
    let [before, after] = [0, 0];
    for (const [row, weight] of ownWeights.entries()) {
      for (let i = row * width + from; i < row * width + to; i++) {
        before += states[i];
        after += states[i] * weight;
      }
    }
    for (const [row, weight] of ownWeights.entries()) {
      const factor = weight * (before / after);
      for (let i = row * width + from; i < row * width + to; i++) result[i] = states[i] * factor;
    }
    column = to;
  }
  if (!result.every(Number.isFinite)) {
    const fault = "With these weights nothing is left of the prompt that could be drawn";
    throw new KeepsakeError("usage", `${fault}; use weights from 0.5 to 1.5, such as (word:1.2).`);
  }
  return result;
}
