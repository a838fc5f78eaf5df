/**
 * @file The table of results, and the facts of the machine above it.
 */
import { arch, totalmem } from "node:os";
import { loadOnnxRuntime } from "../src/graph/onnx-runtime.ts";
import { processor } from "../src/io/processor.ts";
import type { BenchCase, CaseResult, RunSettings } from "./cases.ts";
import { referenceShape } from "./reference-convolution.ts";

/** Facts that a timing depends on, and nothing that names the machine. */
export async function machineFacts(settings: RunSettings): Promise<Readonly<Record<string, string>>> {
  const { env } = await loadOnnxRuntime();
  const { model, cores, instructions: [widest] = [] } = processor();
  return {
    CPU: `${model}, ${widest ?? "instructions unknown"}, ${cores} logical cores, ${process.platform} ${arch()}`,
    memory: `${(totalmem() / 1e9).toFixed(1)} GB`,
    software: `Node ${process.versions.node}, onnxruntime-node ${env.versions.node ?? "unknown"}`,
    settings: `${settingsFact(settings)}, ${settings.runs} runs after a warm-up`,
    reference: `convolution ${referenceShape}`,
  };
}

/** What results have to share to be compared, beside the machine. */
export function settingsFact({ provider, threads, placement }: RunSettings): string {
  return `provider ${provider}, ${threads} threads, ${placement} weights`;
}

interface Column {
  readonly title: string;
  readonly cell: (result: CaseResult, benchCase: BenchCase) => string;
}

const columns: readonly Column[] = [
  { title: "case", cell: ({ name }) => name },
  { title: "median s", cell: ({ medianSeconds }) => medianSeconds.toFixed(3) },
  { title: "min-max s", cell: ({ runSeconds }) => range(runSeconds) },
  { title: "GFLOP", cell: ({ flops }) => (flops / 1e9).toFixed(0) },
  { title: "GFLOP/s", cell: ({ rate }) => (rate / 1e9).toFixed(0) },
  { title: "reference", cell: ({ referenceRate }) => (referenceRate / 1e9).toFixed(0) },
  {
    title: "efficiency",
    cell: ({ efficiency }, { marks }) => marked(efficiency.toFixed(2), efficiency, ">=", marks.minEfficiency),
  },
  {
    title: "peak GB",
    cell: ({ peakBytes }, { marks }) => marked((peakBytes / 1e9).toFixed(2), peakBytes / 1e9, "<=", marks.maxPeak),
  },
  {
    title: "anonymous GB",
    cell: ({ peakAnonymousBytes }, { marks }) => {
      if (peakAnonymousBytes === undefined) return "unknown";
      const gigabytes = peakAnonymousBytes / 1e9;
      return marked(gigabytes.toFixed(2), gigabytes, "<=", marks.maxAnonymous);
    },
  },
  {
    title: "create s",
    cell: ({ createSeconds }, { marks }) =>
      marked(createSeconds.toFixed(2), createSeconds, "<=", marks.maxCreateSeconds),
  },
  { title: "graph s", cell: ({ graphSeconds }) => graphSeconds.toFixed(2) },
];

/** An aligned table with a row for each result; a figure with a mark says whether it reached it. */
export function formatTable(rows: readonly { readonly benchCase: BenchCase; readonly result: CaseResult }[]): string {
  const cells = rows.map(({ benchCase, result }) => columns.map(({ cell }) => cell(result, benchCase)));
  const table = [columns.map(({ title }) => title), ...cells];
  const widths = columns.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function marked(text: string, value: number, relation: ">=" | "<=", bound: number | undefined): string {
  if (bound === undefined) return text;
  const reached = relation === ">=" ? value >= bound : value <= bound;
  return `${text} (${relation} ${bound} ${reached ? "ok" : "missed"})`;
}

function range(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(3)}-${Math.max(...values).toFixed(3)}`;
}
