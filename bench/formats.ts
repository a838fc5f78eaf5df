/**
 * @file `npm run bench -- --formats`: the same half-precision weights as a folder and as a single file, and a
 * checkpoint of the size of SDXL: what opening, learning and drawing take. Every run has a process and a library of its
 * own.
 */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { exists } from "../src/io/folder.ts";
import { formatBytes } from "../src/units.ts";
import { chosenCases } from "./chosen-cases.ts";
import { runJob } from "./job-process.ts";
import { readOnce } from "./page-cache.ts";
import { randomCheckpointFolder } from "./random-checkpoint.ts";
import { writeSingleFile } from "./single-file-copy.ts";

/** What the process of a run is told; JSON on its command line. */
export interface FormatJob {
  readonly library: string;
  readonly model: string;
  readonly steps: number;
  /** Of the training, in pixels. */
  readonly resolution: number;
  readonly drawing: {
    readonly steps: number;
    readonly width: number;
    readonly height: number;
    readonly guidanceScale: number;
  };
}

/** What it answers, in seconds. */
export interface FormatResult {
  readonly open: number;
  /** Everything up to the end of the first step. */
  readonly firstStep: number;
  readonly step: number;
  readonly draw: number;
}

interface FormatCase extends Omit<FormatJob, "library" | "model"> {
  readonly name: string;
  readonly model: (cache: string) => Promise<string>;
}

const SMALL = { steps: 5, resolution: 256, drawing: { steps: 4, width: 256, height: 256, guidanceScale: 7.5 } };

const CASES: readonly FormatCase[] = [
  { name: "sd1 folder fp16", model: (cache) => randomCheckpointFolder(cache, "fp16"), ...SMALL },
  { name: "sd1 single file fp16", model: singleFile, ...SMALL },
  {
    name: "sdxl folder fp16",
    model: (cache) => randomCheckpointFolder(cache, "fp16", "sdxl"),
    // One prediction of 128 x 128 latents.
    ...{ steps: 2, resolution: 512, drawing: { steps: 1, width: 1024, height: 1024, guidanceScale: 1 } },
  },
];

async function singleFile(cache: string): Promise<string> {
  const folder = await randomCheckpointFolder(cache, "fp16");
  const file = join(dirname(folder), "sd1-random-fp16.safetensors");
  if (!(await exists(file))) await writeSingleFile(folder, file);
  return file;
}

/** The weights of a checkpoint. @param model - a folder, or a single file */
async function weightFiles(model: string): Promise<readonly string[]> {
  const isFolder = (await stat(model)).isDirectory();
  const files = isFolder ? await readdir(model, { recursive: true }) : [""];
  return files.map((file) => join(model, file)).filter((path) => path.endsWith(".safetensors"));
}

/** Prints a row for each case. @param options - `case`: a part of the names of those to run */
export async function compareFormats(options: {
  readonly case: string;
  readonly cache: string;
  readonly json?: string;
}): Promise<void> {
  const chosen = chosenCases(CASES, options.case);
  const results = [];
  console.log("| case | open s | to the first step s | step s | draw s | peak | anonymous |");
  console.log("|---|---|---|---|---|---|---|");
  for (const { name, model, ...job } of chosen) {
    console.error(`${name} ...`);
    const folder = await mkdtemp(join(tmpdir(), "keepsake-formats-"));
    try {
      const asked = { ...job, library: join(folder, "library"), model: await model(options.cache) };
      await readOnce(await weightFiles(asked.model));
      const { result, peaks } = await runJob("format-process.ts", asked, (message) => message as FormatResult);
      results.push({ name, ...result, ...peaks });
      const seconds = [result.open, result.firstStep, result.step, result.draw].map((value) => value.toFixed(2));
      const bytes = [peaks.peak, peaks.anonymous].map((value) =>
        value === undefined ? "unknown" : formatBytes(value),
      );
      console.log(`| ${[name, ...seconds, ...bytes].join(" | ")} |`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  if (options.json !== undefined) await writeFileAtomic(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
}
