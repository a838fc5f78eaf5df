/**
 * @file The CLIP tokenizer against Hugging Face's ids, its placeholder tokens, and tokenizer folders that are not
 * usable.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { ClipTokenizer } from "../../../src/diffusion/tokenizer/index.ts";
import { KeepsakeError } from "../../../src/errors.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/safetensors.ts";

const fixtures = fileURLToPath(new URL("../../fixtures/", import.meta.url));
const sd1Folder = join(fixtures, "models/tiny-sd1/tokenizer");
const sd2Folder = join(fixtures, "models/tiny-sd2/tokenizer");
const sd1 = await ClipTokenizer.load(sd1Folder);
const sd2 = await ClipTokenizer.load(sd2Folder);

interface Prompt {
  readonly text: string;
  readonly ids_pad_eot: readonly number[];
  readonly ids_pad_exclamation: readonly number[];
}
const readFixture = (name: string): unknown => JSON.parse(readFileSync(join(fixtures, name), "utf8"));
const { prompts } = readFixture("tokenizer/prompts-tiny.json") as { readonly prompts: readonly Prompt[] };

describe("an added token of any length", () => {
  it("is refused in one line", async () => {
    const folder = mkdtempSync(join(tmpdir(), "keepsake-test-"));
    try {
      cpSync(sd1Folder, folder, { recursive: true });
      writeFileSync(join(folder, "added_tokens.json"), JSON.stringify({ ["x".repeat(5_000_000)]: 1514 }));
      await expect(ClipTokenizer.load(folder)).rejects.toThrow(/^.{10,400} is too long \(at most 1000 characters each/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("ids of Hugging Face's CLIPTokenizer", () => {
  it.each(prompts)("$text", ({ text, ids_pad_eot, ids_pad_exclamation }) => {
    expect(Array.from(sd1.encode(text).inputIds)).toEqual(ids_pad_eot);
    expect(Array.from(sd2.encode(text).inputIds)).toEqual(ids_pad_exclamation);
  });

  it("knows the special tokens of the folder", () => {
    expect([sd1.bosTokenId, sd1.eosTokenId, sd1.padTokenId, sd1.vocabSize, sd1.modelMaxLength]).toEqual([
      1512, 1513, 1513, 1514, 77,
    ]);
    expect([sd2.bosTokenId, sd2.eosTokenId, sd2.padTokenId, sd2.vocabSize, sd2.modelMaxLength]).toEqual([
      1512, 1513, 0, 1514, 77,
    ]);
  });

  it("lowers capitals one by one: a Greek sigma at the end of a word is not a final one", () => {
    expect(sd1.tokenIds("ΣΣ")).toEqual(sd1.tokenIds("σσ"));
    expect(sd1.tokenIds("ΣΣ")).not.toEqual(sd1.tokenIds("σς"));
  });

  it("composes accents, folds white space, but keeps what Unicode does not call white space", () => {
    expect(sd1.tokenIds("cafe\u0301")).toEqual(sd1.tokenIds("caf\u00e9"));
    expect(sd1.tokenIds("\u2028a\u3000\t cat\u0085")).toEqual(sd1.tokenIds("a cat"));
    expect(sd1.tokenIds("\ufeffcat")).not.toEqual(sd1.tokenIds("cat"));
  });

  it("ignores case, spaces around, and how many there are between", () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z0-9,.'-]{1,8}$/)),
        fc.integer({ min: 1, max: 4 }),
        (words, spaces) => {
          const text = words.join(" ");
          expect(sd1.tokenIds(`  ${words.join(" ".repeat(spaces)).toUpperCase()}\n`)).toEqual(sd1.tokenIds(text));
        },
      ),
    );
  });

  it("takes any string and answers with ids of the vocabulary", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        for (const id of sd2.tokenIds(text)) expect(id >= 0 && id < sd2.vocabSize).toBe(true);
      }),
    );
  });
});

describe("length", () => {
  it("cuts off after 75 text tokens and says so", () => {
    const long = "cat ".repeat(100);
    const textIds = sd1.tokenIds(long);
    const { inputIds, length, truncated } = sd1.encode(long);
    expect(truncated).toBe(true);
    expect(length).toBe(textIds.length + 2);
    expect(Array.from(inputIds)).toEqual([1512, ...textIds.slice(0, 75), 1513]);
    expect(() => sd1.encode(long, { truncation: false })).toThrow(/the prompt has \d+ tokens, 77 are possible/);
  });

  it("does not call a prompt of exactly 77 tokens truncated", () => {
    expect(sd1.encode("a ".repeat(75))).toMatchObject({ length: 77, truncated: false });
    expect(sd1.encode("a ".repeat(76))).toMatchObject({ length: 78, truncated: true });
  });

  it("leaves out the padding on demand; an empty prompt is start and end", () => {
    expect(Array.from(sd2.encode("", { padding: false }).inputIds)).toEqual([1512, 1513]);
    expect(sd2.encode("").inputIds.length).toBe(77);
  });
});

describe("placeholder tokens", () => {
  it("gives the ids of diffusers after loading the embeddings in the same order", async () => {
    const fixture = readFixture("textual-inversion/textual-inversion.json") as { readonly prompts: readonly string[] };
    const tensors = await SafetensorsFile.open(join(fixtures, "textual-inversion/textual-inversion.safetensors"));
    const tokenizer = await ClipTokenizer.load(sd1Folder);
    expect(tokenizer.addTokens("<fx-cat>")).toEqual([1514]);
    expect(tokenizer.addTokens("<fx-style>", 3)).toEqual([1515, 1516, 1517]);
    expect(tokenizer.vocabSize).toBe(1518);
    const ids = fixture.prompts.flatMap((prompt) => Array.from(tokenizer.encode(prompt).inputIds));
    expect(ids).toEqual(Array.from(await tensors.readInt32("input_ids")));
  });

  it("finds a token anywhere: next to punctuation and letters, in capitals, several times", async () => {
    const tokenizer = await ClipTokenizer.load(sd1Folder);
    const [dog] = tokenizer.addTokens("<dog>");
    const [duck, duck1] = tokenizer.addTokens("<duck>", 2);
    const a = tokenizer.tokenIds("a");
    const comma = tokenizer.tokenIds(",");
    expect(tokenizer.tokenIds("a <dog>,<duck>a")).toEqual([...a, dog, ...comma, duck, duck1, ...a]);
    expect(tokenizer.tokenIds("<DOG><dog>")).toEqual([dog, dog]);
    expect(tokenizer.tokenIds("<duck>_1 <duck>")).toEqual([duck1, duck, duck1]);
    expect(tokenizer.tokenIds("<do g>")).not.toContain(dog);
  });

  it("does not change the ids of other text", async () => {
    const tokenizer = await ClipTokenizer.load(sd2Folder);
    tokenizer.addTokens("<a+b.*>");
    for (const { text, ids_pad_exclamation } of prompts) {
      expect(Array.from(tokenizer.encode(text).inputIds)).toEqual(ids_pad_exclamation);
    }
    expect(tokenizer.tokenIds("<a+b.*>")).toEqual([1514]);
  });

  it("refuses a token that exists, is not one word, or has no vectors", async () => {
    const tokenizer = await ClipTokenizer.load(sd1Folder);
    tokenizer.addTokens("<dog>", 2);
    for (const existing of ["<dog>", "<Dog>", "<dog>_1", "a", "<|endoftext|>"]) {
      expect(() => tokenizer.addTokens(existing), existing).toThrow(KeepsakeError);
      expect(() => tokenizer.addTokens(existing), existing).toThrow(/exists already/);
    }
    for (const spaced of ["", "my dog", " "])
      expect(() => tokenizer.addTokens(spaced)).toThrow(/one word without spaces/);
    expect(() => tokenizer.addTokens("<cat>", 0)).toThrow(RangeError);
    expect(tokenizer.vocabSize).toBe(1516);
  });
});

describe("tokenizer folders", () => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  /** A copy of the SD 1 folder with some files replaced (a string), or removed (undefined). */
  function folderWith(files: Readonly<Record<string, string | Uint8Array | undefined>>): string {
    const folder = mkdtempSync(join(tmpdir(), "keepsake-tokenizer-"));
    folders.push(folder);
    cpSync(sd1Folder, folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      if (content === undefined) rmSync(join(folder, name));
      else writeFileSync(join(folder, name), content);
    }
    return folder;
  }

  const vocabulary = readFileSync(join(sd1Folder, "vocab.json"), "utf8");
  const merges = readFileSync(join(sd1Folder, "merges.txt"), "utf8");

  it("need vocab.json and merges.txt only; CLIP's special tokens are the default", async () => {
    const files = { "special_tokens_map.json": undefined, "tokenizer_config.json": undefined };
    const tokenizer = await ClipTokenizer.load(folderWith(files));
    expect(tokenizer.encode("a cat")).toEqual(sd1.encode("a cat"));
  });

  it("may have Windows line ends, or no #version line", async () => {
    for (const text of [merges.replaceAll("\n", "\r\n"), merges.slice(merges.indexOf("\n") + 1)]) {
      const tokenizer = await ClipTokenizer.load(folderWith({ "merges.txt": text }));
      expect(tokenizer.tokenIds("the cat sat")).toEqual(sd1.tokenIds("the cat sat"));
    }
  });

  it("may bring tokens that were added before, in either form", async () => {
    const config = JSON.stringify({ added_tokens_decoder: { 1514: { content: "<cat-toy>" } }, pad_token: "!" });
    for (const files of [{ "added_tokens.json": '{"<cat-toy>": 1514}' }, { "tokenizer_config.json": config }]) {
      const tokenizer = await ClipTokenizer.load(folderWith(files));
      expect(tokenizer.tokenIds("<cat-toy>")).toEqual([1514]);
      expect(tokenizer.addTokens("<dog>")).toEqual([1515]);
    }
  });

  it("use 77 where the length is written as unknown", async () => {
    const config = '{"model_max_length": 1000000000000000019884624838656}';
    expect((await ClipTokenizer.load(folderWith({ "tokenizer_config.json": config }))).modelMaxLength).toBe(77);
  });

  const lfsPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:9fd6\nsize 524619\n";
  it.each([
    ["vocab.json", undefined, /vocab\.json/],
    ["vocab.json", vocabulary.slice(0, 1000), /vocab\.json/],
    ["vocab.json", "[]", /vocab\.json: expected a JSON object/],
    ["vocab.json", '{"a": 0, "b": 0}', /vocab\.json: the id of "b"/],
    ["vocab.json", '{"a": "x"}', /vocab\.json: the id of "a"/],
    ["vocab.json", '{"a": 0}', /vocab\.json: lacks the byte symbol/],
    ["merges.txt", undefined, /merges\.txt/],
    ["merges.txt", "", /merges\.txt: is empty/],
    ["merges.txt", Buffer.from("i n\n\u00e9 t\n", "latin1"), /merges\.txt is not UTF-8 text/],
    ["merges.txt", Buffer.from("i n\n", "utf16le"), /merges\.txt is not UTF-8 text/],
    ["merges.txt", "#version: 0.2\ni n\nt h\nq", /merges\.txt: merge 3 \("q"\)/],
    ["merges.txt", "i n\nq z\n", /merges\.txt: merge 2 \("q z"\)/],
    ["merges.txt", "i n g\n", /merges\.txt: merge 1/],
    ["special_tokens_map.json", '{"pad_token": "[PAD]"}', /special_tokens_map\.json: the pad_token "\[PAD\]"/],
    [
      "tokenizer_config.json",
      '{"tokenizer_class": "T5Tokenizer"}',
      /tokenizer_config\.json: tokenizer_class "T5Tokenizer"/,
    ],
    ["tokenizer_config.json", '{"do_lower_case": false}', /tokenizer_config\.json: do_lower_case false/],
    ["tokenizer_config.json", '{"model_max_length": 0}', /tokenizer_config\.json: model_max_length 0/],
    ["special_tokens_map.json", '{"pad_token": null}', /special_tokens_map\.json: pad_token null is not supported/],
    ["tokenizer_config.json", '{"do_lower_case": null}', /tokenizer_config\.json: do_lower_case null/],
    ["merges.txt", lfsPointer, /merges\.txt is not a list of merges, it is a Git LFS pointer; run git lfs pull/],
    ["merges.txt", "<!doctype html>\n", /merges\.txt is not a list of merges, it is an HTML page/],
    ["vocab.json", lfsPointer, /vocab\.json is not JSON, it is a Git LFS pointer/],
    ["vocab.json", '{"error": "Entry not found"}', /vocab\.json is not the file itself but a server's error/],
    ["added_tokens.json", '{"<dog>": 1.5}', /added_tokens\.json: the id of "<dog>"/],
  ])("are refused with one line that names the file: %s", async (name, content, message) => {
    const loading = ClipTokenizer.load(folderWith({ [name]: content }));
    await expect(loading).rejects.toThrow(KeepsakeError);
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.not.toThrow(/\n/);
  });
});
