/**
 * @file What the command line says, and where: results on stdout, everything else on stderr. With --json, stdout is one
 * JSON document. Colour and the moving progress line only on a terminal.
 */
import { randomUUID } from "node:crypto";
import { isatty, WriteStream } from "node:tty";
import { styleText } from "node:util";
import { stderr, stdout } from "./streams.ts";

export class Output {
  readonly #json: boolean;
  readonly #live: boolean;
  readonly #colour: boolean;
  #lineOpen = false;

  constructor(options: { readonly json: boolean }) {
    this.#json = options.json;
    this.#live = isatty(2) && process.env.TERM !== "dumb" && process.env.CI === undefined;
    // Node's rules for NO_COLOR, FORCE_COLOR and kinds of terminals.
    this.#colour =
      (isatty(2) || process.env.FORCE_COLOR !== undefined) && WriteStream.prototype.getColorDepth(process.env) > 1;
  }

  /** The result: `text` for people, or `data` with --json. */
  result(text: string, data: unknown): void {
    this.endProgress();
    stdout.write(this.#document(text, data));
  }

  /** As `result`, for what can be asked again at no cost: nobody need read it to its end. */
  listing(text: string, data: unknown): void {
    stdout.writeListing(this.#document(text, data));
  }

  /** A line of news. */
  info(text: string): void {
    this.endProgress();
    stderr.write(`${oneLine(text)}\n`);
  }

  warn(text: string): void {
    this.endProgress();
    stderr.write(`${this.#style("yellow", "warning:")} ${oneLine(text)}\n`);
  }

  error(text: string): void {
    this.endProgress();
    stderr.write(`${this.#style("red", "error:")} ${oneLine(text)}\n`);
  }

  /** More about an error, for those who report it. */
  details(text: string): void {
    stderr.write(`${printable(text)}\n`);
  }

  /** The state of something long: overwritten on a terminal; elsewhere only `milestone` lines are printed. */
  progress(text: string, milestone: boolean): void {
    if (this.#live) {
      stderr.write(`\r\u001b[K${text}`);
      this.#lineOpen = true;
    } else if (milestone) {
      stderr.write(`${text}\n`);
    }
  }

  /** Leaves the last progress line standing. */
  endProgress(): void {
    if (this.#lineOpen) stderr.write("\n");
    this.#lineOpen = false;
  }

  #document(text: string, data: unknown): string {
    return `${this.#json ? toJson(data) : printable(text)}\n`;
  }

  #style(colour: "red" | "yellow", text: string): string {
    return this.#colour ? styleText(colour, text, { validateStream: false }) : text;
  }
}

/** Control characters, which a terminal would obey, and those that turn the direction of what follows. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** File names and prompts may hold characters that do not belong on a terminal; line breaks are kept. */
export function printable(text: string): string {
  return text.replace(UNSAFE, "\ufffd");
}

/** What is said of one thing is one line, whatever the thing is called. */
function oneLine(text: string): string {
  return printable(text.replace(/\s*[\n\v\f\r\u0085\u2028\u2029]\s*/g, " "));
}

/** JSON escapes most unsafe characters by itself, the others are escaped here: whoever reads it gets the exact text. */
export function toJson(data: unknown): string {
  const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  // Large seeds are digits behind a mark that is drawn anew each time: no text can hold it, wherever it comes from.
  const mark = randomUUID();
  const exact = (_: string, value: unknown) => (typeof value === "bigint" ? `${mark}${value}` : value);
  const text = JSON.stringify(data, exact, 2).replace(new RegExp(`"${mark}(\\d+)"`, "g"), "$1");
  return text.replace(UNSAFE, escape);
}

/** Rows as lines of text, their cells one below the other. Each row is one line, whatever is in its cells. */
export function formatTable(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(oneLine));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Estimates the time left from the pace so far. The first step, which warms things up, is not counted. */
export class TimeLeft {
  #firstStep: number | undefined;
  #startedAt = 0;

  /** @returns seconds, or undefined before the pace is known. */
  after(step: number, steps: number): number | undefined {
    if (this.#firstStep === undefined) {
      this.#firstStep = step;
      this.#startedAt = performance.now();
      return undefined;
    }
    const pace = (performance.now() - this.#startedAt) / 1000 / (step - this.#firstStep);
    return pace * (steps - step);
  }
}
