/** @file How a running job's progress grows, piece by piece. */
import type { Job, JobProgress } from "../../../src/studio/api.ts";

/** What is known after a piece came: lists but `bars` grow, all else is replaced. */
export function added(known: JobProgress, piece: JobProgress): JobProgress {
  const grown = <Item>(before: readonly Item[] | undefined, more: readonly Item[] | undefined) =>
    more === undefined ? before : [...(before ?? []), ...more];
  return {
    ...known,
    ...piece,
    losses: grown(known.losses, piece.losses),
    firstStep: known.firstStep ?? piece.firstStep,
    samples: grown(known.samples, piece.samples),
    pictures: grown(known.pictures, piece.pictures),
    cells: grown(known.cells, piece.cells),
    notes: grown(known.notes, piece.notes),
  };
}

/** Share of a job that is done, in [0, 1]; absent if there is no telling. */
export function shareDone({ progress: { done, count, bytes } }: Job): number | undefined {
  if (bytes !== undefined && bytes.total > 0) return bytes.done / bytes.total;
  if (done === undefined || count === undefined || count === 0) return undefined;
  return Math.min(1, done / count);
}
