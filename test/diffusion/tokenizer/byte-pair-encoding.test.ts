/** @file Byte-pair encoding against its definition, on the vocabulary of the tiny models. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BytePairEncoding } from "../../../src/diffusion/tokenizer/byte-pair-encoding.ts";

const folder = new URL("../../fixtures/models/tiny-sd1/tokenizer/", import.meta.url);
const vocabulary = new Map(
  Object.entries(JSON.parse(readFileSync(new URL("vocab.json", folder), "utf8")) as Record<string, number>),
);
const merges = readFileSync(new URL("merges.txt", folder), "utf8").trim().split("\n").slice(1);
const encoding = new BytePairEncoding(vocabulary, merges, "vocab.json", "merges.txt");

/**
 * The definition: while any adjacent pair is in the list, merge the first of those that come first in the list. For
 * ASCII words.
 */
function encodeByDefinition(word: string): (number | undefined)[] {
  const symbols = Array.from(word);
  symbols.push(`${symbols.pop() ?? ""}</w>`);
  for (;;) {
    const ranks = symbols.slice(1).map((symbol, i) => merges.indexOf(`${symbols[i]} ${symbol}`));
    const best = Math.min(...ranks.filter((rank) => rank >= 0));
    if (best === Infinity) return symbols.map((symbol) => vocabulary.get(symbol));
    const position = ranks.indexOf(best);
    symbols.splice(position, 2, symbols.slice(position, position + 2).join(""));
  }
}

describe("BytePairEncoding", () => {
  it("merges by the definition", () => {
    const letters = fc.string({
      unit: fc.constantFrom("a", "e", "i", "n", "o", "r", "s", "t"),
      minLength: 1,
      maxLength: 30,
    });
    const words = fc.constantFrom("aaaaaaaaa", "thethethe", "ing", "stationing", "a");
    fc.assert(
      fc.property(fc.oneof(letters, words, fc.stringMatching(/^[!-~]{1,20}$/)), (word) => {
        expect(encoding.encode(word)).toEqual(encodeByDefinition(word));
      }),
    );
  });

  it("falls back to bytes for what the vocabulary does not know", () => {
    expect(encoding.encode("猫").length).toBeGreaterThan(0);
    expect(encoding.encode("猫").every((id) => Number.isInteger(id))).toBe(true);
  });

  it("gets through a word of a million letters", () => {
    const ids = encoding.encode("thequickbrownfox".repeat(62_500));
    expect(ids.length).toBeGreaterThan(100_000);
    expect(ids.length).toBeLessThan(1_000_000);
  });
});
