/**
 * @file A byte-pair vocabulary of our own, in the files of a CLIP tokenizer: merges are learned until every word of the
 * world's captions is one token. Any other text still works, in pieces.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BYTE_SYMBOLS } from "../../src/diffusion/tokenizer/byte-pair-encoding.ts";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { MAX_TOKENS } from "./architecture.ts";

const END_OF_WORD = "</w>";
const START_OF_TEXT = "<|startoftext|>";
const END_OF_TEXT = "<|endoftext|>";

/** Learns the merges of a set of words (Sennrich et al. 2016): the most frequent pair first, ties by the alphabet. */
export function learnMerges(words: ReadonlyMap<string, number>): string[] {
  const split = [...words].map(([word, count]) => {
    const symbols = Array.from(word);
    symbols.push(`${symbols.pop() ?? ""}${END_OF_WORD}`);
    return { symbols, count };
  });
  const merges: string[] = [];
  for (;;) {
    const counts = new Map<string, number>();
    for (const { symbols, count } of split) {
      for (let i = 0; i + 1 < symbols.length; i++) {
        const pair = `${symbols[i]} ${symbols[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + count);
      }
    }
    const [best] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    if (best === undefined) return merges;
    const [pair] = best;
    const [left = "", right = ""] = pair.split(" ");
    merges.push(pair);
    for (const entry of split) {
      for (let i = 0; i + 1 < entry.symbols.length; i++) {
        if (entry.symbols[i] === left && entry.symbols[i + 1] === right) entry.symbols.splice(i, 2, left + right);
      }
    }
  }
}

/** Ids as in openai/CLIP: 256 bytes, 256 bytes at the end of a word, the merges, start and end of text. */
export function vocabularyOf(merges: readonly string[]): Record<string, number> {
  // Two merges may make the same symbol.
  const symbols = new Set([
    ...BYTE_SYMBOLS,
    ...BYTE_SYMBOLS.map((symbol) => symbol + END_OF_WORD),
    ...merges.map((pair) => pair.replace(" ", "")),
    START_OF_TEXT,
    END_OF_TEXT,
  ]);
  return Object.fromEntries([...symbols].map((symbol, id) => [symbol, id]));
}

/** Writes a `tokenizer/` folder. @returns the size of the vocabulary. */
export async function writeTokenizer(folder: string, words: ReadonlyMap<string, number>): Promise<number> {
  const merges = learnMerges(words);
  const vocabulary = vocabularyOf(merges);
  const special = { bos_token: START_OF_TEXT, eos_token: END_OF_TEXT, pad_token: END_OF_TEXT, unk_token: END_OF_TEXT };
  const config = {
    ...special,
    do_lower_case: true,
    errors: "replace",
    model_max_length: MAX_TOKENS,
    tokenizer_class: "CLIPTokenizer",
  };
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(join(folder, "vocab.json"), JSON.stringify(vocabulary));
  await writeFileAtomic(join(folder, "merges.txt"), ["#version: 0.2", ...merges, ""].join("\n"));
  await writeFileAtomic(join(folder, "special_tokens_map.json"), JSON.stringify(special, undefined, 2));
  await writeFileAtomic(join(folder, "tokenizer_config.json"), JSON.stringify(config, undefined, 2));
  return Object.keys(vocabulary).length;
}
