import { describe, expect, it } from "vitest";
import { classNounWarning, readKnownWords, unknownWordsWarning } from "../../src/prompts/known-words.ts";
import { BUILT_IN, builtInNouns } from "../../src/library/model/model-profile.ts";
import { BUILT_IN_MODEL, checkpointFolder } from "../../src/library/model/model-folder.ts";
import { MODEL } from "../keepsake/support.ts";

const known = (await readKnownWords(checkpointFolder(BUILT_IN_MODEL))) ?? { nouns: [], words: [] };

describe("the words of a model", () => {
  it("lie beside the built-in model; another model has no list", async () => {
    // What its card says it has learned, in words of its captions.
    expect([known.nouns.length, known.words.length]).toEqual([36, 165]);
    expect(known.nouns.filter((noun) => !noun.split(" ").every((word) => known.words.includes(word)))).toEqual([]);
    expect(known.words).toEqual([...new Set(known.words)].sort());
    expect(builtInNouns()).toContain("teapot");
    expect(builtInNouns()).not.toContain("scooter");
    expect(await readKnownWords(MODEL)).toBeUndefined();
  });

  it("hold all that the classifier takes for things that the built-in model can draw", () => {
    expect(BUILT_IN.ordinaryThings.filter((noun) => !builtInNouns().includes(noun))).toEqual([]);
    expect(new Set(BUILT_IN.ordinaryThings).size).toBe(BUILT_IN.ordinaryThings.length);
  });

  it.each([
    "a small red cat on the left, on a blue background",
    "two foxes next to a <zorro>, in the snow",
    "A close-up photo of the dog's hat!",
    "<rex> and rex, 2 balls",
  ])("%s: all are known", (prompt) => {
    expect(unknownWordsWarning(prompt, known, ["rex"])).toBeUndefined();
  });

  it("are told from those that it does not know", () => {
    expect(unknownWordsWarning("a gondola in Venice", known)).toMatch(
      /^The model does not know "gondola", "venice", .* it knows cat, .* and others \("keepsake generate --help" lists them\)\.$/,
    );
    expect(unknownWordsWarning("a teapoot", known)).toMatch(/"teapoot".* it knows teapot\.$/);
    expect(unknownWordsWarning("a b c d e f g h", known)).toMatch(/"f" and 2 more/);
    expect(unknownWordsWarning("a scooter", known)).toContain('"scooter"');
  });
});

describe("a class noun", () => {
  it.each(["cat", " Ice Cream ", "foxes", "cats"])("%s is a thing that the model knows", (noun) => {
    expect(classNounWarning(noun, known)).toBeUndefined();
  });

  it("that the model does not know is named, with those that may be meant", () => {
    expect(classNounWarning("coffee mug", known)).toMatch(/does not know "coffee mug".* it knows mug\.$/);
    expect(classNounWarning("Eiffel tower", known)).toContain('does not know "Eiffel tower"');
    expect(classNounWarning("red", known)).toContain('does not know "red"');
  });
});
