/** @file Reads and checks the files of a CLIP `tokenizer/` folder. */
import { join } from "node:path";
import { KeepsakeError, shown } from "../../errors.ts";
import { exists } from "../../io/folder.ts";
import { readJson } from "../../io/json.ts";
import { readWholeFile } from "../../io/read-file.ts";
import { emptyFile, jsonFile, recognizeStandIn } from "../../io/stand-in.ts";
import { decodeText } from "../../io/text.ts";
import { BytePairEncoding } from "./byte-pair-encoding.ts";

export const START_OF_TEXT = "<|startoftext|>";
export const END_OF_TEXT = "<|endoftext|>";

/**
 * Length of CLIP's text encoder, where the folder does not say (or says "very large", as Hugging Face writes for
 * unknown).
 */
export const CLIP_MAX_LENGTH = 77;
const LARGEST_MAX_LENGTH = 100_000;

/** In bytes, a hundred times that of CLIP. */
const LARGEST_MERGES_FILE = 50_000_000;

/** Characters of one added token, and of all of them. */
const LONGEST_TOKEN = 1000;
const LONGEST_TOKENS = 1_000_000;

/** What the files say. */
export interface TokenizerFolder {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly encoding: BytePairEncoding;
  /** Special and added tokens, which are found in a text before it is split into words. */
  readonly wholeTokens: ReadonlyMap<string, number>;
  /** One more than the largest id. */
  readonly vocabSize: number;
  readonly modelMaxLength: number;
  readonly bosTokenId: number;
  readonly eosTokenId: number;
  readonly padTokenId: number;
}

/** @throws KeepsakeError naming the file that is missing or malformed. */
export async function readTokenizerFolder(folder: string): Promise<TokenizerFolder> {
  const vocabularyPath = join(folder, "vocab.json");
  const mergesPath = join(folder, "merges.txt");
  const vocabulary = toIds(await readJson(vocabularyPath), vocabularyPath);
  const encoding = new BytePairEncoding(vocabulary, await readMerges(mergesPath), vocabularyPath, mergesPath);

  const configPath = join(folder, "tokenizer_config.json");
  const config = await readOptionalObject(configPath);
  checkConfig(config, configPath);
  const specialPath = join(folder, "special_tokens_map.json");
  const special = await readOptionalObject(specialPath);
  const addedPath = join(folder, "added_tokens.json");
  const added = new Map([
    ...toIds(Object.fromEntries(await readOptionalObject(addedPath)), addedPath),
    ...addedTokensDecoder(config, configPath),
  ]);

  const wholeTokens = new Map(added);
  const specialToken = (name: string, defaultToken: string): number => {
    // special_tokens_map.json overrules tokenizer_config.json.
    const [file, values] = special.has(name) ? [specialPath, special] : [configPath, config];
    const stated = contentOf(values.get(name));
    if (stated === undefined && values.has(name)) {
      // null is "no such token", with which transformers' tokenizer cannot make a prompt for the text encoder.
      throw new KeepsakeError("input", `${file}: ${name} ${shown(values.get(name))} is not supported; name a token.`);
    }
    const token = stated ?? defaultToken;
    checkLengths([token], file);
    const id = vocabulary.get(token) ?? added.get(token);
    if (id === undefined)
      throw new KeepsakeError("input", `${file}: the ${name} ${shown(token)} is not in the vocabulary.`);
    wholeTokens.set(token, id);
    return id;
  };
  checkLengths(added.keys(), folder);
  const bosTokenId = specialToken("bos_token", START_OF_TEXT);
  const eosTokenId = specialToken("eos_token", END_OF_TEXT);
  const padTokenId = specialToken("pad_token", END_OF_TEXT);
  const vocabSize = [...vocabulary.values(), ...added.values()].reduce((a, b) => Math.max(a, b)) + 1;
  return {
    vocabulary,
    encoding,
    wholeTokens,
    vocabSize,
    modelMaxLength: maxLength(config, configPath),
    bosTokenId,
    eosTokenId,
    padTokenId,
  };
}

/** The lines of a merges.txt. @throws KeepsakeError if it is something else */
export async function readMerges(path: string): Promise<string[]> {
  const bytes = await readWholeFile(path, LARGEST_MERGES_FILE);
  const hasVersion = Buffer.from(bytes.subarray(0, 8)).toString("latin1") === "#version";
  if (!hasVersion) refuseStandIn(path, bytes);
  const lines = decodeText(bytes, path).split(/\r?\n/);
  if (hasVersion) lines.shift();
  while (lines.at(-1) === "") lines.pop();
  if (lines.length === 0)
    throw new KeepsakeError("input", `${path}: is empty; it should list the merges of the vocabulary.`);
  return lines;
}

