/**
 * @file Worker threads that share a training step: each differentiates the loss on its part of the batch, with one thread of ONNX Runtime, and updates its share
 * of the parameters. Two such workers on two cores take half the time of one step that splits every operator in two: a small model's operators are too short for that.
 */
import { Worker } from "node:worker_threads";
import type { Feeds } from "../../src/graph/index.ts";
import type { WorkerAnswer, WorkerSetup, WorkerTask } from "./gradient-worker.ts";

export class DataParallel {
  readonly #workers: readonly Worker[];
  #failure: Error | undefined;

  /** @param setup - of every worker; how many there are follows from the arrays of gradients */
  constructor(setup: Omit<WorkerSetup, "index">) {
    this.#workers = setup.gradients.map((_, index) => startWorker({ ...setup, index }));
    for (const worker of this.#workers) worker.on("error", (error: Error) => (this.#failure = error));
  }

  /** Losses of the workers' parts. @throws Error if a feed cannot be cut into equal parts, or what the program throws. */
  async differentiate(feeds: Feeds): Promise<readonly number[]> {
    const parts = this.#workers.map((_, i): WorkerTask => {
      const cut = Object.entries(feeds).map(([name, data]) => [name, partOf(name, data, i, this.#workers.length)]);
      return { kind: "differentiate", feeds: Object.fromEntries(cut) as Feeds };
    });
    return Promise.all(this.#workers.map((worker, i) => this.#ask(worker, parts[i])));
  }

  /** Averages the gradients. @returns their norm. */
  async reduce(): Promise<number> {
    const squares = await Promise.all(this.#workers.map((worker) => this.#ask(worker, { kind: "reduce" })));
    return Math.sqrt(squares.reduce((sum, x) => sum + x, 0));
  }

  async update(task: Omit<WorkerTask & { kind: "update" }, "kind">): Promise<void> {
    await Promise.all(this.#workers.map((worker) => this.#ask(worker, { kind: "update", ...task })));
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #ask(worker: Worker, task: WorkerTask): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      const settle = (result: WorkerAnswer) => {
        worker.off("error", reject);
        if ("error" in result) reject(new Error(result.error));
        else resolve(result.value);
      };
      worker.once("message", settle);
      worker.once("error", reject);
      worker.postMessage(task);
    });
  }
}

/** Threads do not inherit tsx from the main thread: it is registered first. */
function startWorker(workerData: WorkerSetup): Worker {
  const [tsx, module] = [import.meta.resolve("tsx/esm/api"), import.meta.resolve("./gradient-worker.ts")];
  const code = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(module)}); });`;
  return new Worker(code, { eval: true, workerData });
}

/** Part `index` of `count` equal parts. */
function partOf(name: string, data: Float32Array | Int32Array, index: number, count: number) {
  const length = data.length / count;
  if (!Number.isInteger(length)) throw new Error(`input "${name}" cannot be cut into ${count} equal parts`);
  return data.slice(index * length, (index + 1) * length);
}
