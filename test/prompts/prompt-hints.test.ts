import { describe, expect, it } from "vitest";
import { promptHints } from "../../src/prompts/prompt-hints.ts";

const names = ["mochi", "mug", "my-boat"];
const known = { names, tokens: names.map((name) => `<${name}>`), library: "lib" };
const hints = (prompt: string, negative = "") => promptHints(prompt, negative, known);

describe("a concept that is meant and not written", () => {
  it.each([
    ["mochi on the beach", "mochi"],
    ["a photo of Mochi's nose", "mochi"],
    ["<mug> next to mochi>", "mochi"],
    ["(mug) in the snow", "mug"],
    ["my boat at sea", "my-boat"],
    ["my_boat at sea", "my-boat"],
    ["< mug > on a table", "mug"],
    ["<mug >", "mug"],
    ["＜mug＞", "mug"],
    ["‹mug›", "mug"],
    ["«mochi»", "mochi"],
    ["⟨mochi⟩", "mochi"],
    ["〈mochi〉", "mochi"],
    ["&lt;mochi&gt;", "mochi"],
    ["<mo\u200bchi>", "mochi"],
    ["<mochi:1.2>", "mochi"],
    ["ｍｕｇ", "mug"],
    ["<lora:mug:0.7> a cat", "mug"],
    ["<lyco:mochi>", "mochi"],
  ])("%s: one line says to write <%s>", (prompt, name) => {
    expect(hints(prompt)).toEqual([expect.stringContaining(`write <${name}>`)]);
    expect(hints("a cat", prompt)).toEqual([expect.stringMatching(new RegExp(`^Negative prompt: .*write <${name}>`))]);
  });

  it.each([
    "<mochi> by <mug>",
    "<Mochi>",
    "a <MUG>s",
    "a mug and <mug>",
    "muggy weather, mochipot",
    "a cat, 16:9 (wide)",
    "\\<mochi\\>",
    "(<mochi>:1.2) by ((a [mug])), \\(<mug>\\)",
    "[<mug>] at 16:9",
  ])("%s: nothing is to be said", (prompt) => {
    expect(hints(prompt)).toEqual([]);
  });

  it("is not missed where the other prompt has it", () => {
    expect(hints("<mug> on a table", "mug")).toEqual([]);
  });
});

describe("notations of other programs", () => {
  it.each([
    ["{a cat}", "{a cat}"],
    ["(a cat)++", "cat)++"],
    ["<mug>:1.5", "<mug>:1.5"],
    ["(a cat:1,5)", "(a cat:1,5)"],
  ])("%s: is no weight, and one line says how to write one", (prompt, shown) => {
    expect(hints(prompt)).toEqual([`"${shown}" is not read as a weight; write (word:1.2).`]);
  });

  it.each(["[a cat:a dog:0.5]", "[a cat|a dog]", "[a cat:5]"])(
    "%s: the prompt does not change on the way",
    (prompt) => {
      expect(hints(prompt)).toEqual([expect.stringContaining(`"${prompt}" does not change the prompt on the way`)]);
    },
  );

  it("names a LoRA tag of which the library knows nothing, and what it knows", () => {
    expect(hints("<lora:epic style:1> a cat")).toEqual([
      '"<lora:epic style:1>" is not read: only concepts of the library can be drawn (<mochi>, <mug>, <my-boat>); leave it out.',
    ]);
  });
});

describe("a long prompt", () => {
  it.each(["(", "<", "[", "a", "<m", "e\u0301", "<lora", "(:1", "((a", "x>", ":", "|", "\\"])(
    "of %s is looked at in time",
    (part) => {
      const begin = performance.now();
      hints(part.repeat(40_000));
      expect(performance.now() - begin).toBeLessThan(3000);
    },
  );
});

describe("two prompts at once", () => {
  it.each(["a cat AND a dog", "<mochi> AND <mug>", "a cat AND a dog BREAK AND"])(
    "%s: one line says how it is read",
    (prompt) => {
      expect(hints(prompt)).toEqual([
        `"AND" is read as the word "and", and does not begin a second prompt, as in other programs.`,
      ]);
    },
  );

  it.each(["a cat and a dog", "A CAT AND A DOG", "the ANDES", "a cat BREAK a dog"])(
    "%s: nothing is to be said",
    (prompt) => {
      expect(hints(prompt)).toEqual([]);
    },
  );
});

describe("an unknown token", () => {
  it("is named, with those that may be meant, in both prompts", () => {
    expect(hints("<mohci>", "<кот>")).toEqual([
      "The library lib does not know <mohci>, so it is read as ordinary words; did you mean <mochi>?",
      "Negative prompt: The library lib does not know <кот>, so it is read as ordinary words.",
    ]);
  });

  it("without a library", () => {
    const nothing = { names: [], tokens: [], library: undefined };
    expect(promptHints("<rex>", "", nothing)).toEqual([
      "There is no library that knows <rex>, so it is read as ordinary words.",
    ]);
  });
});
