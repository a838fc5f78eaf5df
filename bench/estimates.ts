/**
 * @file `npm run bench -- --estimates`: what a plan says of a training run before it, and what the run then takes.
 * Every run has a process and a library of its own.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFileAtomic } from "../src/io/atomic.ts";
import type { LearnPlan, LearnRequest } from "../src/index.ts";
import { formatBytes } from "../src/units.ts";
import { chosenCases } from "./chosen-cases.ts";
import { runJob } from "./job-process.ts";
import { randomCheckpointFolder, type CheckpointSize, type WeightsDType } from "./random-checkpoint.ts";

/** A training run that is planned and then made. */
interface EstimateCase {
  readonly name: string;
  /** Of random weights at the size of Stable Diffusion; absent: the built-in model. */
  readonly weights?: WeightsDType;
  /** Default: that of Stable Diffusion 1.x. */
  readonly size?: CheckpointSize;
  readonly request: Pick<LearnRequest, "training" | "strategy" | "previews" | "checkpointing">;
}

/** Few steps at the real size: one takes seconds. */
const CASES: readonly EstimateCase[] = [
  { name: "built-in", request: {} },
  { name: "built-in ewc-dc", request: { strategy: "ewc-dc", training: { steps: 150 }, previews: false } },
  { name: "sd1 256 fp32", weights: "fp32", request: { training: { steps: 20, resolution: 256 } } },
  { name: "sd1 512 fp32", weights: "fp32", request: { training: { steps: 10, resolution: 512 } } },
  {
    name: "sd1 512 fp16 checkpointing",
    weights: "fp16",
    request: { training: { steps: 10, resolution: 512 }, checkpointing: true },
  },
  {
    ...{ name: "sdxl 512 fp16", weights: "fp16", size: "sdxl" },
    request: { training: { steps: 2, resolution: 512 } },
  },
  {
    ...{ name: "sdxl 512 fp16 sequential", weights: "fp16", size: "sdxl" },
    request: { strategy: "sequential", training: { steps: 2, resolution: 512 } },
  },
];

/** The bounds that an idle machine is to keep. */
const MARKS = { seconds: 0.25, memory: 0.1 } as const;

/** What the process of a run is told; JSON on its command line. */
export interface EstimateJob {
  readonly library: string;
  readonly model?: string;
  readonly request: EstimateCase["request"];
}

/** What it answers. */
export interface EstimateResult {
  readonly plan: LearnPlan;
  readonly seconds: number;
}

/** Prints a row for each case. @param options - `case`: a part of the names of those to run */
export async function compareEstimates(options: {
  readonly case: string;
  readonly cache: string;
  readonly json?: string;
}): Promise<void> {
  const chosen = chosenCases(CASES, options.case);
  const results = [];
  console.log("| case | seconds planned | measured | error | memory planned | measured | error |");
  console.log("|---|---|---|---|---|---|---|");
  for (const { name, weights, size, request } of chosen) {
    console.error(`${name} ...`);
    const model = weights === undefined ? undefined : await randomCheckpointFolder(options.cache, weights, size);
    const folder = await mkdtemp(join(tmpdir(), "keepsake-estimates-"));
    try {
      const job = { library: join(folder, "library"), request, ...(model !== undefined && { model }) };
      const { result, peaks } = await runJob("estimate-process.ts", job, (message) => message as EstimateResult);
      const { plan, seconds } = result;
      const { peak } = peaks;
      results.push({ name, plan, seconds, peak });
      const row = [
        ...[name, plan.seconds.total.toFixed(1), seconds.toFixed(1), error(plan.seconds.total, seconds, MARKS.seconds)],
        formatBytes(plan.memory.peak),
        ...(peak === undefined ? ["unknown", ""] : [formatBytes(peak), error(plan.memory.peak, peak, MARKS.memory)]),
      ];
      console.log(`| ${row.join(" | ")} |`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  if (options.json !== undefined) await writeFileAtomic(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
}

function error(planned: number, measured: number, bound: number): string {
  const share = planned / measured - 1;
  return `${share < 0 ? "−" : "+"}${(100 * Math.abs(share)).toFixed(0)} % (${Math.abs(share) <= bound ? "ok" : "missed"})`;
}
