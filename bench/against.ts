/**
 * @file Compares results with earlier ones of the same kind of machine: a guard against what makes the engine slower or
 * larger. Seconds depend on the day; how near a case comes to the reference convolution in the same process depends on
 * the code.
 */
import { KeepsakeError } from "../src/errors.ts";
import { readJson } from "../src/io/json.ts";
import type { CaseResult } from "./cases.ts";

/** What of a case is compared. */
export type ComparedCase = Pick<
  CaseResult,
  "name" | "runSeconds" | "medianSeconds" | "efficiency" | "referenceRate" | "peakBytes" | "peakAnonymousBytes"
>;

/** A case then and now. */
export interface Comparison {
  readonly name: string;
  /** Efficiency now over efficiency then. */
  readonly efficiency: number;
  /** The least that is not told from noise. */
  readonly leastEfficiency: number;
  /** Peak now over peak then. */
  readonly peak: number;
  /** The same of what the process really occupied; undefined where it was not measured both times. */
  readonly anonymous: number | undefined;
  /** Rate of the reference convolution now over that then. */
  readonly reference: number;
  /** Larger, or slower by a reference that was not disturbed. */
  readonly isWorse: boolean;
}

/** Efficiency of the same code may differ by this much from process to process. */
const NOISE = 0.05;
/** Peaks hardly differ. */
const MOST_PEAK = 1.03;
const MOST_ANONYMOUS = 1.05;
/** A reference that differs by more was disturbed, then or now, and so is every efficiency that is told by it. */
const REFERENCE_NOISE = 0.15;
/** Processes in which a case that seems worse is measured: a disturbance passes, a slower engine does not. */
const ATTEMPTS = 3;

/** The noise is that between processes, or, if it is larger, the spread of a case's own runs. */
function compareCase(then: ComparedCase, now: ComparedCase): Comparison {
  const leastEfficiency = 1 - Math.max(NOISE, spread(then), spread(now));
  const [efficiency, peak] = [now.efficiency / then.efficiency, now.peakBytes / then.peakBytes];
  const anonymous =
    then.peakAnonymousBytes === undefined || now.peakAnonymousBytes === undefined
      ? undefined
      : now.peakAnonymousBytes / then.peakAnonymousBytes;
  const reference = now.referenceRate / then.referenceRate;
  const isSlower = efficiency < leastEfficiency && !isDisturbed({ reference });
  const isWorse = isSlower || peak > MOST_PEAK || (anonymous ?? 0) > MOST_ANONYMOUS;
  return { name: now.name, efficiency, leastEfficiency, peak, anonymous, reference, isWorse };
}

function isDisturbed({ reference }: Pick<Comparison, "reference">): boolean {
  return Math.abs(reference - 1) > REFERENCE_NOISE;
}

/** Each case that both have. */
export function compareResults(earlier: readonly ComparedCase[], now: readonly ComparedCase[]): Comparison[] {
  return now.flatMap((own) => {
    const then = earlier.find(({ name }) => name === own.name);
    return then === undefined ? [] : [compareCase(then, own)];
  });
}

/**
 * Measures a case, and again while it is worse than before or its reference another, {@link ATTEMPTS} times at most.
 *
 * @returns the last result
 */
export async function measureAgainst<Result extends ComparedCase>(
  earlier: readonly ComparedCase[],
  measure: () => Promise<Result>,
): Promise<Result> {
  let result = await measure();
  const isInDoubt = () => compareResults(earlier, [result]).some((each) => each.isWorse || isDisturbed(each));
  for (let attempt = 1; attempt < ATTEMPTS && isInDoubt(); attempt++) result = await measure();
  return result;
}

/** Half of the range of the runs, of the median: what one of them may be off by. */
function spread({ runSeconds, medianSeconds }: ComparedCase): number {
  return (Math.max(...runSeconds) - Math.min(...runSeconds)) / 2 / medianSeconds;
}

/** One line for each case. */
export function formatComparison(compared: readonly Comparison[]): string {
  const percent = (ratio: number) => `${ratio >= 1 ? "+" : "−"}${Math.abs(100 * (ratio - 1)).toFixed(1)} %`;
  return compared
    .map((each) => {
      const { name, efficiency, leastEfficiency, peak, anonymous, reference, isWorse } = each;
      const facts = [
        `efficiency ${percent(efficiency)}, at least ${percent(leastEfficiency)}`,
        `peak ${percent(peak)}, at most ${percent(MOST_PEAK)}`,
        ...(anonymous === undefined ? [] : [`anonymous ${percent(anonymous)}, at most ${percent(MOST_ANONYMOUS)}`]),
        ...(isDisturbed(each) ? [`the reference ran at ${percent(reference)}, so the efficiency says little`] : []),
      ];
      return `${name}: ${facts.join("; ")}: ${isWorse ? "WORSE" : "ok"}`;
    })
    .join("\n");
}

/** What `--json` wrote. */
export interface EarlierResults {
  /** The processor that they were measured on. */
  readonly cpu: string;
  readonly results: readonly ComparedCase[];
}

/**
 * Reads what `--json` wrote.
 *
 * @param names - of the cases to be measured
 * @param settings - that they will be measured with, as {@link settingsFact} says them
 * @throws KeepsakeError "input" if the file is none of that, "usage" if it has none of the cases or other settings
 */
export async function readResults(path: string, names: readonly string[], settings: string): Promise<EarlierResults> {
  const report = await readJson(path);
  if (isRecord(report) && isRecord(report.machine)) {
    const { results, machine } = report;
    const areResults = Array.isArray(results) && results.length > 0 && results.every(isCompared);
    if (typeof machine.CPU === "string" && typeof machine.settings === "string" && areResults) {
      if (!machine.settings.startsWith(settings)) {
        throw new KeepsakeError(
          "usage",
          `${path} was measured with ${machine.settings}: not comparable with ${settings}.`,
        );
      }
      if (results.some(({ name }) => names.includes(name))) return { cpu: machine.CPU, results };
      throw new KeepsakeError("usage", `${path} has none of these cases; measure them with --json first.`);
    }
  }
  throw new KeepsakeError("input", `${path} holds no results of "npm run bench -- --json <file>".`);
}

function isCompared(value: unknown): value is ComparedCase {
  if (!isRecord(value)) return false;
  const { name, runSeconds, medianSeconds, efficiency, referenceRate, peakBytes, peakAnonymousBytes = 1 } = value;
  const isPositive = (each: unknown) => typeof each === "number" && each > 0;
  const areRuns = Array.isArray(runSeconds) && runSeconds.length > 0 && runSeconds.every(isPositive);
  return (
    typeof name === "string" &&
    areRuns &&
    [medianSeconds, efficiency, referenceRate, peakBytes, peakAnonymousBytes].every(isPositive)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
