/**
 * @file What a small model understands. Stable Diffusion has read most of the web and has an idea of almost any word; a
 * model that was trained on a few hundred words draws nonsense for every other one. Such a model has a file that lists
 * them, and whoever asks it for something else is told.
 */
import { join } from "node:path";
import { KeepsakeError } from "../errors.ts";
import { exists } from "../io/folder.ts";
import { readJson } from "../io/json.ts";
import { nearest } from "./nearest.ts";

/** In the folder of the model. */
export const KNOWN_WORDS_FILE = "known_words.json";

export interface KnownWords {
  /** Things that it can draw, in the singular. */
  readonly nouns: readonly string[];
  /** Every word that it understands: also those of the nouns, and their plurals. */
  readonly words: readonly string[];
}

/**
 * What a model understands; undefined: there is no list, it may be anything. @throws KeepsakeError for a damaged list
 */
export async function readKnownWords(model: string): Promise<KnownWords | undefined> {
  const file = join(model, KNOWN_WORDS_FILE);
  return (await exists(file)) ? knownWordsOf(await readJson(file), file) : undefined;
}

/** The lists of a file, checked. @throws KeepsakeError for a damaged file */
export function knownWordsOf(json: unknown, file: string): KnownWords {
  const { nouns, words } = (typeof json === "object" && json !== null ? json : {}) as Partial<Record<string, unknown>>;
  if (!areStrings(nouns) || !areStrings(words)) {
    throw new KeepsakeError("input", `${file}: expected the lists "nouns" and "words".`);
  }
  return { nouns, words };
}

function areStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/**
 * The words of a prompt that the model does not understand, in one line; undefined: there are none.
 *
 * @param concepts names of what it has been taught; about these there are other hints
 */
export function unknownWordsWarning(
  prompt: string,
  known: KnownWords,
  concepts: readonly string[] = [],
): string | undefined {
  const taught = concepts.flatMap((name) => [name, ...name.split(/[-_]/)]);
  const unknown = unknownWords(prompt, new Set([...known.words, ...taught]));
  if (unknown.length === 0) return undefined;
  const shown = unknown.slice(0, MOST_SHOWN).map((word) => `"${word.slice(0, 30)}"`);
  const rest = unknown.length > shown.length ? ` and ${unknown.length - shown.length} more` : "";
  return `The model does not know ${shown.join(", ")}${rest}, and draws nonsense for it; ${knownThings(unknown, known)}`;
}

/** What to say of a class noun that is none of the things that the model can draw; undefined: nothing. */
export function classNounWarning(noun: string, known: KnownWords): string | undefined {
  const asked = noun.trim().toLowerCase();
  const singulars = [asked, asked.replace(/s$/, ""), asked.replace(/es$/, "")];
  if (known.nouns.some((name) => singulars.includes(name))) return undefined;
  const fault = `The model does not know "${noun.trim().slice(0, 60)}", so the concept starts from nothing`;
  return `${fault}; ${knownThings([asked, ...wordsOf(asked)], known)}`;
}

const MOST_SHOWN = 5;

/** The things that are meant by words such as these, or some of all. */
function knownThings(words: readonly string[], { nouns }: KnownWords): string {
  const meant = words.flatMap((word) => [...nouns.filter((noun) => noun === word), ...nearest(word, nouns, 2)]);
  if (meant.length > 0) return `it knows ${[...new Set(meant)].slice(0, MOST_SHOWN).join(", ")}.`;
  const some = nouns.filter((_, i) => i % Math.ceil(nouns.length / 8) === 0);
  return `it knows ${some.join(", ")} and others ("keepsake generate --help" lists them).`;
}

function unknownWords(prompt: string, known: ReadonlySet<string>): string[] {
  const isKnown = (word: string) =>
    known.has(word) || word.split(/[-'’]/).every((part) => known.has(part) || part === "s");
  const words = wordsOf(prompt.replace(/<[^<>]*>/g, " ")).filter((word) => /\p{L}/u.test(word) && !isKnown(word));
  return [...new Set(words)];
}

/** In lower case, without punctuation; what is joined by hyphens or apostrophes is one word. */
function wordsOf(text: string): string[] {
  return (
    text
      .normalize("NFC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+(?:[-'’][\p{L}\p{M}\p{N}]+)*/gu) ?? []
  );
}
