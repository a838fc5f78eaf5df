import { describe, expect, it } from "vitest";
import { prepareTokens } from "../../src/learning/new-tokens.ts";
import { fillTemplate, PROMPT_TEMPLATES, withCaption } from "../../src/prompts/prompt-templates.ts";
import { StableDiffusionPipeline } from "../../src/diffusion/pipeline.ts";
import { MODEL } from "../keepsake/support.ts";

const pipeline = await StableDiffusionPipeline.load(MODEL);
const ids = (text: string) => pipeline.newTokenizer().tokenIds(text).length;

const tokensOf = (vectors: number) =>
  prepareTokens(pipeline, [], [{ name: "mochi", classNoun: "small cat", vectors }], { tokenStart: "class-noun" }, 0);

describe("fitCaption", () => {
  it("leaves a caption alone that fits", async () => {
    const { fitCaption } = await tokensOf(1);
    const tokens = ids("on the beach, at night");
    expect(fitCaption("on the beach, at night")).toEqual({ text: "on the beach, at night", tokens, used: tokens });
  });

  it.each([1, 4, 40])("cuts a long one after as many words as every sentence holds; %i vectors", async (vectors) => {
    const { fitCaption } = await tokensOf(vectors);
    const caption = "looking at viewer, outdoors, blue sky, ".repeat(20).trim();
    const { text, tokens, used } = fitCaption(caption);
    expect([tokens, used]).toEqual([ids(caption), ids(text)]);
    expect(caption.startsWith(`${text} `)).toBe(true);

    const tokenizer = pipeline.newTokenizer();
    tokenizer.addTokens("<mochi>", vectors);
    const isCutWith = (words: string) =>
      ["<mochi>", "small cat"].some((subject) =>
        PROMPT_TEMPLATES.some((template) => {
          return tokenizer.encode(withCaption(fillTemplate(template, subject), words)).truncated;
        }),
      );
    expect(isCutWith(text)).toBe(false);
    const end = caption.indexOf(" ", text.length + 1);
    expect(isCutWith(caption.slice(0, end))).toBe(true);
  });

  it("cuts a caption without spaces between characters, and never in the middle of one", async () => {
    const { fitCaption } = await tokensOf(1);
    const caption = "猫が🐈いる".repeat(40);
    const { text, used, tokens } = fitCaption(caption);
    expect(caption.startsWith(text)).toBe(true);
    expect(Buffer.from(text).toString()).toBe(text);
    expect(used).toBeGreaterThan(50);
    expect(used).toBeLessThan(tokens);
  });
});

describe("a sentence", () => {
  it("takes token and caption literally, whatever characters they hold", () => {
    expect(fillTemplate("a photo of a {}", "$& cat")).toBe("a photo of a $& cat");
    expect(withCaption(fillTemplate("a photo of a {}", "<mochi>"), "in {}")).toBe("a photo of a <mochi> in {}");
  });
});
