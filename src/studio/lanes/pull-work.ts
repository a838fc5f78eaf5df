/**
 * @file Pulling a model from the Hugging Face Hub: the one job that opens a connection, and it loads the code for it
 * here.
 */
import type { JobRequest, JobResult } from "../api.ts";
import type { Work } from "./work.ts";

export async function pull(
  { model }: Extract<JobRequest, { readonly kind: "pull" }>,
  { signal, tell }: Work,
): Promise<JobResult> {
  const { pullModel } = await import("../../hub/pull.ts");
  const started = performance.now();
  let first: number | undefined;
  await pullModel({
    ...{ model, signal },
    onProgress: (news) => {
      if (news.kind === "waiting") tell({ kind: "progress", progress: { notes: [news.reason] } });
      if (news.kind === "plan") tell({ kind: "progress", progress: { bytes: { done: 0, total: news.missing } } });
      if (news.kind !== "bytes") return;
      const { done, missing: total } = news;
      first ??= done;
      const rate = (done - first) / (performance.now() - started);
      const secondsLeft = rate > 0 ? (total - done) / rate / 1000 : undefined;
      tell({
        kind: "progress",
        progress: { phase: "pulling", bytes: { done, total }, ...(secondsLeft !== undefined && { secondsLeft }) },
      });
    },
  });
  return { kind: "pull" };
}
