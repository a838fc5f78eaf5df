/**
 * @file `npm run bench -- --profile`: where the time of a case goes, by operator and by the shapes that it works on,
 * and at which rate against the reference convolution's.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openUNet2DConditionModel } from "../src/diffusion/checkpoint.ts";
import { Program, sizeOf } from "../src/graph/index.ts";
import { buildGraph } from "./case-graph.ts";
import type { BenchCase, RunSettings } from "./cases.ts";
import { referenceConvolutionRate } from "./reference-convolution.ts";

/** Operators that ran on the same shapes, over all runs. */
interface Group {
  readonly op: string;
  readonly shapes: string;
  count: number;
  microseconds: number;
  flops: number;
}

/**
 * An event of ONNX Runtime's profile, as far as it is read. Shapes are written as
 * `[{ "float": [1, 320, 64, 64] }, ...]`.
 */
interface ProfileEvent {
  readonly cat?: string;
  readonly name: string;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
    readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** How many groups of shapes are shown. */
const SHOWN = 40;

/** Prints two tables: by operator, and by operator and shapes. */
export async function profileCase(benchCase: BenchCase, settings: RunSettings, unetFolder: string): Promise<void> {
  const { provider, threads, placement, runs } = settings;
  const folder = await mkdtemp(join(tmpdir(), "keepsake-profile-"));
  try {
    const { outputs, feeds } = buildGraph(await openUNet2DConditionModel(unetFolder), benchCase);
    const program = await Program.create(outputs, {
      ...{ provider, threads, weights: placement, profilePrefix: join(folder, "profile") },
    });
    // One more: the first run is thrown away.
    for (let run = 0; run <= runs; run++) await program.run(feeds);
    program.endProfiling();
    await program.dispose();
    const [file] = await readdir(folder);
    const events = JSON.parse(await readFile(join(folder, file), "utf8")) as readonly ProfileEvent[]; // ONNX Runtime's own
    const groups = groupsOf(withoutFirstRun(events));
    const reference = await referenceConvolutionRate(provider, threads);
    print(groups, { runs, reference });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The events of each run end with that of the run. */
function withoutFirstRun(events: readonly ProfileEvent[]): readonly ProfileEvent[] {
  const first = events.findIndex(({ name }) => name === "model_run");
  return events.slice(first + 1);
}

function groupsOf(events: readonly ProfileEvent[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { cat, name, dur, args } of events) {
    const op = args?.op_name;
    // What runs in a scan has events of its own.
    if (cat !== "Node" || !name.endsWith("_kernel_time") || op === undefined || op === "Scan") continue;
    const inputs = shapesOf(args?.input_type_shape);
    const outputs = shapesOf(args?.output_type_shape);
    const shapes = inputs
      .slice(0, 3)
      .map((shape) => shape.join("×"))
      .join(" , ");
    const key = `${op} ${shapes}`;
    const group = groups.get(key) ?? { op, shapes, count: 0, microseconds: 0, flops: 0 };
    group.count++;
    group.microseconds += dur;
    group.flops += flopsOf(op, inputs, outputs[0] ?? []);
    groups.set(key, group);
  }
  return [...groups.values()].toSorted((a, b) => b.microseconds - a.microseconds);
}

function shapesOf(shapes: readonly Readonly<Record<string, readonly number[]>>[] = []): readonly (readonly number[])[] {
  return shapes.map((shape) => Object.values(shape)[0] ?? []);
}

/** Floating-point operations of a product; 0 for what is none. */
function flopsOf(op: string, [a = [], b = []]: readonly (readonly number[])[], output: readonly number[]): number {
  switch (op) {
    case "Conv":
    case "FusedConv":
      return 2 * sizeOf(output) * sizeOf(b.slice(1));
    case "ConvTranspose":
      return 2 * sizeOf(a) * sizeOf(b.slice(1));
    case "Gemm":
    case "MatMul":
    case "FusedGemm":
    case "FusedMatMul":
      // The first factor, transposed or not, has rows × inner numbers in each of its matrices, of which there may be
      // fewer than results.
      return (2 * sizeOf(output) * sizeOf(a.slice(-2))) / (output.at(-2) ?? 1);
    case "MultiHeadAttention":
      return 4 * sizeOf(a) * (b.at(1) ?? 0);
    default:
      return 0;
  }
}

function print(groups: readonly Group[], facts: { readonly runs: number; readonly reference: number }): void {
  const total = groups.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const byOp = new Map<string, Group>();
  for (const { op, count, microseconds, flops } of groups) {
    const sum = byOp.get(op) ?? { op, shapes: "", count: 0, microseconds: 0, flops: 0 };
    byOp.set(op, {
      ...sum,
      count: sum.count + count,
      microseconds: sum.microseconds + microseconds,
      flops: sum.flops + flops,
    });
  }
  const rate = (flops: number, microseconds: number) => (flops === 0 ? "" : (flops / microseconds / 1e3).toFixed(0));
  const share = (flops: number, microseconds: number) =>
    flops === 0 ? "" : (flops / microseconds / (facts.reference / 1e6)).toFixed(2);
  const row = ({ op, shapes, count, microseconds, flops }: Group) =>
    [
      op,
      ...(shapes === "" ? [] : [shapes]),
      (count / facts.runs).toFixed(0),
      (microseconds / facts.runs / 1e3).toFixed(1),
      `${((100 * microseconds) / total).toFixed(1)} %`,
      rate(flops, microseconds),
      share(flops, microseconds),
    ].join(" | ");
  const flops = groups.reduce((sum, group) => sum + group.flops, 0);
  console.log(
    `\nreference: ${(facts.reference / 1e9).toFixed(0)} GFLOP/s; kernels of a run: ${seconds(total / facts.runs)}`,
  );
  console.log(`all products: ${rate(flops, total)} GFLOP/s, ${share(flops, total)} of the reference\n`);
  console.log("| operator | n | ms | share | GFLOP/s | of the reference |\n|---|--:|--:|--:|--:|--:|");
  for (const group of [...byOp.values()].toSorted((a, b) => b.microseconds - a.microseconds)) {
    console.log(`| ${row(group)} |`);
  }
  console.log("\n| operator | inputs | n | ms | share | GFLOP/s | of the reference |\n|---|---|--:|--:|--:|--:|--:|");
  for (const group of groups.slice(0, SHOWN)) console.log(`| ${row(group)} |`);
}

function seconds(microseconds: number): string {
  return `${(microseconds / 1e6).toFixed(3)} s`;
}
