/**
 * @file Runs one case in a child process, watches its memory, and puts the result together.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { openUNet2DConditionModel } from "../src/diffusion/checkpoint.ts";
import type { CaseJob } from "./case-process.ts";
import type { CaseMeasurement, CaseMessage, CaseResult } from "./cases.ts";
import { readOnce } from "./page-cache.ts";
import { MemoryWatch, type MemoryPeaks } from "./memory-watch.ts";

/** @throws Error if the process of the case ends without a result */
export async function measureCase(job: CaseJob): Promise<CaseResult> {
  const { weights } = await openUNet2DConditionModel(job.unetFolder);
  await readOnce(weights.files);
  const { measurement, peaks, referenceRate } = await runCase(job);
  const medianSeconds = median(measurement.runSeconds);
  const rate = measurement.flops / medianSeconds;
  return {
    name: job.benchCase.name,
    ...measurement,
    medianSeconds,
    rate,
    referenceRate,
    efficiency: rate / referenceRate,
    peakBytes: peaks.peak ?? measurement.maxRssBytes,
    peakAnonymousBytes: peaks.anonymous,
  };
}

interface CaseRun {
  readonly measurement: CaseMeasurement;
  readonly peaks: MemoryPeaks;
  readonly referenceRate: number;
}

function runCase(job: CaseJob): Promise<CaseRun> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL("case-process.ts", import.meta.url)), [JSON.stringify(job)]);
    const watch = new MemoryWatch(child.pid ?? 0);
    let measured: Omit<CaseRun, "referenceRate"> | undefined;
    child.on("message", (message: CaseMessage) => {
      if (message.kind === "measured") {
        measured = { measurement: message.measurement, peaks: watch.stop() };
        child.send("continue");
      } else if (measured !== undefined) {
        resolve({ ...measured, referenceRate: message.rate });
      }
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      watch.stop();
      // Without effect after a result.
      reject(new Error(`${job.benchCase.name}: the process ended with ${signal ?? `exit code ${code ?? 0}`}`));
    });
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}
