/**
 * @file What continual learning is judged by, for any score: how good each concept was right after it was learned, how
 * good it is at the end, and what learning the later ones did to it.
 */
import { meanOf } from "./estimate.ts";

/**
 * `matrix[n][j]`: something about concept j after concept n was learned, both counted from 0; row n has n + 1 entries.
 */
export type SequenceMatrix<T> = readonly (readonly T[])[];

/** Whether a larger score is a better one. */
export type Better = "higher" | "lower";

/** A score for each entry. */
export function scoresOf<T>(matrix: SequenceMatrix<T>, score: (entry: T, concept: number) => number): number[][] {
  return matrix.map((row) => row.map((entry, concept) => score(entry, concept)));
}

/** mean_j score[N][j]: over all concepts, at the end. @throws RangeError for no concept or rows of other lengths */
export function finalMean(scores: SequenceMatrix<number>): number {
  checkTriangle(scores);
  return meanOf(scores[scores.length - 1]);
}

/**
 * Plasticity: mean_j score[j][j], each concept right after it was learned.
 *
 * @throws RangeError for no concept or rows of other lengths
 */
export function plasticity(scores: SequenceMatrix<number>): number {
  checkTriangle(scores);
  return meanOf(scores.map((row, j) => row[j]));
}

/**
 * Backward transfer: mean_{j<N} of score[N][j] - score[j][j] (Lopez-Paz & Ranzato, "Gradient Episodic Memory", NeurIPS
 * 2017, equation 3), turned round if lower scores are better. Negative: the later concepts made the earlier ones worse.
 * Undefined for one concept.
 *
 * @throws RangeError for no concept or rows of other lengths
 */
export function backwardTransfer(scores: SequenceMatrix<number>, better: Better): number | undefined {
  checkTriangle(scores);
  const last = scores[scores.length - 1];
  const changes = last.slice(0, -1).map((score, j) => score - scores[j][j]);
  if (changes.length === 0) return undefined;
  return better === "higher" ? meanOf(changes) : meanOf(changes.map((change) => -change));
}

/** @throws RangeError unless there is a row, and row n has n + 1 entries */
export function checkTriangle(matrix: SequenceMatrix<unknown>): void {
  if (matrix.length === 0) throw new RangeError("there is no concept to judge");
  const wrong = matrix.findIndex((row, n) => row.length !== n + 1);
  if (wrong >= 0) throw new RangeError(`row ${wrong} has ${matrix[wrong].length} entries, not ${wrong + 1}`);
}
