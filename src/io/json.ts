/** @file Reading JSON files: configurations, vocabularies, manifests. */
import { KeepsakeError } from "../errors.ts";
import { readWholeFile } from "./read-file.ts";
import { emptyFile, jsonFile, recognizeStandIn, serverError } from "./stand-in.ts";

/** The largest JSON file that is read, in bytes: many times the largest vocabulary. */
export const MAX_JSON_SIZE = 32_000_000;

/** How deep lists and objects may lie in each other, the outermost included: many times what any file here needs. */
const maxDepth = 100;

export interface ReadJsonOptions {
  /**
   * Allow `NaN`, `Infinity` and `-Infinity`, which Python's json module writes although JSON does not have them.
   * Default false.
   */
  readonly pythonNumbers?: boolean;
}

/**
 * Reads a JSON file. A byte order mark, as some editors write it, is allowed.
 * @throws KeepsakeError in one line that names the file: missing, not UTF-8, not JSON (with line and column where
 *   known), nested too deep, or what people have in place of such a file.
 */
export async function readJson(path: string, options: ReadJsonOptions = {}): Promise<unknown> {
  const bytes = await readWholeFile(path, MAX_JSON_SIZE);
  let value: unknown;
  try {
    value = parseJson(decodeUtf8(bytes, path), path, options);
  } catch (error) {
    const standIn = recognizeStandIn(bytes, bytes.byteLength);
    // Text that begins as JSON does is damaged JSON.
    if (standIn === undefined || standIn === emptyFile || standIn === jsonFile) throw error;
    throw new KeepsakeError("input", `${path} is not JSON, it is ${standIn.what}; ${standIn.remedy}.`, {
      cause: error,
    });
  }
  const said = serverError(value);
  if (said === undefined) return value;
  throw new KeepsakeError("input", `${path} is not the file itself but a server's error (${said}); download it again.`);
}

function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new KeepsakeError("input", `${path} is not UTF-8 text, so it is not JSON.`, { cause: error });
  }
}

/**
 * Parses a JSON text from a file.
 * @param source what to call the text in messages.
 * @throws KeepsakeError in one line, as {@link readJson}.
 */
export function parseJson(text: string, source: string, { pythonNumbers = false }: ReadJsonOptions = {}): unknown {
  if (text.trim() === "") throw new KeepsakeError("input", `${source} is empty: it should hold JSON.`);
  // Before anything is built: later steps go through values by recursion, which has no end that could be caught safely.
  if (nestedDeeperThan(text, maxDepth)) {
    throw new KeepsakeError("input", `${source} is nested more than ${maxDepth} levels deep; no file of this kind is.`);
  }
  try {
    const value: unknown = pythonNumbers ? parsePythonJson(text) : JSON.parse(text);
    return value;
  } catch (error) {
    throw new KeepsakeError("input", `${source} is not valid JSON${place(text, error)}.`, { cause: error });
  }
}

/** Whether lists and objects lie in each other deeper than `limit`; brackets in strings do not count. */
function nestedDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    if (inString) {
      if (character === "\\") i += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") {
      depth += 1;
      if (depth > limit) return true;
    } else if (character === "}" || character === "]") depth -= 1;
  }
  return false;
}

/** Each stands for its number, and is as long as what it replaces, so that the places of errors stay right. */
const stands: Readonly<Record<string, string>> = {
  Infinity: "1e999999",
  "-Infinity": "-1e999999",
  // A character that no file has reason to hold, turned into NaN after parsing.
  NaN: '"\u{e000}"',
};

/** Numbers as Python writes them become strings or numbers that JSON knows; strings of the file are left alone. */
function parsePythonJson(text: string): unknown {
  const token = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;
  const standard = text.replace(token, (found) => stands[found] ?? found);
  return JSON.parse(standard, (_, value: unknown) => (value === "\u{e000}" ? NaN : value));
}

/**
 * " (line 3, column 7)", if the engine's message holds the position. Its other words quote the file, which may be
 * anything.
 */
function place(text: string, error: unknown): string {
  const position = error instanceof Error ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
  if (position === undefined) return "";
  const before = text.slice(0, Number(position)).split("\n");
  return ` (line ${before.length}, column ${(before.at(-1) ?? "").length + 1})`;
}
