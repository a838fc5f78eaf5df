/**
 * @file What a prompt seems to mean and does not say: a concept without its angle brackets, or in the notation of
 * another program. Each hint is one line that says what to write.
 */
import { KeepsakeError } from "../errors.ts";
import { tokenOf } from "./concept-name.ts";
import { nearest } from "./nearest.ts";

/** Characters. A model reads a few hundred of them. */
const LONGEST_PROMPT = 20_000;

/** @param what - "prompt", for the message. @throws KeepsakeError ("usage") for a text that nobody has typed */
export function checkPromptLength(what: string, text: string): void {
  if (text.length <= LONGEST_PROMPT) return;
  const fault = `The ${what} has ${text.length} characters, at most ${LONGEST_PROMPT} can be read`;
  throw new KeepsakeError("usage", `${fault}; shorten it.`);
}

/** What may stand in a prompt. */
export interface PromptVocabulary {
  /** Names of the concepts that are known. */
  readonly names: readonly string[];
  /** All of their tokens, the single vectors of a token among them. */
  readonly tokens: readonly string[];
  /** Where they come from, for messages. */
  readonly library: string | undefined;
}

/** Hints about a prompt and a negative prompt, one line each. */
export function promptHints(prompt: string, negativePrompt: string, vocabulary: PromptVocabulary): string[] {
  const both = asRead(`${prompt}\n${negativePrompt}`);
  return [
    ...hintsAbout(prompt, both, vocabulary),
    ...hintsAbout(negativePrompt, both, vocabulary).map((hint) => `Negative prompt: ${hint}`),
  ];
}

function hintsAbout(text: string, both: string, vocabulary: PromptVocabulary): string[] {
  const { names } = vocabulary;
  const loraTags = uniqueMatches(meant(text), LORA_TAG);
  const rest = meant(text).replace(LORA_TAG, " ");
  const unwritten = names.filter((name) => !asRead(text).includes(tokenOf(name)));
  const bracketed = unwritten.filter((name) => inBrackets(name).test(rest));
  const bare = unwritten.filter((name) => {
    return !bracketed.includes(name) && !both.includes(tokenOf(name)) && isWordOf(rest, name);
  });
  return [
    ...loraTags.map((tag) => aboutLoraTag(tag, names)),
    ...bracketed.map(
      (name) =>
        `"${name}" has to stand in plain angle brackets, with nothing else in them; write <${name}>, or (<${name}>:1.2) for a weight.`,
    ),
    ...bare.map((name) => `"${name}" without angle brackets is an ordinary word; write <${name}> for the concept.`),
    ...aboutWeights(rest),
    ...aboutComposition(text),
    ...aboutUnknownTokens(text, bracketed, vocabulary),
  ];
}

/** A prompt as the tokenizer looks for tokens in it: a backslash makes the next character a letter. */
function asRead(text: string): string {
  return text
    .replace(/\\(.?)/gsu, "$1")
    .normalize("NFC")
    .toLowerCase();
}

/**
 * What a person may have meant to type: compatibility forms, look-alikes and escapes of angle brackets are angle
 * brackets, and invisible characters are nothing.
 */
