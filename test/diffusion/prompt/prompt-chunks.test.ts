/**
 * @file Prompts of any length, with weights: which tokens are in which chunk, and what becomes of the encoder's output.
 */
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StableDiffusionPipeline } from "../../../src/diffusion/pipeline.ts";
import { PromptEncoder } from "../../../src/diffusion/prompt-encoder.ts";
import { promptChunks, weighted } from "../../../src/diffusion/prompt/prompt-chunks.ts";
import { readJson } from "../../../src/io/json.ts";
import { temporaryFolder } from "../../io/temporary-folder.ts";
import { fixture } from "../support.ts";

const inFolder = temporaryFolder();
const program = { threads: 1 };
const SD1 = fixture("models/tiny-sd1");
const SDXL = fixture("models/tiny-sdxl");
const pipelines = {
  sd1: await StableDiffusionPipeline.load(SD1, program),
  sdxl: await StableDiffusionPipeline.load(SDXL, program),
};
const tokenizer = pipelines.sd1.newTokenizer();
const mochi = tokenizer.addTokens("<mochi>", 4);
const idOf = (word: string) => {
  const [id, ...others] = tokenizer.tokenIds(word);
  expect(others).toEqual([]);
  return id;
};
const [BEGIN, END] = [tokenizer.encode("").inputIds[0], tokenizer.encode("").inputIds[1]];

/** The tokens of each chunk, without start, end and padding. */
const chunksOf = (prompt: string) =>
  promptChunks(tokenizer, prompt).map(({ inputIds }) => [...inputIds].slice(1, inputIds.indexOf(END)));

const times = (count: number, word: string) => `${word} `.repeat(count);
const ids = (count: number, id: number) => new Array<number>(count).fill(id);

describe("chunks", () => {
  const [a, comma] = [idOf("a"), idOf(",")];

  it("hold 75 tokens between a start and an end of their own", () => {
    expect(promptChunks(tokenizer, times(75, "a")).map(({ inputIds }) => [...inputIds])).toEqual([
      [BEGIN, ...ids(75, a), END],
    ]);
    expect(chunksOf(times(76, "a"))).toEqual([ids(75, a), [a]]);
    expect(chunksOf(times(160, "a"))).toEqual([ids(75, a), ids(75, a), ids(10, a)]);
    expect(chunksOf("")).toEqual([[]]);
  });

  it("are those of the tokenizer for a plain prompt, also with two text encoders", () => {
    for (const prompt of ["", "a red cat, 16:9", times(75, "a"), "wow!", "bad hands!! and ! more!?"]) {
      for (const { text } of Object.values(pipelines)) {
        const own = text.newTokenizer();
        const [chunk, ...others] = promptChunks(own, prompt);
        expect(others).toEqual([]);
        expect(chunk.inputIds).toEqual(own.encode(prompt).inputIds);
        expect(new Set(chunk.weights)).toEqual(new Set([1]));
      }
    }
  });

  it("end at a comma that is no more than twenty tokens back", () => {
    expect(chunksOf(`${times(60, "a")}, ${times(20, "a")}`)).toEqual([[...ids(60, a), comma], ids(20, a)]);
    expect(chunksOf(`${times(50, "a")}, ${times(30, "a")}`)).toEqual([
      [...ids(50, a), comma, ...ids(24, a)],
      ids(6, a),
    ]);
    expect(chunksOf(`${times(55, "a")}, ${times(20, "a")}`)).toEqual([[...ids(55, a), comma], ids(20, a)]);
    expect(chunksOf(`${times(54, "a")}, ${times(21, "a")}`)).toEqual([[...ids(54, a), comma, ...ids(20, a)], [a]]);
    // A comma itself goes on.
    expect(chunksOf(`${times(75, "a")}, a`)).toEqual([ids(75, a), [comma, a]]);
  });

  it("end at BREAK", () => {
    expect(chunksOf("a BREAK a a")).toEqual([[a], [a, a]]);
    expect(chunksOf("BREAK a BREAK")).toEqual([[], [a]]);
  });

  it("keep all vectors of a learned token together", () => {
    expect(chunksOf(`${times(73, "a")}<mochi> a`)).toEqual([ids(73, a), [...mochi, a]]);
    expect(chunksOf(`${times(71, "a")}<mochi> a`)).toEqual([[...ids(71, a), ...mochi], [a]]);
    // Those before it that follow a comma come along.
    expect(chunksOf(`${times(70, "a")}, a a a a <mochi>`)).toEqual([
      [...ids(70, a), comma],
      [...ids(4, a), ...mochi],
    ]);
  });

  it("cannot hold a token of more vectors, and are not without number", () => {
    const large = pipelines.sd1.newTokenizer();
    large.addTokens("<large>", 76);
    expect(() => promptChunks(large, "a <large>")).toThrow(
      'A token of the prompt has 76 vectors, and a part of a prompt holds 75 tokens; leave out "a <large>".',
    );
    expect(() => promptChunks(tokenizer, times(1001, "a BREAK"))).toThrow(/more than 1000 parts/);
  });

  it("have the weight of each token, and 1 for all that is not written", () => {
    const [{ inputIds, weights }] = promptChunks(tokenizer, "a (a:1.5) [<mochi>]");
    expect([...inputIds.slice(0, 8)]).toEqual([BEGIN, a, a, ...mochi, END]);
    expect(weights.slice(0, 9)).toEqual([1, 1, 1.5, ...ids(4, 1 / 1.1), 1, 1]);
    expect(weights).toHaveLength(77);
  });
});

