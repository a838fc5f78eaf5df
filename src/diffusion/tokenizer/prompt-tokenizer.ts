/**
 * @file The tokenizers of a model's text encoders as one: SDXL has two, which know the same words and pad prompts
 * differently.
 */
import { ClipTokenizer, type EncodedPrompt } from "./clip-tokenizer.ts";
import type { TokenizerFolder } from "./tokenizer-folder.ts";

/** Text to ids for all text encoders of a model. */
export class PromptTokenizer {
  /** Of each encoder. */
  readonly tokenizers: readonly ClipTokenizer[];

  constructor(folders: readonly TokenizerFolder[]) {
    this.tokenizers = folders.map((folder) => new ClipTokenizer(folder));
  }

  /** Number of ids that a text encoder takes. */
  get modelMaxLength(): number {
    return this.tokenizers[0].modelMaxLength;
  }

  /** Number of ids, added tokens included. */
  get vocabSize(): number {
    return this.tokenizers[0].vocabSize;
  }

  /** As {@link ClipTokenizer.addTokens}, to every tokenizer. */
  addTokens(token: string, vectors = 1): readonly number[] {
    const [ids] = this.tokenizers.map((tokenizer) => tokenizer.addTokens(token, vectors));
    return ids;
  }

  /** The ids of a text, without start and end token, however many. */
  tokenIds(text: string): number[] {
    return this.tokenizers[0].tokenIds(text);
  }

  /** The padded ids of a prompt for the first text encoder, then for the second, in one array. */
  encode(text: string): EncodedPrompt {
    const [first, ...others] = this.tokenizers.map((tokenizer) => tokenizer.encode(text));
    if (others.length === 0) return first;
    const inputIds = [first, ...others].flatMap((encoded) => [...encoded.inputIds]);
    return { ...first, inputIds: Int32Array.from(inputIds) };
  }
}
