/** @file Choices from a random stream: one after another, so that what a scene does not need costs nothing. */
import { RandomStream } from "../../src/random/random.ts";

const blockSize = 32;

export class Dice {
  readonly #stream: RandomStream;
  #numbers: Float32Array;
  #next = 0;

  /** The same seed and address always throw the same. */
  constructor(seed: number | bigint, ...address: (string | number)[]) {
    this.#stream = new RandomStream(seed, ...address);
    this.#numbers = this.#stream.uniform(blockSize);
  }

  /** From 0 to below 1. */
  unit(): number {
    if (this.#next === blockSize) {
      this.#numbers = this.#stream.uniform(blockSize);
      this.#next = 0;
    }
    const number = this.#numbers[this.#next];
    this.#next += 1;
    return number;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  integer(below: number): number {
    return Math.floor(this.unit() * below);
  }

  /** @throws RangeError if there is nothing to choose from. */
  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new RangeError("There is nothing to pick from.");
    return choices[this.integer(choices.length)];
  }

  /** One of the keys, as likely as its weight says. */
  weighted<K extends string>(weights: Readonly<Partial<Record<K, number>>>): K {
    const entries = (Object.entries(weights) as [K, number][]).filter(([, weight]) => weight > 0);
    const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
    if (entries.length === 0) throw new RangeError("All weights are zero.");
    let rest = this.unit() * total;
    for (const [key, weight] of entries) {
      rest -= weight;
      if (rest < 0) return key;
    }
    return entries[entries.length - 1][0];
  }

  /** Different items, in random order. */
  sampleOf<T>(items: readonly T[], count: number): T[] {
    const pool = [...items];
    for (let i = 0; i < Math.min(count, pool.length); i += 1) {
      const j = i + this.integer(pool.length - i);
      [pool[i], pool[j]] = [pool[j], pool[i]];
    }
    return pool.slice(0, count);
  }
}
