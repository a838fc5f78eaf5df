/**
 * @file How the plan of a run is told.
 */
import type { LearnPlan } from "../../../keepsake/planning/learn-plan.ts";
import { formatAbout, formatBytes, formatEach } from "../../../units.ts";
import { formatTable } from "../../output.ts";

/** Whether the run may want more memory than is free. */
export function isShort({ memory: { peak, free = Infinity } }: LearnPlan): boolean {
  return peak > free;
}

export const SHORT_MEMORY =
  "That may be more memory than is free: close other programs, or learn at a smaller --resolution.";

/** The plan in one line: `about 7 min, 1.2 GB of memory, 5.0 MB on disk`. */
export function planLine(plan: LearnPlan): string {
  const { budget, stepsDone, seconds, memory, disk } = plan;
  const left = stepsDone > 0 ? " left" : "";
  const mode = memory.mode === "checkpointing" ? " with checkpointing" : "";
  const chosen = budget === undefined ? "" : ` (${stepsInBudget(plan, budget)})`;
  const facts = [
    `about ${formatAbout(seconds.total)}${left}${chosen}`,
    `${formatBytes(memory.peak)} of memory${mode}`,
    `${formatBytes(disk.kept)} on disk`,
  ];
  return facts.join(", ");
}

/** The whole plan, for people. */
export function describePlan(plan: LearnPlan): string {
  const { steps, budget, stepsDone, photos, secondsPerStep, seconds, memory, disk, speed } = plan;
  const time = (what: string, value: number) => (value > 0 ? [[`  ${what}`, about(value)]] : []);
  const free = (bytes: number | undefined) => (bytes === undefined ? "" : `, ${formatBytes(bytes)} free`);
  const done = stepsDone > 0 ? `, ${stepsDone} done` : "";
  const how = memory.mode === "checkpointing" ? "with checkpointing" : "without checkpointing";
  const rows = [
    ["time", about(seconds.total)],
    ...time("loading", seconds.loading),
    ...time(`encoding ${photos} ${photos === 1 ? "photo" : "photos"}`, seconds.encoding),
    ...time(`training, ${steps} steps of ${formatEach(secondsPerStep)}${done}`, seconds.training),
    ...(budget === undefined ? [] : [["  chosen", stepsInBudget(plan, budget)]]),
    ...time("consolidation", seconds.consolidation),
    ...time("own pictures, samples, validation", seconds.extras),
    ...time("previews", seconds.previews),
    ["memory", `${formatBytes(memory.peak)}${free(memory.free)} (${how})`],
    ["disk", `${formatBytes(disk.kept)}${free(disk.free)} (and ${formatBytes(disk.snapshot)} while it runs)`],
    ["speed", `${Math.round(speed.training / 1e9)} GFLOP/s in training`],
  ];
  return [formatTable(rows), ...(isShort(plan) ? [SHORT_MEMORY] : []), "Nothing was written."].join("\n");
}

/** A run that ends long before its budget does would look like a mistake. */
function stepsInBudget({ steps, isMost }: LearnPlan, budget: number): string {
  const chosen = `${steps} steps in a budget of ${formatAbout(budget)}`;
  return isMost === true ? `${chosen}, the most for any; --steps takes more` : chosen;
}

function about(seconds: number): string {
  return seconds < 9.5 ? `${seconds.toFixed(1)} s` : formatAbout(seconds);
}
