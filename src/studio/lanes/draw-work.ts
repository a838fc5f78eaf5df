/**
 * @file Pictures of a prompt, for the page.
 */
import type { Keepsake } from "../../keepsake/keepsake.ts";
import type { DrawJobRequest, JobResult, PictureId } from "../api.ts";
import { handOver, Pace, type Work } from "./work.ts";

/** Draws pictures, and tells of each as it is done. */
export async function draw(task: DrawJobRequest, keepsake: Keepsake, work: Work): Promise<JobResult> {
  const { kind, ...request } = task;
  const { n = 1 } = request;
  const pace = new Pace();
  const pictures: PictureId[] = [];
  const drawing = keepsake.generate({ ...request, signal: work.signal });
  for await (const news of drawing) {
    if (news.kind === "warning") work.tell({ kind: "progress", progress: { notes: [news.message] } });
    if (news.kind === "step") {
      const { index, step, steps } = news;
      const { secondsLeft } = pace.after(index * steps + step, n * steps);
      work.tell({
        kind: "progress",
        progress: { phase: "drawing", done: index, count: n, ...(secondsLeft !== undefined && { secondsLeft }) },
      });
    }
    if (news.kind === "picture") {
      const id = await handOver(news.picture, work);
      pictures.push(id);
      work.tell({ kind: "progress", progress: { done: pictures.length, count: n, pictures: [id] } });
    }
  }
  return { kind, pictures };
}
