import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeWeights, readWeights, withoutWeights } from "../../../src/diffusion/prompt/prompt-weights.ts";

/** A prompt's parts as pairs, as AUTOMATIC1111's documentation of `parse_prompt_attention` writes them. */
const pairs = (prompt: string) => readWeights(prompt).map((part) => part.map(({ text, weight }) => [text, weight]));

describe("the examples of AUTOMATIC1111's parse_prompt_attention", () => {
  it.each<[string, (string | number)[][]]>([
    ["normal text", [["normal text", 1.0]]],
    [
      "an (important) word",
      [
        ["an ", 1.0],
        ["important", 1.1],
        [" word", 1.0],
      ],
    ],
    ["(unbalanced", [["unbalanced", 1.1]]],
    [String.raw`\(literal\]`, [["(literal]", 1.0]]],
    ["(unnecessary)(parens)", [["unnecessaryparens", 1.1]]],
    [
      "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
      [
        ["a ", 1.0],
        ["house", 1.5730000000000004],
        [" ", 1.1],
        ["on", 1.0],
        [" a ", 1.1],
        ["hill", 0.55],
        [", sun, ", 1.1],
        ["sky", 1.4641000000000006],
        [".", 1.1],
      ],
    ],
  ])("%s", (prompt, expected) => {
    expect(pairs(prompt)).toEqual([expected]);
  });
});

describe("weights", () => {
  it.each<[string, (string | number)[][]]>([
    ["", [["", 1]]],
    ["()", [["", 1]]],
    ["[dim]", [["dim", 1 / 1.1]]],
    ["(a: +.5 )", [["a", 0.5]]],
    ["(a:-1)", [["a", -1]]],
    [
      "(a:0) b",
      [
        ["a", 0],
        [" b", 1],
      ],
    ],
    ["closed) too] often:1.5)", [["closed) too] often:1.5)", 1]]],
    ["16:9, a:b", [["16:9, a:b", 1]]],
    [
      "(a:1.2.3) b",
      [
        ["a:1.2.3", 1.1],
        [" b", 1],
      ],
    ],
    ["[a:1.2)", [["a:1.2)", 1 / 1.1]]],
    [String.raw`C:\x \\ \:`, [["C:x \\ :", 1]]],
    ["(<mochi>:1.3)", [["<mochi>", 1.3]]],
    ["two\nlines", [["two\nlines", 1]]],
  ])("of %j", (prompt, expected) => {
    expect(pairs(prompt)).toEqual([expected]);
  });

  it("begin anew after BREAK, in capitals and as a word of its own, also within brackets", () => {
    expect(pairs("a cat  BREAK\n a dog")).toEqual([[["a cat", 1]], [["a dog", 1]]]);
    expect(pairs("(a BREAK b) c")).toEqual([
      [["a", 1.1]],
      [
        ["b", 1.1],
        [" c", 1],
      ],
    ]);
    expect(pairs("BREAK BREAK x BREAK")).toEqual([[["", 1]], [["", 1]], [["x", 1]], [["", 1]]]);
    expect(pairs("BREAKFAST, a break, ÖBREAK")).toEqual([[["BREAKFAST, a break, ÖBREAK", 1]]]);
  });

  it("are left out of the words that are drawn", () => {
    expect(withoutWeights("a ((red:1.2) [cat]) BREAK \\(dog\\)")).toBe("a red cat (dog)");
    expect(withoutWeights("([])")).toBe("");
  });
});

describe("any text", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc
      .array(fc.constantFrom("(", ")", "[", "]", "\\", ":", "1.2", ".", " ", "BREAK", "<a>", "word", "\n"))
      .map((parts) => {
        return parts.join("");
      }),
  );

  it("means itself once it is escaped", () => {
    fc.assert(
      fc.property(text, (any) => {
        expect(pairs(escapeWeights(any))).toEqual([
          [[any.replace(/(?<![\p{L}\p{N}_])BREAK(?![\p{L}\p{N}_])/gu, "break"), 1]],
        ]);
      }),
    );
  });

  it("is read, whatever its brackets: every weight is a number, neighbours differ, and no word is lost", () => {
    fc.assert(
      fc.property(text, (any) => {
        const parts = readWeights(any);
        expect(parts.length).toBeGreaterThan(0);
        for (const part of parts) {
          for (const [i, { weight }] of part.entries()) {
            expect(weight).not.toBeNaN();
            expect(part[i + 1]?.weight).not.toBe(weight);
          }
        }
        const words = (all: string) => all.match(/word|<a>/g) ?? [];
        expect(
          words(
            parts
              .flat()
              .map((run) => run.text)
              .join(""),
          ),
        ).toEqual(words(any));
      }),
    );
  });

  it.each(["(", "[a", "(a:1.1)", ":1", " ", "BREAK ", "\\", "(((a"])("of many %j is read to its end", (part) => {
    // What takes exponential time would not come to an end here.
    const runs = readWeights(part.repeat(20_000 / part.length));
    expect(runs.flat().reduce((length, run) => length + run.text.length, 0)).toBeLessThanOrEqual(20_000);
  });
});
