/**
 * @file The one error class whose message is meant for a person: it says in one line what is wrong and what to do.
 * Everything else that is thrown is a defect of Keepsake. Every layer may use this file.
 */

/** What kind of fault it was; the command line turns it into an exit code. */
export type ErrorKind =
  /** The command or the options make no sense. */
  | "usage"
  /** A file, image, checkpoint or value that was given is not usable. */
  | "input"
  /** The machine refused: disk full, read-only folder, no such device. */
  | "environment"
  /** The state on disk does not allow it: name taken, locked, nothing to resume. */
  | "state";

/** A message may quote a name or a value of any length; what is longer than this loses its middle. */
const LONGEST_MESSAGE = 1000;

/**
 * An error for the user. `message` is one line, names the file or value at fault, and says what to do about it.
 *
 * @example
 * ```ts
 * import { Keepsake, KeepsakeError } from "keepsake";
 *
 * try {
 *   await Keepsake.open("my-library", { create: false });
 * } catch (error) {
 *   if (!(error instanceof KeepsakeError)) throw error;
 *   console.error(error.kind, error.message);
 * }
 * ```
 */
export class KeepsakeError extends Error {
  override readonly name = "KeepsakeError";
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(shortened(oneLine(message), LONGEST_MESSAGE), options);
    this.kind = kind;
  }
}

/** How ONNX Runtime, V8, Node and libvips say that there was no memory. */
const NO_MEMORY =
  /bad_alloc|bad allocation|Failed to allocate memory|out of memory|allocation failed|Invalid (typed array|string) length(: \d{9,})?$/i;

/** The error for the user, if an error says that memory ran out; it is then no defect, whatever code it came from. */
export function outOfMemory(error: unknown): KeepsakeError | undefined {
  if (!(error instanceof Error) || !NO_MEMORY.test(error.message)) return undefined;
  const advice = "close other programs, or ask for less at once: smaller pictures, a smaller batch or rank";
  return new KeepsakeError("environment", `The memory of this machine does not suffice for this; ${advice}.`, {
    cause: error,
  });
}

/**
 * A text of unknown length without its middle, if it has more than `most` characters: for names and values that
 * messages quote.
 */
export function shortened(text: string, most = 80): string {
  if (text.length <= most) return text;
  const end = Math.floor((most - 3) / 3);
  const characters = `${text.slice(0, most - 3 - end)}...${text.slice(text.length - end)}`;
  // A cut may have parted the two halves of a character.
  return characters.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

/** Names and values in messages come from files: no line breaks, no control of the terminal or its reading order. */
function oneLine(message: string): string {
  return message
    .replace(/[\t\n\r\u2028\u2029]+/g, " ")
    .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");
}

/** A value from a file, for a message: JSON, and not too long. */
export function shown(value: unknown, limit = 80): string {
  if (value === undefined) return "missing";
  const text = typeof value === "string" ? JSON.stringify(value.slice(0, limit)) : JSON.stringify(value, shallow);
  return text.length > limit ? `${text.slice(0, limit - 3)}...` : text;
}

/** Values within lists and objects of which a message shows the beginning only. */
function shallow(_key: string, value: unknown): unknown {
  return typeof value === "string" ? value.slice(0, 100) : value;
}
