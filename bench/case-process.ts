/**
 * @file One case in a process of its own, so that its memory is its own. Started by measure.ts with the case, the
 * settings and the model's folder as JSON; answers with `CaseMessage`s.
 */
import { once } from "node:events";
import { openUNet2DConditionModel } from "../src/diffusion/checkpoint.ts";
import { countFlops, Program } from "../src/graph/index.ts";
import { loadOnnxRuntime } from "../src/graph/onnx-runtime.ts";
import { buildGraph } from "./case-graph.ts";
import type { BenchCase, CaseMeasurement, CaseMessage, RunSettings } from "./cases.ts";
import { referenceConvolutionRate } from "./reference-convolution.ts";

/** What measure.ts passes on the command line. */
export interface CaseJob {
  readonly benchCase: BenchCase;
  readonly settings: RunSettings;
  readonly unetFolder: string;
}

async function measure({ benchCase, settings, unetFolder }: CaseJob): Promise<CaseMeasurement> {
  const unet = await openUNet2DConditionModel(unetFolder);
  const [{ outputs, feeds }, graphSeconds] = await timed(() => buildGraph(unet, benchCase));
  const { provider, threads, placement } = settings;
  const [program, createSeconds] = await timed(() =>
    Program.create(outputs, { provider, threads, weights: placement }),
  );
  const [results, warmUpSeconds] = await timed(() => program.run(feeds));
  checkNumbers(results);
  const runSeconds: number[] = [];
  for (let run = 0; run < settings.runs; run++) runSeconds.push((await timed(() => program.run(feeds)))[1]);
  // Node gives kibibytes on every platform.
  const maxRssBytes = process.resourceUsage().maxRSS * 1024;
  await program.dispose();
  return { graphSeconds, createSeconds, warmUpSeconds, runSeconds, flops: countFlops(outputs), maxRssBytes };
}

/** A fast wrong answer is no result. */
function checkNumbers(results: Readonly<Record<string, Float32Array>>): void {
  for (const [name, values] of Object.entries(results)) {
    if (!values.every(Number.isFinite)) throw new Error(`${name} is not finite`);
    if (values.every((value) => value === 0)) throw new Error(`${name} is zero everywhere`);
  }
}

async function timed<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, (performance.now() - start) / 1000];
}

function send(message: CaseMessage): void {
  if (process.send === undefined) throw new Error("this file is started by measure.ts");
  process.send(message);
}

// Loaded here, so that loading it does not count as creating a session.
await loadOnnxRuntime();
const job = JSON.parse(process.argv[2] ?? "") as CaseJob; // written by measure.ts
send({ kind: "measured", measurement: await measure(job) });
// The memory of the reference is not the case's: it starts when the other side has read the peaks.
await once(process, "message");
send({ kind: "reference", rate: await referenceConvolutionRate(job.settings.provider, job.settings.threads) });
process.disconnect();