/**
 * @throws KeepsakeError if the file is something known that is not a list of merges, which is plain text without a mark
 * of its own
 */
function refuseStandIn(path: string, bytes: Uint8Array): void {
  const standIn = recognizeStandIn(bytes, bytes.byteLength);
  if (standIn === undefined || standIn === emptyFile || standIn === jsonFile || standIn.isText) return;
  throw new KeepsakeError("input", `${path} is not a list of merges, it is ${standIn.what}; ${standIn.remedy}.`);
}

/** The object in a JSON file, or an empty one if the file does not exist. */
async function readOptionalObject(path: string): Promise<ReadonlyMap<string, unknown>> {
  return (await exists(path)) ? toMap(await readJson(path), path) : new Map();
}

function toMap(value: unknown, path: string): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new KeepsakeError("input", `${path}: expected a JSON object.`);
  }
  return new Map(Object.entries(value));
}

/** Ids by token, each used once. */
function toIds(value: unknown, path: string): Map<string, number> {
  const ids = new Map<string, number>();
  const seen = new Set<number>();
  for (const [token, id] of toMap(value, path)) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= 2 ** 24 || seen.has(id)) {
      throw new KeepsakeError("input", `${path}: the id of ${shown(token)} is not a whole number of its own.`);
    }
    ids.set(token, id);
    seen.add(id);
  }
  return ids;
}

/**
 * Added tokens are looked for all at once, by one pattern, which has a largest size. @throws KeepsakeError naming what
 * is too long
 */
function checkLengths(tokens: Iterable<string>, folder: string): void {
  let sum = 0;
  for (const token of tokens) {
    sum += token.length;
    if (token.length <= LONGEST_TOKEN && sum <= LONGEST_TOKENS) continue;
    const limit = `at most ${LONGEST_TOKEN} characters each and ${LONGEST_TOKENS} together are possible`;
    throw new KeepsakeError("input", `${folder}: the added token ${shown(token)} is too long (${limit}).`);
  }
}

/** The `added_tokens_decoder` of newer tokenizer_config.json files: token by id. */
function addedTokensDecoder(config: ReadonlyMap<string, unknown>, path: string): Map<string, number> {
  const decoder = config.get("added_tokens_decoder");
  if (decoder === undefined || decoder === null) return new Map();
  const entries = Array.from(toMap(decoder, path), ([id, token]) => [contentOf(token), Number(id)] as const);
  return toIds(Object.fromEntries(entries), path);
}

/** A token is written as a string or as an object with its content. */
function contentOf(token: unknown): string | undefined {
  if (typeof token === "string") return token;
  if (typeof token === "object" && token !== null && "content" in token && typeof token.content === "string")
    return token.content;
  return undefined;
}

/** Refuses tokenizers that work in another way. */
function checkConfig(config: ReadonlyMap<string, unknown>, path: string): void {
  const tokenizerClass = config.get("tokenizer_class") ?? "CLIPTokenizer";
  if (tokenizerClass !== "CLIPTokenizer" && tokenizerClass !== "CLIPTokenizerFast") {
    throw new KeepsakeError(
      "input",
      `${path}: tokenizer_class ${shown(tokenizerClass)} is not supported, only CLIPTokenizer.`,
    );
  }
  for (const [name, supported] of [
    ["do_lower_case", [true]],
    ["add_prefix_space", [false, null]],
  ] as const) {
    const value = config.get(name);
    if (value !== undefined && !supported.some((candidate) => candidate === value))
      throw new KeepsakeError("input", `${path}: ${name} ${shown(value)} is not supported.`);
  }
}

function maxLength(config: ReadonlyMap<string, unknown>, path: string): number {
  // transformers reads null as it does "very large".
  const value = config.get("model_max_length") ?? CLIP_MAX_LENGTH;
  if (typeof value !== "number" || value < 3) {
    throw new KeepsakeError("input", `${path}: model_max_length ${shown(value)} is not a number above 2.`);
  }
  return value > LARGEST_MAX_LENGTH ? CLIP_MAX_LENGTH : Math.floor(value);
}
