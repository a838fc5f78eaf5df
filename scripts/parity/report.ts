/** @file The report: a line for each case, and one for all. */
import { type Measure, passes, severity } from "./checks.ts";
import type { ParityResult } from "./run.ts";

/** E.g. `ok   forward/unet-sd1-b1  worst 2.1e-6 of 1e-4 (sample_out)`. */
export function formatResult(result: ParityResult): string {
  const { name, ok, worst, failure } = result;
  const status = ok ? "ok  " : "FAIL";
  const notes: string[] = [];
  if (worst && severity(worst) === 0 && result.measures.length > 1)
    notes.push(`exact (${result.measures.length} comparisons)`);
  else if (worst) notes.push(formatMeasure(worst));
  if (!ok) {
    const beyond = result.measures.filter((measure) => !passes(measure));
    if (beyond.length > 1)
      notes.push(`${beyond.length} of ${result.measures.length} comparisons are beyond their tolerance`);
    const deviating = result.debug.find((measure) => !passes(measure));
    if (deviating) notes.push(`first module that deviates: ${deviating.what}`);
    if (failure !== undefined) notes.push(`could not be run: ${failure.split("\n", 1)[0]}`);
    else if (!worst) notes.push("nothing to compare");
  }
  return `${status} ${name}  ${notes.join("; ")}`;
}

/** Every comparison of a case, the worst first, then the intermediate values. */
export function formatDetails({ measures, debug, seconds }: ParityResult): string[] {
  const sorted = [...measures].sort((a, b) => severity(b) - severity(a));
  return [
    ...sorted.map((measure) => `       ${formatMeasure(measure)}`),
    ...debug.map((measure) => `       on the way: ${formatMeasure(measure)}`),
    `       ${seconds.toFixed(2)} s`,
  ];
}

export function formatSummary(results: readonly ParityResult[]): string {
  const failed = results.filter(({ ok }) => !ok);
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  const counts =
    failed.length === 0 ? `all ${results.length} cases pass` : `${failed.length} of ${results.length} cases fail`;
  return `${counts}, ${seconds.toFixed(1)} s`;
}

/** The result without its details, for --json. */
export function resultToJson({ name, ok, worst, failure, seconds }: ParityResult): string {
  return JSON.stringify({
    case: name,
    ok,
    // JSON has no infinity.
    ...(worst && { worst: { ...worst, error: Number.isFinite(worst.error) ? worst.error : String(worst.error) } }),
    ...(failure !== undefined && { failure }),
    seconds: Number(seconds.toFixed(3)),
  });
}

function formatMeasure({ what, error, tolerance }: Measure): string {
  if (tolerance === 0)
    return error === 0 ? `exact (${what})` : `off by ${formatNumber(error)}, must be equal (${what})`;
  return `worst ${formatNumber(error)} of ${formatNumber(tolerance)} (${what})`;
}

function formatNumber(value: number): string {
  return value === 0 || Number.isInteger(value) ? String(value) : value.toExponential(1);
}
