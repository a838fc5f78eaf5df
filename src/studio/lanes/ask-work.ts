/**
 * @file Which concept is on a photo, with the bars as they narrow.
 */
import type { Verdict } from "../../classifier/picture-answer.ts";
import type { Keepsake } from "../../keepsake/keepsake.ts";
import type { PhotoInMemory } from "../../training/photos/find-photos.ts";
import type { Bar, JobResult } from "../api.ts";
import type { Work } from "./work.ts";

/** How many bars are told of. */
const MOST_BARS = 12;

export async function ask(
  { photo }: { readonly photo: PhotoInMemory },
  keepsake: Keepsake,
  { signal, tell }: Work,
): Promise<JobResult> {
  const asking = keepsake.classify({ images: [photo], signal });
  for await (const news of asking) {
    if (news.kind === "evaluated") tell({ kind: "progress", progress: { phase: "comparing", done: news.evaluations } });
    if (news.kind === "verdicts") tell({ kind: "progress", progress: { bars: barsOf(news.verdicts, news.left) } });
  }
  const [{ answer, verdicts }] = await asking;
  const most = Math.max(...verdicts.map(({ draws }) => draws));
  const left = verdicts.filter(({ draws }) => draws === most).map(({ label }) => label);
  const bars = barsOf(verdicts, left);
  tell({ kind: "progress", progress: { bars } });
  return { kind: "ask", answer, bars };
}

/** @param left - labels of those that are not given up */
function barsOf(verdicts: readonly Verdict[], left: readonly string[]): Bar[] {
  const bars = verdicts.map(({ label, concept, probability }): Bar => ({
    ...{ label, probability, isOut: !left.includes(label) },
    ...(concept !== undefined && { concept }),
  }));
  return bars.sort((a, b) => b.probability - a.probability).slice(0, MOST_BARS);
}
