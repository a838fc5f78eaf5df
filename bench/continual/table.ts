/**
 * @file Results as a table: one row for each strategy with options that are not its defaults, mean ± standard error
 * over orders and seeds.
 */
import { meanAndStandardError, type Estimate } from "../../src/evaluation/estimate.ts";
import { STRATEGY_FOR_ANY_ADAPTER } from "../../src/strategies/registry.ts";
import { chosenOptions, KEYS_AND_VALUES, type ConceptSet } from "./plan.ts";
import type { RunResult } from "./results.ts";

interface Column {
  readonly title: string;
  /** @param shown - all results of the table */
  readonly of: (run: RunResult, shown: readonly RunResult[]) => number | undefined;
  readonly digits: number;
}

/** The strategy that the others are compared with, run by run. */
const COMPARED_WITH = STRATEGY_FOR_ANY_ADAPTER;

const sumOf = (run: RunResult, cost: (of: RunResult["costs"][number]) => number): number =>
  run.costs.reduce((sum, each) => sum + cost(each), 0) / run.planned.order.length;

/** MMD² in thousandths: with the default kernel on unit features it is small. */
const COLUMNS: readonly Column[] = [
  { title: "A_MMD ↓ ×1000", of: ({ metrics }) => 1000 * metrics.aMmd, digits: 3 },
  { title: `less that of ${COMPARED_WITH}`, of: (run, shown) => scaled(lessReference(run, shown)), digits: 3 },
  { title: "F_MMD ↓ ×1000", of: ({ metrics }) => scaled(metrics.fMmd), digits: 3 },
  { title: "KID ↓ ×1000", of: ({ metrics }) => 1000 * metrics.kid.value, digits: 3 },
  { title: "CLIP-I ↑", of: ({ metrics }) => metrics.clipI, digits: 3 },
  { title: "CLIP-T ↑", of: ({ metrics }) => metrics.clipT, digits: 3 },
  { title: "DC accuracy ↑", of: ({ metrics }) => metrics.dcAccuracy, digits: 3 },
  { title: "plasticity ↓ ×1000", of: ({ metrics }) => scaled(metrics.plasticity), digits: 3 },
  { title: "backward transfer ↑ ×1000", of: ({ metrics }) => scaled(metrics.backwardTransfer), digits: 3 },
  { title: "s / concept", of: (run) => sumOf(run, ({ seconds }) => seconds), digits: 1 },
  { title: "UNet forward / concept", of: (run) => sumOf(run, ({ evaluations }) => evaluations.forward), digits: 0 },
  {
    title: "UNet forward + backward / concept",
    of: (run) => sumOf(run, ({ evaluations }) => evaluations.forwardBackward),
    digits: 0,
  },
  { title: "trained", of: ({ trainedParameters }) => trainedParameters, digits: 0 },
  { title: "bytes kept", of: ({ keptBytes }) => keptBytes, digits: 0 },
];

/** In A_MMD, of the same concepts in the same order with the same seed. */
function lessReference({ metrics, planned, model }: RunResult, shown: readonly RunResult[]): number | undefined {
  const { seed, pictures, budget } = planned;
  const reference = shown.find(
    (other) =>
      other.planned.strategy === COMPARED_WITH &&
      chosenOptions(other.planned).length === 0 &&
      other.model === model &&
      other.planned.order.join() === planned.order.join() &&
      other.planned.seed === seed &&
      other.planned.pictures === pictures &&
      other.planned.budget.steps === budget.steps,
  );
  return reference && metrics.aMmd - reference.metrics.aMmd;
}

function scaled(value: number | undefined): number | undefined {
  return value === undefined ? undefined : 1000 * value;
}

/**
 * Rows of one set of concepts, in Markdown: fewer concepts first, then the best A_MMD. A run that was measured on its
 * way has a row for each time. What all rows have in common is said once.
 */
export function markdownTable(results: readonly RunResult[], set: ConceptSet): string {
  const shown = results.filter(({ planned }) => planned.set === set).flatMap(stagesOf);
  const settings = shown.map(settingsOf);
  const isShared = (index: number) => settings.every((each) => each[index] === settings[0][index]);
  const groups = new Map<string, RunResult[]>();
  for (const [i, result] of shown.entries()) {
    const own = settings[i].filter((_, index) => !isShared(index));
    const label = [result.planned.strategy, ...chosenOptions(result.planned), ...own].join(", ");
    groups.set(label, [...(groups.get(label) ?? []), result]);
  }
  const rows = [...groups].map(([label, runs]) => ({
    label,
    runs,
    cells: COLUMNS.map((column) => cell(column, runs, shown)),
  }));
  const aMmdOf = ({ runs }: { runs: readonly RunResult[] }) =>
    meanAndStandardError(runs.map(({ metrics }) => metrics.aMmd)).value;
  const conceptsOf = ({ runs }: { runs: readonly RunResult[] }) => runs[0].planned.order.length;
  rows.sort((a, b) => conceptsOf(a) - conceptsOf(b) || aMmdOf(a) - aMmdOf(b));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const shared = shown.length === 0 ? [] : settings[0].filter((_, index) => isShared(index));
  return [
    ...(shared.length > 0 ? [shared.join(", "), ""] : []),
    line(["strategy", "runs", ...COLUMNS.map(({ title }) => title)]),
    line(["---", ...Array<string>(COLUMNS.length + 1).fill("--:")]),
    ...rows.map(({ label, runs, cells }) => line([label, String(runs.length), ...cells])),
  ].join("\n");
}

/** A run as if it had ended wherever it was measured. */
function stagesOf(run: RunResult): RunResult[] {
  const before = run.earlier.map((stage) => ({
    ...{ ...run, ...stage, earlier: [] },
    planned: { ...run.planned, order: run.planned.order.slice(0, stage.learned) },
    costs: run.costs.slice(0, stage.learned),
  }));
  return [...before, run];
}

/** What a run was made with, beside its strategy, in parts that may differ between rows. */
function settingsOf({ model, planned: { budget, order, pictures, classifierDraws } }: RunResult): string[] {
  const { steps, rank, targets = KEYS_AND_VALUES.targets, learningRate, tokenLearningRate, lrScheduler } = budget;
  return [
    `model ${model.slice(0, 8)}`,
    order.length === 1 ? "1 concept" : `${order.length} concepts`,
    `${steps} steps`,
    `${targets} at rank ${rank} and rate ${learningRate}`,
    `token's rate ${tokenLearningRate}`,
    lrScheduler,
    pictures === 1 ? "1 picture for each view" : `${pictures} pictures for each view`,
    `${classifierDraws} draws of the classifier`,
  ];
}

function cell({ of, digits }: Column, runs: readonly RunResult[], shown: readonly RunResult[]): string {
  const values = runs.map((run) => of(run, shown)).filter((value) => value !== undefined);
  if (values.length < runs.length) return "–";
  return formatted(meanAndStandardError(values), digits);
}

function formatted({ value, standardError }: Estimate, digits: number): string {
  const number = value.toFixed(digits);
  const isExact = standardError === undefined || standardError === 0;
  return isExact ? number : `${number} ± ${standardError.toFixed(digits)}`;
}
