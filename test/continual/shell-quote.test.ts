import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { shellQuote } from "../../src/continual/shell-quote.ts";

describe("shellQuote", () => {
  it("leaves plain words alone", () => {
    for (const word of ["mug", "./my-library", "/a/b.c:d=e", "1e-4"]) expect(shellQuote(word)).toBe(word);
  });

  it("gives a word that a shell reads back unchanged", () => {
    const words = [
      "",
      "two words",
      "a$(touch x)",
      "`id`",
      "it's",
      "~",
      "*",
      'say "hi"',
      "a\\b",
      "!!",
      "ü",
      "a\nb",
      "#a",
    ];
    const printed = execFileSync("bash", ["-c", `printf '%s\\0' ${words.map(shellQuote).join(" ")}`]);
    expect(printed.toString().split("\0").slice(0, -1)).toEqual(words);
  });
});
