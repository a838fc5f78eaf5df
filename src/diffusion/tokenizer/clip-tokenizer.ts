/**
 * @file The tokenizer of CLIP and Stable Diffusion, from the `tokenizer/` folder of a diffusers model: text to ids as
 * Hugging Face's CLIPTokenizer does it, and placeholder tokens for learned embeddings. Source: transformers:
 * models/clip/tokenization_clip.py; diffusers: loaders/textual_inversion.py (_maybe_convert_prompt).
 */
import { KeepsakeError } from "../../errors.ts";
import type { BytePairEncoding } from "./byte-pair-encoding.ts";
import { readTokenizerFolder, type TokenizerFolder } from "./tokenizer-folder.ts";

/**
 * Splits normalized text into words: contractions, runs of letters, single digits, runs of anything else but spaces.
 */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

/** A prompt as the text encoder takes it. */
export interface EncodedPrompt {
  /** Start token, text, end token, padding; `[modelMaxLength]` if padded. */
  readonly inputIds: Int32Array;
  /** Number of ids with start and end token, before truncation and padding. */
  readonly length: number;
  /** Whether the end of the prompt was cut off because `length` is above modelMaxLength. */
  readonly truncated: boolean;
}

/** Text to ids. */
export class ClipTokenizer {
  /** Number of ids that the text encoder takes, 77 for CLIP. */
  readonly modelMaxLength: number;
  readonly bosTokenId: number;
  readonly eosTokenId: number;
  readonly padTokenId: number;
  readonly #encoding: BytePairEncoding;
  readonly #vocabulary: ReadonlyMap<string, number>;
  /**
   * Ids of every token that is found in the text as a whole, before words are split: special and placeholder tokens,
   * normalized.
   */
  readonly #wholeTokens: Map<string, readonly number[]>;
  /** Finds any of the whole tokens. */
  #wholeTokenPattern: RegExp;
  #vocabSize: number;

  constructor(folder: TokenizerFolder) {
    this.modelMaxLength = folder.modelMaxLength;
    this.bosTokenId = folder.bosTokenId;
    this.eosTokenId = folder.eosTokenId;
    this.padTokenId = folder.padTokenId;
    this.#encoding = folder.encoding;
    this.#vocabulary = folder.vocabulary;
    this.#vocabSize = folder.vocabSize;
    this.#wholeTokens = new Map(Array.from(folder.wholeTokens, ([token, id]) => [normalize(token), [id]]));
    this.#wholeTokenPattern = anyOf(this.#wholeTokens.keys());
  }

  /**
   * Reads vocab.json, merges.txt and, where they exist, special_tokens_map.json, tokenizer_config.json and
   * added_tokens.json.
   * @throws KeepsakeError naming the file that is missing or malformed.
   */
  static async load(folder: string): Promise<ClipTokenizer> {
    return new ClipTokenizer(await readTokenizerFolder(folder));
  }

  /** Number of ids, added tokens included; the token embedding needs as many rows. */
  get vocabSize(): number {
    return this.#vocabSize;
  }

  /**
   * Adds a placeholder token for learned embeddings; wherever `token` stands in a prompt (in upper or lower case), it
   * becomes all of its ids. With several vectors the further ids can also be written one by one, as `token_1`,
   * `token_2`, ..., as in diffusers.
   * @param token For example `<dog>`.
   * @param vectors Number of embeddings, at least 1.
   * @returns The new ids, which follow those of the vocabulary and of earlier calls.
   * @throws KeepsakeError if the token exists already, is empty or contains spaces.
   */
  addTokens(token: string, vectors = 1): readonly number[] {
    if (!Number.isInteger(vectors) || vectors < 1) throw new RangeError(`${vectors} vectors for ${token}`);
    if (token === "" || /\p{White_Space}/u.test(token)) {
      throw new KeepsakeError(
        "usage",
        `token "${token}": a token has to be one word without spaces, for example <my-dog>.`,
      );
    }
    const names = Array.from({ length: vectors }, (_, i) => (i === 0 ? token : `${token}_${i}`));
    for (const name of names) {
      if (this.#vocabulary.has(name) || this.#wholeTokens.has(normalize(name))) {
        throw new KeepsakeError(
          "state",
          `token "${name}" exists already: choose another name, for example <${token.replace(/[<>]/g, "")}-2>.`,
        );
      }
    }
    const ids = names.map((_, i) => this.#vocabSize + i);
    for (const [i, name] of names.entries())
      this.#wholeTokens.set(normalize(name), i === 0 ? ids : [this.#vocabSize + i]);
    this.#vocabSize += vectors;
    this.#wholeTokenPattern = anyOf(this.#wholeTokens.keys());
    return ids;
  }

  /** The ids of a text, without start and end token, however many. */
  tokenIds(text: string): number[] {
    return this.tokenGroups(text).flat();
  }

  /** As {@link ClipTokenizer.tokenIds}, in groups that belong together: all ids of a placeholder token, else one. */
  tokenGroups(text: string): (readonly number[])[] {
    const normalized = normalize(text);
    const groups: (readonly number[])[] = [];
    let position = 0;
    for (const match of normalized.matchAll(this.#wholeTokenPattern)) {
      this.#encodeWords(normalized.slice(position, match.index), groups);
      groups.push(this.#wholeTokens.get(match[0]) ?? []);
      position = match.index + match[0].length;
    }
    this.#encodeWords(normalized.slice(position), groups);
    return groups;
  }

  /** Ids between start and end token, padded to modelMaxLength. @param textIds - at most modelMaxLength - 2 */
  padded(textIds: readonly number[]): Int32Array {
    const inputIds = new Int32Array(this.modelMaxLength).fill(this.padTokenId);
    inputIds.set([this.bosTokenId, ...textIds, this.eosTokenId]);
    return inputIds;
  }

  /**
   * The ids of a prompt for the text encoder.
   * @param options `padding` to modelMaxLength (default true); `truncation` to modelMaxLength (default true).
   * @throws KeepsakeError if the prompt is too long and `truncation` is false.
   */
  encode(text: string, options: { readonly padding?: boolean; readonly truncation?: boolean } = {}): EncodedPrompt {
    const { padding = true, truncation = true } = options;
    const textIds = this.tokenIds(text);
    const length = textIds.length + 2;
    const truncated = length > this.modelMaxLength;
    if (truncated && !truncation) {
      throw new KeepsakeError(
        "input",
        `the prompt has ${length} tokens, ${this.modelMaxLength} are possible: shorten it ("${text.slice(0, 40)}...").`,
      );
    }
    const kept = textIds.slice(0, this.modelMaxLength - 2);
    const inputIds = padding ? this.padded(kept) : Int32Array.of(this.bosTokenId, ...kept, this.eosTokenId);
    return { inputIds, length, truncated };
  }

  #encodeWords(text: string, groups: (readonly number[])[]): void {
    for (const [word] of text.matchAll(WORDS)) for (const id of this.#encoding.encode(word)) groups.push([id]);
  }
}

/**
 * Unicode NFC, one space for any white space, lower case. Lower case goes character by character, as in Rust, since
 * JavaScript's own for a whole string knows the Greek final sigma.
 */
function normalize(text: string): string {
  const spaced = text.normalize("NFC").replace(/\p{White_Space}+/gu, " ");
  return Array.from(spaced, (character) => character.toLowerCase()).join("");
}

/** A pattern for any of the strings, the longest first where one begins with another. */
function anyOf(strings: Iterable<string>): RegExp {
  const alternatives = Array.from(strings).sort((a, b) => b.length - a.length);
  return new RegExp(alternatives.map((string) => string.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "gu");
}
