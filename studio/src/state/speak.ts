/** @file What screen readers are told of a training run: its start, every quarter, its end; nothing in between. */
import { effect } from "@preact/signals";
import { text } from "../strings.ts";
import { spoken } from "./messages.ts";
import { shareDone } from "./progress.ts";
import { training } from "./studio.ts";

export function speakProgress(): void {
  let said = "";
  effect(() => {
    const job = training.value;
    if (job === undefined) return;
    const quarters = Math.floor((shareDone(job) ?? 0) * 4) * 25;
    const key = `${job.id} ${job.status} ${job.status === "running" ? quarters : ""}`;
    const isFirst = said === "";
    if (key === said) return;
    said = key;
    // What was over before the page was opened is no news.
    if (isFirst && job.status !== "running") return;
    spoken.value = text.watch.spoken(job.request.name, job.status, quarters, job.request.again);
  });
}
