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

/** An error for the user. `message` is one line, names the file or value at fault, and says what to do about it. */
export class KeepsakeError extends Error {
  override readonly name = "KeepsakeError";
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
