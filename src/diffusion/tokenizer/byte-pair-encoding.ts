/**
 * @file Byte-pair encoding (Sennrich et al. 2016) of single words, with the end-of-word mark of CLIP; in O(n log n), so
 * that a long word costs no more than a long text. Source: openai/CLIP: clip/simple_tokenizer.py;
 * huggingface/tokenizers: models/bpe/word.rs.
 */
import { KeepsakeError } from "../../errors.ts";

/** Marks the last symbol of a word in the vocabulary. */
export const END_OF_WORD = "</w>";

/** What becomes of two adjacent symbols. */
interface Merge {
  /** Lower ranks merge first. */
  readonly rank: number;
  readonly id: number;
}

/** A vocabulary of byte sequences and the order in which they are put together. */
export class BytePairEncoding {
  readonly #stride: number;
  /** By `left id * stride + right id`. */
  readonly #merges = new Map<number, Merge>();
  /** Ids of the 256 bytes, inside of and at the end of a word. */
  readonly #byteIds: readonly number[];
  readonly #lastByteIds: readonly number[];

  /**
   * @param vocabulary Id of every symbol.
   * @param merges The lines of merges.txt, `left right`, first merge first.
   * @param vocabularyPath For messages, as `mergesPath`.
   * @throws KeepsakeError if the vocabulary lacks a byte, or a merge is not of two symbols that together make a third.
   */
  constructor(
    vocabulary: ReadonlyMap<string, number>,
    merges: readonly string[],
    vocabularyPath: string,
    mergesPath: string,
  ) {
    const idOf = (symbol: string): number => {
      const id = vocabulary.get(symbol);
      if (id === undefined)
        throw new KeepsakeError(
          "input",
          `${vocabularyPath}: lacks the byte symbol "${symbol}"; it is not a CLIP vocabulary.`,
        );
      return id;
    };
    this.#byteIds = BYTE_SYMBOLS.map((symbol) => idOf(symbol));
    this.#lastByteIds = BYTE_SYMBOLS.map((symbol) => idOf(symbol + END_OF_WORD));
    this.#stride = Array.from(vocabulary.values()).reduce((a, b) => Math.max(a, b)) + 1;
    for (const [rank, line] of merges.entries()) {
      const [left = "", right = "", ...rest] = line.split(" ");
      const leftId = vocabulary.get(left);
      const rightId = vocabulary.get(right);
      const id = vocabulary.get(left + right);
      if (leftId === undefined || rightId === undefined || id === undefined || rest.length > 0) {
        throw new KeepsakeError(
          "input",
          `${mergesPath}: merge ${rank + 1} ("${line.slice(0, 40)}") is not of two symbols of the vocabulary that together make a third; is the file cut off or of another model?`,
        );
      }
      this.#merges.set(leftId * this.#stride + rightId, { rank, id });
    }
  }

  /** The ids of one word (not empty), as UTF-8. */
  encode(word: string): number[] {
    const bytes = new TextEncoder().encode(word);
    const last = bytes.length - 1;
    const ids = Array.from(bytes, (byte, i) => (i === last ? this.#lastByteIds[byte] : this.#byteIds[byte]));
    return this.#mergeAll(ids);
  }

  /**
   * Again and again merges the adjacent pair of the lowest rank, the leftmost of several, until no pair is in the list.
   */
  #mergeAll(ids: number[]): number[] {
    const end = ids.length;
    // A linked list of the positions still in use.
    const next = Int32Array.from(ids, (_, i) => i + 1);
    const previous = Int32Array.from(ids, (_, i) => i - 1);
    const queue = new MinHeap();
    const mergeAt = (position: number): Merge | undefined => {
      const following = next[position];
      return following < end ? this.#merges.get(ids[position] * this.#stride + ids[following]) : undefined;
    };
    const enqueue = (position: number): void => {
      const merge = mergeAt(position);
      if (merge !== undefined) queue.push(merge.rank * end + position);
    };
    for (let position = 0; position < end; position++) enqueue(position);

    for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
      const position = key % end;
      const merge = ids[position] === MERGED_AWAY ? undefined : mergeAt(position);
      // An entry is out of date when a neighbour was merged after it was made.
      if (merge === undefined || merge.rank * end + position !== key) continue;
      const removed = next[position];
      const following = next[removed];
      ids[position] = merge.id;
      ids[removed] = MERGED_AWAY;
      next[position] = following;
      if (following < end) previous[following] = position;
      enqueue(position);
      const before = previous[position];
      if (before >= 0) enqueue(before);
    }
    return ids.filter((id) => id !== MERGED_AWAY);
  }
}

const MERGED_AWAY = -1;

/** The printable characters that stand for the 256 bytes in vocab.json and merges.txt (GPT-2's bytes_to_unicode). */
export const BYTE_SYMBOLS: readonly string[] = byteSymbols();

function byteSymbols(): string[] {
  const isPrintable = (byte: number): boolean => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  let substitutes = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : 256 + substitutes++));
}

/** A priority queue of numbers, smallest first. */
class MinHeap {
  readonly #keys: number[] = [];

  push(key: number): void {
    let i = this.#keys.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const parentKey = this.#keys[parent];
      if (parentKey <= key) break;
      this.#keys[i] = parentKey;
      i = parent;
    }
    this.#keys[i] = key;
  }

  pop(): number | undefined {
    const top = this.#keys[0];
    const key = this.#keys.pop();
    const size = this.#keys.length;
    if (key === undefined || size === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child + 1 < size && this.#keys[child + 1] < this.#keys[child]) child++;
      const childKey = this.#keys[child];
      if (childKey === undefined || childKey >= key) break;
      this.#keys[i] = childKey;
      i = child;
    }
    this.#keys[i] = key;
    return top;
  }
}
