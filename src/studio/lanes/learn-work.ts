/**
 * @file Learning a concept from photos in memory, and what that would take.
 */
import type { Keepsake } from "../../keepsake/keepsake.ts";
import type { LearnRequest } from "../../keepsake/learn-and-preview.ts";
import type { JobResult } from "../api.ts";
import type { JobTask } from "./protocol.ts";
import { Pace, type Work } from "./work.ts";

type LearnTask = Extract<JobTask, { readonly kind: "learn" | "plan" }>;

/** A learning that was stopped ends with the signal's reason: it is saved. */
export async function learn(task: LearnTask, keepsake: Keepsake, { signal, tell }: Work): Promise<JobResult> {
  const request = requestOf(task);
  if (task.kind === "plan") return { kind: "plan", plan: await keepsake.plan(request) };
  const pace = new Pace();
  tell({ kind: "progress", progress: { phase: "loading" } });
  const result = await keepsake.learn({
    ...{ ...request, signal, tellsPlan: true },
    onProgress: (news) => {
      switch (news.kind) {
        case "warning":
        case "note":
          tell({ kind: "progress", progress: { notes: [news.message] } });
          break;
        case "photos":
          tell({ kind: "progress", progress: { phase: "encoding", notes: news.warnings } });
          break;
        case "plan": {
          const { plan } = news;
          const { stepsDone: done, steps: count } = plan;
          tell({ kind: "progress", progress: { plan, done, count, secondsLeft: plan.seconds.total } });
          break;
        }
        case "resumed":
          pace.restart(news.step);
          tell({ kind: "resumed", step: news.step });
          break;
        case "step": {
          const { phase, step, steps, loss } = news;
          tell({ kind: "progress", progress: { phase: phaseName(phase), losses: [loss], ...pace.after(step, steps) } });
          break;
        }
        case "learned":
        case "previews":
          break;
      }
    },
  });
  if (result.status === "interrupted") throw signal.reason;
  const { token, step, steps } = result;
  return { kind: "learn", token, step, steps };
}

/** The page draws its own previews, so no sheet is written. */
function requestOf({ request, photos }: LearnTask): LearnRequest {
  const { name, classNoun, settings = {} } = request;
  const { steps, budget, strategy, learningRate, rank, resolution, seed, flip } = settings;
  return {
    ...{ name, classNoun, photos, previews: false, strategy },
    ...(budget !== undefined && { budget }),
    ...(rank !== undefined && { adapter: { rank } }),
    training: {
      ...(steps !== undefined && { steps }),
      ...(learningRate !== undefined && { learningRate }),
      ...(resolution !== undefined && { resolution }),
      ...(seed !== undefined && { seed }),
      ...(flip !== undefined && { flip }),
    },
  };
}

/** As the page names phases. */
function phaseName(phase: string): string {
  return phase === "consolidate" ? "consolidation" : "training";
}
