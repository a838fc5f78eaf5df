/** @file Reading JSON files: configurations, vocabularies, manifests. */
import { KeepsakeError } from "../errors.ts";
import { readWholeFile } from "./read-file.ts";

/** The largest JSON file that is read, in bytes: many times the largest vocabulary. */
const maxJsonSize = 200_000_000;

export interface ReadJsonOptions {
  /** Allow `NaN`, `Infinity` and `-Infinity`, which Python's json module writes although JSON does not have them. Default false. */
  readonly pythonNumbers?: boolean;
}

/**
 * Reads a JSON file. A byte order mark, as some editors write it, is allowed.
 * @throws KeepsakeError in one line that names the file: missing, not UTF-8, or not JSON (with line and column where known).
 */
export async function readJson(path: string, { pythonNumbers = false }: ReadJsonOptions = {}): Promise<unknown> {
  const bytes = await readWholeFile(path, maxJsonSize);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new KeepsakeError("input", `${path} is not UTF-8 text, so it is not JSON.`, { cause: error });
  }
  if (text.trim() === "") throw new KeepsakeError("input", `${path} is empty: it should hold JSON.`);
  try {
    const value: unknown = pythonNumbers ? parsePythonJson(text) : JSON.parse(text);
    return value;
  } catch (error) {
    throw new KeepsakeError("input", `${path} is not valid JSON${place(text, error)}.`, { cause: error });
  }
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

/** " (line 3, column 7)", if the engine's message holds the position. Its other words quote the file, which may be anything. */
function place(text: string, error: unknown): string {
  const position = error instanceof Error ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
  if (position === undefined) return "";
  const before = text.slice(0, Number(position)).split("\n");
  return ` (line ${before.length}, column ${(before.at(-1) ?? "").length + 1})`;
}
