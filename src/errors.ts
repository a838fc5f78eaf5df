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

/** An error for the user. `message` is one line, names the file or value at fault, and says what to do about it. */
export class KeepsakeError extends Error {
  override readonly name = "KeepsakeError";
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(shortened(oneLine(message), LONGEST_MESSAGE), options);
    this.kind = kind;
  }
}

/** A text of at most `most` characters: a longer one loses its middle. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.floor((most - 3) / 2);
  return `${text.slice(0, half)}...${text.slice(-half)}`;
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
