/**
 * @file Worker threads that share a training step. On the CPU each differentiates the loss on its part of the batch,
 * with one thread of ONNX Runtime: two such workers on two cores take half the time of one step that splits every
 * operator in two, as a small model's operators are too short for that. A GPU is given the whole batch by one of them.
 * Each updates its share of the parameters.
 */
import type { Feeds } from "../../src/graph/index.ts";
import type { WorkerSetup, WorkerTask } from "./gradient-worker.ts";
import { TaskThread } from "./task-thread.ts";

export class DataParallel {
  readonly #workers: readonly TaskThread<WorkerTask, number>[];
  /** Those that differentiate. */
  readonly #differentiating: readonly TaskThread<WorkerTask, number>[];

  /** @param setup - of every worker; how many of them differentiate follows from the arrays of gradients */
  constructor(setup: Omit<WorkerSetup, "index">) {
    const module = import.meta.resolve("./gradient-worker.ts");
    this.#workers = Array.from({ length: setup.workers }, (_, index) => new TaskThread(module, { ...setup, index }));
    this.#differentiating = this.#workers.slice(0, setup.gradients.length);
  }

  /**
   * Losses of the workers' parts. @throws Error if a feed cannot be cut into equal parts, or what the program throws.
   */
  async differentiate(feeds: Feeds): Promise<readonly number[]> {
    const count = this.#differentiating.length;
    const parts = this.#differentiating.map((_, i): WorkerTask => {
      const cut = Object.entries(feeds).map(([name, data]) => [name, partOf(name, data, i, count)]);
      return { kind: "differentiate", feeds: Object.fromEntries(cut) as Feeds };
    });
    return Promise.all(this.#differentiating.map((worker, i) => worker.ask(parts[i])));
  }

  /** Averages the gradients. @returns their norm. */
  async reduce(): Promise<number> {
    const squares = await Promise.all(this.#workers.map((worker) => worker.ask({ kind: "reduce" })));
    return Math.sqrt(squares.reduce((sum, x) => sum + x, 0));
  }

  async update(task: Omit<WorkerTask & { kind: "update" }, "kind">): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.ask({ kind: "update", ...task })));
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.dispose()));
  }
}

/** Part `index` of `count` equal parts. */
function partOf(name: string, data: Float32Array | Int32Array, index: number, count: number) {
  const length = data.length / count;
  if (!Number.isInteger(length)) throw new Error(`input "${name}" cannot be cut into ${count} equal parts`);
  return data.slice(index * length, (index + 1) * length);
}
