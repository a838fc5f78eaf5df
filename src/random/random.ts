/**
 * @file Random numbers by address: the same seed and address always give the same numbers, whatever was drawn before,
 * in any process. A training run that resumes at step k draws what it would have drawn had it never stopped.
 */
import { createHash } from "node:crypto";
import { boxMuller } from "./normal.ts";
import { philox4x32 } from "./philox.ts";

/** Part of what is hashed: another number here would change every number that Keepsake draws. */
const streamVersion = "keepsake-random-1";

/**
 * One stream of random numbers, named by a seed and an address such as `("mochi", "noise", 17)`.
 *
 * The stream is Philox4x32-10. SHA-256 of the UTF-8 text
 * `JSON.stringify(["keepsake-random-1", String(seed), ...address])` names it: bytes 0-7 are the key and bytes 8-15 the
 * upper half of the counter, as little-endian 32-bit words; the lower half counts the blocks drawn. Every call starts
 * at a new block of four words, so the numbers depend on the calls before only through how many blocks those took.
 */
export class RandomStream {
  readonly #key = new Uint32Array(2);
  readonly #counter = new Uint32Array(4);
  readonly #block = new Uint32Array(4);

  /**
   * @param seed Any integer; `7` and `7n` are the same seed.
   * @param address What the numbers are for. Parts are told apart by position and by type: `1` is not `"1"`.
   * @throws RangeError if the seed is not a safe integer, or a part of the address is not finite.
   */
  constructor(seed: number | bigint, ...address: (string | number)[]) {
    if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
      throw new RangeError(`A seed is an integer of at most 2^53 - 1, or a bigint; ${seed} is not.`);
    }
    for (const part of address) {
      if (typeof part === "number" && !Number.isFinite(part)) {
        throw new RangeError(`The address of a random stream holds ${part}.`);
      }
    }
    const digest = createHash("sha256")
      .update(JSON.stringify([streamVersion, BigInt(seed).toString(), ...address]))
      .digest();
    this.#key.set([digest.readUInt32LE(0), digest.readUInt32LE(4)]);
    this.#counter.set([0, 0, digest.readUInt32LE(8), digest.readUInt32LE(12)]);
  }

  /** The next block of four words, which stays valid until the next call. */
  #next(): Uint32Array {
    const counter = this.#counter;
    philox4x32(counter, this.#key, this.#block);
    const low = (counter[0] + 1) >>> 0;
    counter[0] = low;
    if (low === 0) counter[1] = counter[1] + 1;
    return this.#block;
  }

  /**
   * Numbers of the uniform distribution on [0, 1): multiples of 2^-24, every one exact in float32.
   * @returns `[count]`
   */
  uniform(count: number): Float32Array {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i += 4) {
      const block = this.#next();
      // Writes past the end of a typed array are ignored.
      for (let j = 0; j < 4; j += 1) out[i + j] = (block[j] >>> 8) * 2 ** -24;
    }
    return out;
  }

  /**
   * Numbers of the standard normal distribution: Box-Muller in float64, rounded to float32; at most 6.76 from zero.
   * @returns `[count]`
   */
  normal(count: number): Float32Array {
    const out = new Float32Array(count);
    const four = new Float64Array(4);
    for (let i = 0; i < count; i += 4) {
      const block = this.#next();
      boxMuller(block[0], block[1], four, 0);
      boxMuller(block[2], block[3], four, 2);
      for (let j = 0; j < 4; j += 1) out[i + j] = four[j];
    }
    return out;
  }

  /**
   * Integers from 0 to `below - 1`, each equally likely (words that would favour the small ones are drawn again).
   * @param below From 1 to 2^31.
   * @returns `[count]`
   * @throws RangeError if `below` is out of its range.
   */
  integers(count: number, below: number): Int32Array {
    if (!Number.isInteger(below) || below < 1 || below > 2 ** 31) {
      throw new RangeError(`Random integers need a bound from 1 to 2^31, not ${below}.`);
    }
    const accepted = 2 ** 32 - (2 ** 32 % below);
    const out = new Int32Array(count);
    let filled = 0;
    while (filled < count) {
      for (const word of this.#next()) {
        if (word < accepted && filled < count) {
          out[filled] = word % below;
          filled += 1;
        }
      }
    }
    return out;
  }

  /** One integer from 0 to `below - 1`: see {@link RandomStream.integers}. */
  integer(below: number): number {
    return this.integers(1, below)[0];
  }
}
