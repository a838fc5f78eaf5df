/**
 * @file What each concept looks like in each state: the matrix of what was remembered, and the previews of one state.
 */
import type { Keepsake } from "../../keepsake/keepsake.ts";
import type { ForgettingCell } from "../../keepsake/previews/forgetting-matrix.ts";
import type { JobResult, MatrixCell, PictureId } from "../api.ts";
import { handOver, Pace, type Work } from "./work.ts";

/** Every concept in every state that is kept. */
export async function remember(keepsake: Keepsake, work: Work): Promise<JobResult> {
  const cells: MatrixCell[] = [];
  await drawCells(keepsake, {}, work, (cell, pictures) => {
    const { state, nameThen: concept, change } = cell;
    const shown = { state, concept, change, pictures };
    cells.push(shown);
    return [shown];
  });
  return { kind: "remember", cells };
}

/** Concepts in the current state. */
export async function drawPreviews(concepts: readonly string[], keepsake: Keepsake, work: Work): Promise<JobResult> {
  if (concepts.length > 0) {
    const [{ id }] = (await keepsake.history()).states;
    await drawCells(keepsake, { states: [id], concepts }, work, () => undefined);
  }
  return { kind: "previews" };
}

async function drawCells(
  keepsake: Keepsake,
  request: { readonly states?: readonly string[]; readonly concepts?: readonly string[] },
  work: Work,
  shown: (cell: ForgettingCell, pictures: readonly PictureId[]) => readonly MatrixCell[] | undefined,
): Promise<void> {
  const pace = new Pace();
  for await (const { cell, done, count } of keepsake.forgettingMatrix({ ...request, signal: work.signal })) {
    const pictures: PictureId[] = [];
    for (const picture of cell.pictures) pictures.push(await handOver(picture, work));
    work.tell({ kind: "preview", state: cell.state, concept: cell.nameThen, pictures });
    const cells = shown(cell, pictures);
    const progress = { phase: "previews", ...pace.after(done, count), ...(cells !== undefined && { cells }) };
    work.tell({ kind: "progress", progress });
  }
}
