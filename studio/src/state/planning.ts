/** @file Asks what a training run will take. */
import type { LearnJobRequest } from "../../../src/studio/api.ts";
import type { LearnPlan } from "./contract.ts";
import { server } from "./server.ts";
import { isOver, jobs, start } from "./studio.ts";

/** Neither: it is being planned. */
export interface PlanState {
  readonly plan?: LearnPlan;
  readonly fault?: string;
}

/** Milliseconds of rest before a plan is asked for: it takes seconds. */
const REST = 700;

/** @returns gives the plan up */
export function planFor(request: LearnJobRequest, onState: (state: PlanState) => void): () => void {
  let id: string | undefined;
  let isOld = false;
  let isMade = false;
  const plan = async () => {
    const job = await start({ ...request, kind: "plan" });
    id = job.id;
    if (isOld) void drop(id);
  };
  const timer = setTimeout(() => {
    plan().catch((error: unknown) => {
      onState({ fault: error instanceof Error ? error.message : String(error) });
    });
  }, REST);
  const unsubscribe = jobs.subscribe((all) => {
    const job = all.find((each) => each.id === id);
    if (isOld || isMade || job === undefined || !isOver(job)) return;
    isMade = true;
    if (job.fault !== undefined) onState({ fault: job.fault.message });
    else if (job.result?.kind === "plan") onState({ plan: job.result.plan });
  });
  return () => {
    isOld = true;
    clearTimeout(timer);
    unsubscribe();
    if (id !== undefined) void drop(id);
  };
}

/** A plan that nobody waits for is neither made nor shown. */
async function drop(id: string): Promise<void> {
  try {
    const job = jobs.value.find((each) => each.id === id);
    if (job !== undefined && !isOver(job)) await server.stopJob(id);
    else await server.removeJob(id);
  } catch {
    // It is gone already.
  }
}
