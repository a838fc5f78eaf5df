import { describe, expect, it } from "vitest";
import { toJson } from "../../src/cli/output.ts";

describe("what is printed with --json", () => {
  it("holds large seeds as numbers, and every text as a text, whatever a file says", () => {
    const seed = 2n ** 64n - 1n;
    const texts = ["\u00005", "5", "\u0000", "mark5", "\u001b[2J", '"5"'];
    expect(toJson({ seed })).toContain('"seed": 18446744073709551615');
    expect(JSON.parse(toJson({ seed: 5n, texts }))).toEqual({ seed: 5, texts });
  });
});
