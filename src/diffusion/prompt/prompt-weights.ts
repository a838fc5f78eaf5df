/**
 * @file The notation of weights in prompts, as AUTOMATIC1111's program has it (`modules/prompt_parser.py`,
 * `parse_prompt_attention`): `(word)` is 1.1, `[word]` 1/1.1, `(word:1.2)` 1.2, brackets within brackets multiply, a
 * backslash makes the next character a letter, and BREAK begins a new part.
 */

/** Words of one weight. */
export interface WeightedText {
  readonly text: string;
  /** 1: as it is. */
  readonly weight: number;
}

/** The runs of a prompt between one BREAK and the next. A run that follows another has another weight. */
export type PromptPart = readonly WeightedText[];

const ROUND = 1.1;
const SQUARE = 1 / 1.1;

/** An escape, a bracket, the end of a weighted bracket with its weight, or text without any of these. */
const PIECES = /\\[()[\]\\]?|[([]|:\s*([+-]?[.\d]+)\s*\)|[)\]]|[^\\()[\]:]+|:/g;

/**
 * Reads the weights of a prompt. Every text is a prompt: brackets that nothing closes count to the end, and a closing
 * one that nothing opened is text. In two things this differs from the original: BREAK also ends a part within
 * brackets, and a weight that is no number (`1.2.3`) is text.
 *
 * @returns at least one part
 */
export function readWeights(prompt: string): PromptPart[] {
  const runs: { text: string; weight: number }[] = [];
  /** Numbers of the runs that begin a part. */
  const breaks: number[] = [];
  const open = { round: new Array<number>(), square: new Array<number>() };
  const multiply = (from: number | undefined, factor: number) => {
    for (let i = from ?? runs.length; i < runs.length; i++) runs[i].weight *= factor;
  };
  const add = (text: string) => {
    for (const [i, part] of withoutBreaks(text).entries()) {
      if (i > 0) breaks.push(runs.length);
      runs.push({ text: part, weight: 1 });
    }
  };
  for (const [piece, number] of prompt.matchAll(PIECES)) {
    const weight = Number(number);
    if (piece.startsWith("\\")) runs.push({ text: piece.slice(1), weight: 1 });
    else if (piece === "(") open.round.push(runs.length);
    else if (piece === "[") open.square.push(runs.length);
    else if (number !== undefined && open.round.length > 0) {
      if (Number.isNaN(weight)) add(piece.slice(0, -1));
      multiply(open.round.pop(), Number.isNaN(weight) ? ROUND : weight);
    } else if (piece === ")" && open.round.length > 0) multiply(open.round.pop(), ROUND);
    else if (piece === "]" && open.square.length > 0) multiply(open.square.pop(), SQUARE);
    else add(piece);
  }
  for (const from of open.round) multiply(from, ROUND);
  for (const from of open.square) multiply(from, SQUARE);
  return [0, ...breaks].map((from, i) => merged(runs.slice(from, breaks[i])));
}

/** The words of a prompt as they are drawn, without brackets and weights. */
export function withoutWeights(prompt: string): string {
  const parts = readWeights(prompt).map((part) => part.map(({ text }) => text).join(""));
  return parts.join(" ").trim();
}

/** A text as a prompt that means just this text: brackets and backslashes are escaped. */
export function escapeWeights(text: string): string {
  // To a tokenizer small letters are the same word; BREAK has no escape.
  return text.replace(/[\\()[\]]/g, "\\$&").replace(BREAK, "break");
}

const BREAK = /(?<![\p{L}\p{N}_])BREAK(?![\p{L}\p{N}_])/gu;

/** The texts between one BREAK and the next, without the spaces around it. */
function withoutBreaks(text: string): string[] {
  const parts = text.split(BREAK);
  return parts.map((part, i) => {
    const begun = i === 0 ? part : part.trimStart();
    return i === parts.length - 1 ? begun : begun.trimEnd();
  });
}

/** Neighbours of the same weight as one run: words may reach from one to the next. */
function merged(runs: readonly WeightedText[]): WeightedText[] {
  const joined: { text: string; weight: number }[] = [];
  for (const { text, weight } of runs) {
    const last = joined.at(-1);
    if (last?.weight === weight) last.text += text;
    else joined.push({ text, weight });
  }
  return joined.length === 0 ? [{ text: "", weight: 1 }] : joined;
}