function meant(text: string): string {
  return text
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .replace(/&lt;|&#60;|\\<|[‹«⟨〈《❬❮❰⟪⧼⦑≺ᐸ˂≪]/gu, "<")
    .replace(/&gt;|&#62;|\\>|[›»⟩〉》❭❯❱⟫⧽⦒≻ᐳ˃≫]/gu, ">")
    .normalize("NFKC")
    .toLowerCase();
}

/**
 * `<lora:mochi:0.8>` and its kin, as AUTOMATIC1111's and other programs write them. Here and below, a look behind keeps
 * a pattern from trying a run of characters again from each of them.
 */
const LORA_TAG = /(?<!<)<+\s*(?:lora|lyco|loha|lokr|locon|hypernet|ti|embedding)\s*:([^<>:]*)(?::[^<>]*)?>+/gu;

function aboutLoraTag(tag: string, names: readonly string[]): string {
  const [, inTag = ""] = new RegExp(LORA_TAG).exec(tag) ?? [];
  const name = names.find((known) => isWordOf(inTag, known));
  const fault = `"${shortened(tag)}" is not read`;
  if (name !== undefined)
    return `${fault}: what the library knows needs no such tag; write <${name}> where it is to be seen.`;
  const known = names.length === 0 ? "none yet" : names.slice(0, 5).map(tokenOf).join(", ");
  return `${fault}: only concepts of the library can be drawn (${known}); leave it out.`;
}

/** `{x}`, `x++` and `<x>:1.2`: weights in programs that write them in another way. */
const FOREIGN_WEIGHTS = [
  /\{[^{}]*\}/gu,
  /(?<![^\s()])[^\s()]*[>)]\++(?![\p{L}\p{N}])/gu,
  /<[^<>:]*>:\s*[\d.]+(?![\d.]|\s*\))/gu,
  /\([^():]*:\s*\d+,\d+\s*\)/gu,
];

/** `[x:y:0.5]` and `[x|y]`: other words from some step on. */
const EDITING = /\[[^[\]|:]*:[^[\]|]*\]|\[[^[\]]*\|[^[\]]*\]/gu;

function aboutWeights(text: string): string[] {
  const foreign = FOREIGN_WEIGHTS.flatMap((pattern) => uniqueMatches(text, pattern));
  const editing = uniqueMatches(text, EDITING);
  return [
    ...(foreign.length === 0 ? [] : [`"${shortened(foreign[0])}" is not read as a weight; write (word:1.2).`]),
    ...(editing.length === 0
      ? []
      : [
          `"${shortened(editing[0])}" does not change the prompt on the way, as in other programs: all its words count less.`,
        ]),
  ];
}

/**
 * `a cat AND a dog`, each of which other programs predict apart. Who types other words in capitals too means the word.
 */
function aboutComposition(text: string): string[] {
  const capitals = uniqueMatches(text, /(?<![\p{L}\p{N}_])\p{Lu}{3,}(?![\p{L}\p{N}_])/gu);
  const isComposed = capitals.includes("AND") && capitals.every((word) => word === "AND" || word === "BREAK");
  return isComposed
    ? [`"AND" is read as the word "and", and does not begin a second prompt, as in other programs.`]
    : [];
}

function aboutUnknownTokens(text: string, bracketed: readonly string[], vocabulary: PromptVocabulary): string[] {
  const { names, tokens, library } = vocabulary;
  const like = uniqueMatches(asRead(text).replace(LORA_TAG, " "), /<[^<>\s|]{1,60}>/gu);
  return like
    .filter((token) => !tokens.includes(token) && !bracketed.some((name) => inBrackets(name).test(meant(token))))
    .map((token) => {
      const place = library === undefined ? "There is no library that knows" : `The library ${library} does not know`;
      const candidates = nearest(token.slice(1, -1), names).map(tokenOf);
      const advice = candidates.length === 0 ? "." : `; did you mean ${candidates.join(" or ")}?`;
      return `${place} ${shortened(token)}, so it is read as ordinary words${advice}`;
    });
}

/** `< name >`, `<name:1.2>` and the like, in a text as it was meant. */
function inBrackets(name: string): RegExp {
  return new RegExp(`<\\s*${wordsPattern(name)}\\s*(?::[^<>]*)?>`, "u");
}

/** Whether a name stands in a text as a word, or as several words where it has hyphens. */
function isWordOf(text: string, name: string): boolean {
  // Names as short as "a" or "me" are words of every other prompt.
  if (name.length < 3) return false;
  return new RegExp(`(?<![\\p{L}\\p{N}_-])${wordsPattern(name)}(?![\\p{L}\\p{N}_-])`, "u").test(text);
}

function wordsPattern(name: string): string {
  return name.replace(/[-_]+/g, "[-_\\s]*");
}

function uniqueMatches(text: string, pattern: RegExp): string[] {
  return [...new Set(text.match(pattern) ?? [])];
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
