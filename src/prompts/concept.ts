/** @file What Keepsake teaches a model. */

/** A concept: something that a model has learned, or is to learn, a word for. */
export interface Concept {
  /** See `conceptName`. */
  readonly name: string;
  /** As written in prompts: `<name>`. */
  readonly token: string;
  /** What it is, e.g. "cat": the token's embedding starts from it. */
  readonly classNoun: string;
}
