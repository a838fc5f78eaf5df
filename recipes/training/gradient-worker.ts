/**
 * @file A thread of a training: it runs the compiled step on its part of each batch, if it has one, and updates its
 * share of the parameters. All threads see the same numbers in shared memory.
 */
import { workerData } from "node:worker_threads";
import { AdamW, Program, type CompiledProgram, type Feeds, type Provider } from "../../src/graph/index.ts";
import { answerTasks } from "./task-thread.ts";
import { stepForm } from "./training-step.ts";

/** A parameter in the flat arrays. */
export interface WorkerPlace {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly weightDecay: number;
}

export interface WorkerSetup {
  /** A `TrainingStep` in the form for the provider. */
  readonly compiled: CompiledProgram;
  readonly provider: Provider;
  /** Of an operator. */
  readonly threads: number;
  /** How many workers share the update. */
  readonly workers: number;
  readonly index: number;
  readonly places: readonly WorkerPlace[];
  readonly values: Float32Array;
  readonly ema: Float32Array;
  readonly expAvg: Float32Array;
  readonly expAvgSq: Float32Array;
  /** One array for each of the first workers, those that differentiate. */
  readonly gradients: readonly Float32Array[];
  readonly learningRate: number;
  readonly betas: readonly [number, number];
}

/** What the main thread asks for; each is answered by a number. */
export type WorkerTask =
  /** Gradients of the mean loss over this worker's part of the batch. Answer: the loss. */
  | { readonly kind: "differentiate"; readonly feeds: Feeds }
  /** Averages this worker's share of the gradients over the workers. Answer: their sum of squares. */
  | { readonly kind: "reduce" }
  /** AdamW and the moving average, on this worker's share of the parameters, as step `step` + 1. */
  | {
      readonly kind: "update";
      readonly step: number;
      readonly learningRateFactor: number;
      readonly gradientScale: number;
      readonly emaDecay: number;
    };

const setup = workerData as WorkerSetup; // made by data-parallel.ts
const { compiled, provider, threads, workers, index, places, values, ema, gradients } = setup;
const form = stepForm(provider);

/** This worker's share: an equal part of the flat arrays, which cuts through a parameter at either end. */
const boundary = (i: number) => Math.floor((values.length * i) / workers);
const [start, end] = [boundary(index), boundary(index + 1)];
const share = places
  .map((place) => ({
    ...place,
    first: Math.max(start, place.offset),
    last: Math.min(end, place.offset + place.length),
  }))
  .filter(({ first, last }) => first < last);
const optimizer = new AdamW(
  share.map(({ name, weightDecay, first, last }) => ({
    name,
    parameters: values.subarray(first, last),
    learningRate: setup.learningRate,
    weightDecay,
    moments: { expAvg: setup.expAvg.subarray(first, last), expAvgSq: setup.expAvgSq.subarray(first, last) },
  })),
  { betas: setup.betas },
);

/** Opens the step; those that only update never do. */
async function openStep() {
  const program = await Program.open(compiled, { provider, threads });
  // ONNX Runtime reads no shared memory.
  const localValues = new Float32Array(values.length);
  const window = ({ offset, length }: WorkerPlace) => localValues.subarray(offset, offset + length);
  const parameters =
    form === "joined"
      ? { parameters: localValues }
      : Object.fromEntries(places.map((place) => [place.name, window(place)]));
  return async (feeds: Feeds) => {
    localValues.set(values);
    return program.run({ ...feeds, ...parameters });
  };
}

let step: Awaited<ReturnType<typeof openStep>> | undefined;

async function differentiate(feeds: Feeds): Promise<number> {
  step ??= await openStep();
  const results = await step(feeds);
  const gradient = gradients[index];
  if (form === "joined") gradient.set(results.gradients);
  else for (const [i, { offset }] of places.entries()) gradient.set(results[`gradient ${i}`], offset);
  return results.loss[0];
}

/** The average lies in the first worker's gradients afterwards. */
function reduce(): number {
  const [average, ...others] = gradients;
  for (const other of others) {
    for (let i = start; i < end; i++) average[i] += other[i];
  }
  let squares = 0;
  for (let i = start; i < end; i++) {
    const mean = average[i] / gradients.length;
    average[i] = mean;
    squares += mean * mean;
  }
  return squares;
}

function update({ step, learningRateFactor, gradientScale, emaDecay }: WorkerTask & { kind: "update" }): number {
  const [average] = gradients;
  // After a checkpoint was loaded the moments are there already, and only the count of steps is behind.
  if (optimizer.stepCount !== step) optimizer.loadState({ ...optimizer.state(), step });
  if (gradientScale !== 1) for (let i = start; i < end; i++) average[i] *= gradientScale;
  optimizer.step(
    share.map(({ first, last }) => average.subarray(first, last)),
    learningRateFactor,
  );
  for (let i = start; i < end; i++) ema[i] += (1 - emaDecay) * (values[i] - ema[i]);
  return 0;
}

answerTasks((message) => {
  const task = message as WorkerTask; // made by data-parallel.ts
  if (task.kind === "differentiate") return differentiate(task.feeds);
  return task.kind === "reduce" ? reduce() : update(task);
});