describe("weighted embeddings", () => {
  it("are each times its weight, and have the mean that they had", () => {
    // Rows of two encoders, of widths 2 and 1: sums 1 + 2 + 1 + 4 = 8 and 4 + 8 = 12, weighted 1 + 2 + 2 + 8 and 4
    // + 16.
    const states = Float32Array.of(1, 2, 4, 1, 4, 8);
    const result = weighted(states, [1, 2, 1, 2], { width: 3, widths: [2, 1] });
    const [one, two] = [8 / 13, 12 / 20];
    const expected = [1 * one, 2 * one, 4 * two, 2 * one, 8 * one, 16 * two];
    for (const [i, value] of expected.entries()) expect(result[i]).toBeCloseTo(value, 6);
    expect(weighted(states, [1, 1, 1, 1], { width: 3, widths: [2, 1] })).toBe(states);
  });

  it("are refused where nothing is left", () => {
    const states = Float32Array.of(1, 2);
    for (const weight of [0, Infinity]) {
      expect(() => weighted(states, [weight], { width: 2, widths: [2] })).toThrow(/use weights from 0.5 to 1.5/);
    }
  });
});

describe.each(["sd1", "sdxl"] as const)("the text encoders of %s", (name) => {
  const { text } = pipelines[name];
  const encode = async (prompts: (string | undefined)[], clipSkip?: number) => {
    const encoder = new PromptEncoder(text, program);
    const read = encoder.read(prompts, []);
    const encoded = await encoder.encodeRead(read, { clipSkip });
    await encoder.clear();
    return encoded;
  };
  const plainly = async (conditioning: typeof text, ...prompts: string[]) => {
    const encoder = new PromptEncoder(conditioning, program);
    const encoded = await encoder.encode(prompts);
    await encoder.clear();
    return encoded;
  };

  it("give the same bytes as ever for plain prompts", async () => {
    const prompts = ["a red cat", times(75, "a"), ""];
    expect(await Promise.all(prompts.map(async (prompt) => (await encode([prompt]))[0]))).toEqual(
      await plainly(text, ...prompts),
    );
    expect(await encode(["(a red cat:1)"])).toEqual(await plainly(text, "a red cat"));
  });

  it("weigh each token's embedding, and leave the pooled one alone", async () => {
    const [plain] = await plainly(text, "a red cat");
    const [weighed] = await encode(["a (red:1.5) cat"]);
    const [first, ...rest] = text.widths.map((width) => width * text.positions);
    expect([first, ...rest].reduce((sum, size) => sum + size)).toBe(plain.encoderHiddenStates.length);
    // By hand: positions are start, a, red, cat, end.
    const red = 2;
    let column = 0;
    for (const own of text.widths) {
      const at = (row: number, i: number) => plain.encoderHiddenStates[row * text.width + column + i];
      let [mean, after] = [0, 0];
      for (let row = 0; row < text.positions; row++) {
        for (let i = 0; i < own; i++) {
          mean += at(row, i);
          after += row === red ? 1.5 * at(row, i) : at(row, i);
        }
      }
      for (const row of [0, 1, red, 3, 4, 76]) {
        for (let i = 0; i < own; i++) {
          const expected = at(row, i) * (row === red ? 1.5 : 1) * (mean / after);
          const found = weighed.encoderHiddenStates[row * text.width + column + i];
          expect(Math.abs(found - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected)));
        }
      }
      column += own;
    }
    expect(weighed.textEmbeds).toEqual(plain.textEmbeds);
  });

  it("encode chunk after chunk, and fill up the shorter prompt", async () => {
    const [cat, dog, empty] = await plainly(text, "a red cat", "a dog", "");
    const [both, short] = await encode(["a red cat BREAK a dog", "a dog"]);
    expect([...both.encoderHiddenStates]).toEqual([...cat.encoderHiddenStates, ...dog.encoderHiddenStates]);
    expect([...short.encoderHiddenStates]).toEqual([...dog.encoderHiddenStates, ...empty.encoderHiddenStates]);
    expect([both.textEmbeds, short.textEmbeds]).toEqual([cat.textEmbeds, dog.textEmbeds]);
    const [, none] = await encode(["a BREAK a", undefined]);
    expect(none.encoderHiddenStates).toHaveLength(2 * text.positions * text.width);
    expect(none.encoderHiddenStates.every((value) => value === 0)).toBe(name === "sdxl");
  });

  it("stop at an earlier layer with clip skip", async () => {
    const [plain] = await plainly(text, "a red cat");
    expect((await encode(["a red cat"], 1))[0]).toEqual(plain);
    // A model that lacks the last layer is, by what it says of itself, one that stops before it.
    const folder = inFolder(name);
    await cp(name === "sd1" ? SD1 : SDXL, folder, { recursive: true });
    for (const { component } of text.encoders) {
      const file = join(folder, component, "config.json");
      const config = (await readJson(file)) as { num_hidden_layers: number };
      await writeFile(file, JSON.stringify({ ...config, num_hidden_layers: config.num_hidden_layers - 1 }));
    }
    const shorter = await StableDiffusionPipeline.load(folder, program);
    const [expected] = await plainly(shorter.text, "a red cat");
    // SDXL attends to the last layer but one anyway.
    const [skipped] = await encode(["a red cat"], name === "sd1" ? 2 : 3);
    expect(skipped.encoderHiddenStates).toEqual(expected.encoderHiddenStates);
    expect(skipped.encoderHiddenStates).not.toEqual(plain.encoderHiddenStates);
    expect(skipped.textEmbeds).toEqual(plain.textEmbeds);
    if (name === "sdxl") expect((await encode(["a red cat"], 2))[0]).toEqual(plain);
    expect(() => {
      text.checkClipSkip(99);
    }).toThrow(/^Clip skip is 99, and this model's text encoder has \d+ layers; give a whole number from 1/);
  });
});
