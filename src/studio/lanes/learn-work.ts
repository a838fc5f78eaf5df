/**
 * @file Learning a concept from photos in memory, and what that would take.
 */
import type { Keepsake } from "../../keepsake/keepsake.ts";
import type { LearnRequest } from "../../keepsake/learn-and-preview.ts";
import { Library } from "../../library/library.ts";
import { chosenModel } from "../../library/model/model-folder.ts";
import { BUILT_IN, profileOf } from "../../library/model/model-profile.ts";
import { conceptName } from "../../prompts/concept-name.ts";
import { type RecordedRequest, recordedRequest } from "./recorded-request.ts";
import type { JobResult } from "../api.ts";
import { LearnPace } from "./learn-pace.ts";
import type { JobTask } from "./protocol.ts";
import { handOver, type Work } from "./work.ts";

type LearnTask = Extract<JobTask, { readonly kind: "learn" | "plan" }>;

/** A training run that was stopped ends with the signal's reason: it is saved. */
export async function learn(task: LearnTask, keepsake: Keepsake, work: Work): Promise<JobResult> {
  const { signal, tell } = work;
  const library = await Library.openIfExists(keepsake.folder);
  const recorded = library && (await recordedRequest(library));
  const asked = withRecorded(requestOf(task), recorded);
  const every = task.request.settings?.sampleEvery ?? usualInterval(asked, library, work);
  const request = { ...asked, ...(every > 0 && { samples: { every, others: true } }) };
  if (task.kind === "plan") return { kind: "plan", plan: await keepsake.plan({ ...request, signal }) };
  const others = (library?.concepts ?? []).filter(({ name }) => name !== conceptName(asked.name));
  const pace = new LearnPace({ every, pictures: 1 + others.length });
  tell({ kind: "progress", progress: { phase: "loading" } });
  const learning = keepsake.learn({ ...request, signal, tellsPlan: true });
  for await (const news of learning) {
    switch (news.kind) {
      case "note":
        // Written for the command line; the page has words of its own.
        if (news.message === BUILT_IN.note) break;
        tell({ kind: "progress", progress: { notes: [news.message] } });
        break;
      case "warning":
        tell({ kind: "progress", progress: { notes: [news.message] } });
        break;
      case "photos":
        tell({ kind: "progress", progress: { phase: "encoding", notes: news.warnings } });
        break;
      case "plan": {
        const { plan } = news;
        pace.planned(plan);
        const { stepsDone: done, steps: count } = plan;
        tell({ kind: "progress", progress: { plan, done, count, secondsLeft: plan.seconds.total } });
        break;
      }
      case "resumed":
        tell({ kind: "resumed", step: news.step });
        break;
      case "step": {
        const { phase, step, steps, loss } = news;
        tell({ kind: "progress", progress: { phase: phaseName(phase), losses: [loss], ...pace.step(step, steps) } });
        break;
      }
      case "sample": {
        const { step, steps, concept } = news;
        const picture = await handOver(news.picture, work);
        tell({
          kind: "progress",
          progress: { samples: [{ step, concept, picture }], ...pace.picture(step, steps) },
        });
        break;
      }
      case "class pictures":
      case "replayed pictures":
        tell({ kind: "progress", progress: { phase: "drawing", done: news.done, count: news.count } });
        break;
      case "preparing":
      case "validation":
      case "learned":
      case "previews":
        break;
    }
  }
  const result = await learning;
  if (result.status === "interrupted") throw signal.reason;
  const { token, step, steps } = result;
  return { kind: "learn", token, step, steps };
}

/** The page draws its own previews, so no sheet is written. */
function requestOf({ request, photos }: LearnTask): LearnRequest {
  const { name, classNoun, again, settings = {} } = request;
  const { steps, budget, strategy, learningRate, rank, resolution, seed, flip } = settings;
  return {
    ...{ name, classNoun, photos, previews: false, strategy },
    ...{ more: again === "more", replace: again === "replaced" },
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

/** What goes on with an unfinished run is as that was begun, whatever is asked for now: the page may have forgotten. */
function withRecorded(request: LearnRequest, recorded: RecordedRequest | undefined): LearnRequest {
  if (recorded === undefined || recorded.name !== conceptName(request.name)) return request;
  const { training = {}, adapter = {}, strategy, strategyOptions, more, replace } = recorded;
  return {
    ...request,
    ...{ more, replace },
    budget: undefined,
    training: { ...request.training, ...training },
    adapter: { ...request.adapter, ...adapter },
    ...(strategy !== undefined && { strategy, strategyOptions }),
  };
}

/** Samples come at the beginning, at the end, and three times between. */
function usualInterval({ training }: LearnRequest, library: Library | undefined, { place }: Work): number {
  const { steps = profileOf(chosenModel(place, library).name).training.steps } = training ?? {};
  return Math.ceil(steps / 4);
}

/** As the page names phases. */
function phaseName(phase: string): string {
  return phase === "consolidate" ? "consolidation" : "training";
}
