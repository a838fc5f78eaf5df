/**
 * @file Text of a user, from bytes: UTF-8, or UTF-16 that says so. Anything else is refused, since a guess would put
 * other characters in place of what was written, and nobody would notice.
 */
import { KeepsakeError } from "../errors.ts";

/** Characters that no text holds but binary files, and UTF-16 without a byte order mark, do. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\0-\x08\x0e-\x1a\x1c-\x1f]/;

/**
 * Decodes a text file: UTF-8 with or without a byte order mark, or UTF-16 with one. The mark is not part of the text.
 * @param file For messages.
 * @throws KeepsakeError in one line that names the file and how to save it.
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const encoding = encodingOf(bytes);
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw notText(file, encoding === "utf-8" ? "is not UTF-8 text" : "is damaged UTF-16 text", error);
  }
  if (CONTROL.test(text)) throw notText(file, "is not UTF-8 text");
  return text;
}

function encodingOf([first, second, third, fourth]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  // UTF-32 begins like UTF-16 and goes on with zeros, which are refused.
  if (first === 0xff && second === 0xfe && !(third === 0 && fourth === 0)) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

function notText(file: string, fault: string, cause?: unknown): KeepsakeError {
  const advice = "Open it in a text editor and save it with the encoding UTF-8";
  return new KeepsakeError("input", `${file} ${fault}. ${advice}.`, { cause });
}
