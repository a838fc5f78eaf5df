/**
 * @file What a lane does for each kind of task: a thin shell over the facade.
 */
import type { Keepsake } from "../../keepsake/keepsake.ts";
import type { DoctorReport } from "../../keepsake/planning/doctor.ts";
import type { UnlearnProgress } from "../../keepsake/unlearn-concept.ts";
import type { JobResult } from "../api.ts";
import { inPageWords } from "../page-words.ts";
import type { ResultOf, Task } from "./protocol.ts";
import { Pace, type Work } from "./work.ts";

/** Does a task. @throws KeepsakeError as the facade; the signal's reason */
export async function perform(task: Task, work: Work): Promise<ResultOf<Task>> {
  const { signal } = work;
  signal.throwIfAborted();
  switch (task.kind) {
    case "look":
      return (await import("./photo-work.ts")).look(task);
    case "mask":
      return (await import("./photo-work.ts")).fitMask(task);
    case "facts":
      return (await import("./model-work.ts")).modelFacts(work);
    case "choose-model":
      return (await import("./model-work.ts")).chooseModel(task, work);
    case "pull":
      return (await import("./pull-work.ts")).pull(task, work);
    case "learn":
    case "plan":
    case "ask":
    case "draw":
    case "previews":
    case "remember":
    case "export":
    case "doctor":
    case "verify":
    case "unlearn":
    case "forget":
    case "rename":
    case "undo":
    case "redo":
    case "keep":
      return inLibrary(task, await work.library.at(work.place), work);
  }
}

/** What the doctor says to do is written for the command line. */
function inWords(report: DoctorReport): DoctorReport {
  const problems = report.problems.map((problem) => ({ ...problem, message: inPageWords(problem.message) }));
  return { ...report, problems };
}

type LibraryTask = Exclude<Task, { readonly kind: "look" | "mask" | "facts" | "choose-model" | "pull" }>;

async function inLibrary(task: LibraryTask, keepsake: Keepsake, work: Work): Promise<JobResult> {
  const { signal } = work;
  switch (task.kind) {
    case "learn":
    case "plan":
      return (await import("./learn-work.ts")).learn(task, keepsake, work);
    case "ask":
      return (await import("./ask-work.ts")).ask(task, keepsake, work);
    case "draw":
      return (await import("./draw-work.ts")).draw(task, keepsake, work);
    case "previews":
      return (await import("./remember-work.ts")).drawPreviews(task.concepts, keepsake, work);
    case "remember":
      return (await import("./remember-work.ts")).remember(keepsake, work);
    case "rename":
      await keepsake.rename({ name: task.name, to: task.to });
      return { kind: "rename" };
    case "export":
      return (await import("./export-work.ts")).exportLearned(task, keepsake, work);
    case "doctor":
      return { kind: "doctor", report: inWords(await keepsake.doctor()) };
    case "verify":
      return { kind: "verify", faults: (await keepsake.verify({ signal })).faults };
    case "unlearn": {
      const pace = new Pace();
      const onProgress = ({ step, steps }: UnlearnProgress) => {
        work.tell({ kind: "progress", progress: { phase: "training", ...pace.after(step, steps) } });
      };
      return { kind: "unlearn", facts: await keepsake.unlearn({ name: task.name, signal, onProgress }) };
    }
    case "forget":
      return { kind: "forget", facts: await keepsake.forget({ name: task.name, purge: task.purge ?? false }) };
    case "undo":
      return { kind: "undo", facts: await keepsake.undo(task.to === undefined ? {} : { to: task.to }) };
    case "redo":
      return { kind: "redo", facts: await keepsake.redo() };
    case "keep":
      await keepsake.history({ keep: task.keep });
      return { kind: "keep" };
  }
}
