/**
 * @file `keepsake doctor`: a thin shell over `Keepsake.doctor`.
 */
import { Command } from "commander";
import { KeepsakeError } from "../../errors.ts";
import type { Provider } from "../../graph/index.ts";
import type { DoctorReport } from "../../keepsake/planning/doctor.ts";
import type { FittingModel } from "../../keepsake/planning/what-fits.ts";
import { formatBytes, formatEach } from "../../units.ts";
import { provider, threads } from "../options.ts";
import { formatTable, Output } from "../output.ts";
import { DEFAULT_LIBRARY, withKeepsake } from "./shared.ts";

interface DoctorOptions {
  readonly library: string;
  readonly provider: Provider;
  readonly threads?: number;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake doctor
  keepsake doctor --library my-library --threads 4
  keepsake doctor --json

The speed is that of a small UNet with the layers of Stable Diffusion, measured for two seconds, and of a few steps of
the built-in model; other programs that run now make it less. Memory that is free is what this process may still take,
within the limits of a container. What fits is reckoned for half-precision weights, one photo in a step and a LoRA of
the default rank; of the built-in model, for its own defaults. Nothing is written, and no connection is opened.

Exit code 0 if all is well, 4 if the machine prevents work, 5 if the library does.`;

export function doctorCommand(): Command {
  return new Command("doctor")
    .summary("say whether Keepsake can work here")
    .description("Look the machine and the library over: versions, speed, memory, disk, what fits them.")
    .option("--library <folder>", "library of learned concepts, if there is one", DEFAULT_LIBRARY)
    .option("--provider <name>", "where to compute: cpu, webgpu, cuda, dml, coreml", provider, "cpu")
    .option("--threads <n>", "processor threads (default: one for each core)", threads)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(doctor);
}

async function doctor(options: DoctorOptions): Promise<void> {
  const output = new Output(options);
  const report = await withKeepsake(options, (keepsake) => keepsake.doctor());
  output.listing(describe(report), report);
  const [first, ...others] = report.problems;
  if (first === undefined) return;
  for (const { message } of others) output.error(message);
  throw new KeepsakeError(first.kind, first.message);
}

function describe(report: DoctorReport): string {
  const { versions, providers, processor, speed, memory, disk, fits, library, problems } = report;
  const { model, cores, instructions = [] } = processor;
  const free = (bytes: number | undefined) => (bytes === undefined ? "unknown" : `${formatBytes(bytes)} free`);
  const rows = [
    ["keepsake", versions.keepsake ?? ""],
    ["Node", versions.node ?? ""],
    ["ONNX Runtime", versions.onnxruntime ?? "cannot be loaded"],
    ["sharp", versions.sharp ?? "cannot be loaded"],
    ["providers", providers.join(", ")],
    ["processor", [model, `${cores} ${cores === 1 ? "core" : "cores"}`, ...instructions].join(", ")],
    [
      "speed",
      speed === undefined ? "unknown" : `${gflops(speed.training)} in training, ${gflops(speed.forward)} drawing`,
    ],
    ["memory", `${free(memory.free)} of ${formatBytes(memory.total)}`],
    ["disk", free(disk.free)],
    ["library", library === undefined ? "none here" : describeLibrary(library)],
  ];
  const verdict = problems.length === 0 ? ["All is well."] : [];
  const table = fits.length === 0 ? [] : [formatTable([["model", "pixels", "learn", "generate"], ...fits.map(fitRow)])];
  return [formatTable(rows), ...table, ...verdict].join("\n\n");
}

function gflops(speed: number): string {
  return `${Math.round(speed / 1e9)} GFLOP/s`;
}

function describeLibrary({
  folder,
  family,
  concepts,
  faults,
  unfinishedRun,
}: NonNullable<DoctorReport["library"]>): string {
  const known = `${concepts} ${concepts === 1 ? "concept" : "concepts"}`;
  const health = faults === 0 ? "whole" : `${faults} ${faults === 1 ? "fault" : "faults"}`;
  const run = unfinishedRun === undefined ? "" : `, an unfinished run of <${unfinishedRun}>`;
  const model = family === undefined ? "" : `, on ${family}`;
  return `${folder}: ${known}${model}, ${health}${run}`;
}

function fitRow({ model, resolution, learn, generate }: FittingModel): string[] {
  const mode = learn.mode === "checkpointing" ? ", with checkpointing" : "";
  return [
    model,
    `${resolution}x${resolution}`,
    learn.mode === undefined
      ? `does not fit: ${formatBytes(learn.bytes)}`
      : `${formatBytes(learn.bytes)}, ${formatEach(learn.secondsPerStep)} a step${mode}`,
    generate.fits
      ? `${formatBytes(generate.bytes)}, ${formatEach(generate.secondsPerPicture)} a picture`
      : `does not fit: ${formatBytes(generate.bytes)}`,
  ];
}
