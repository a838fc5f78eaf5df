/**
 * @file A worker thread that does tasks one after another, and both ends of the talk with it.
 */
import { parentPort, Worker } from "node:worker_threads";

type Answer<Result> = { readonly result: Result } | { readonly error: string };

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** The asking end. */
export class TaskThread<Task, Result> {
  readonly #worker: Worker;
  /** Asked and not answered yet; answers come in the order of the tasks. */
  readonly #waiting: Waiting<Result>[] = [];
  #failure: Error | undefined;

  /**
   * @param module - URL of the thread's module, which calls `answerTasks`
   * @param workerData - what it finds as its `workerData`
   */
  constructor(module: string, workerData: unknown) {
    // Threads do not inherit tsx from the main thread: it is registered first.
    const tsx = import.meta.resolve("tsx/esm/api");
    const code = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(module)}); });`;
    this.#worker = new Worker(code, { eval: true, workerData });
    this.#worker.on("message", (answer: Answer<Result>) => {
      const waiting = this.#waiting.shift();
      if ("error" in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.result);
    });
    this.#worker.on("error", (error: Error) => {
      this.#fail(error);
    });
    this.#worker.on("exit", () => {
      this.#fail(new Error("the thread has ended"));
    });
  }

  /** @throws Error if the task fails, or the thread has failed */
  ask(task: Task): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      // Before it waits for an answer: a task that cannot be sent gets none.
      this.#worker.postMessage(task);
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Ends the thread. Tasks that it has not answered are never answered. */
  async dispose(): Promise<void> {
    this.#worker.removeAllListeners("exit");
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

/** The answering end: each task is answered with what `answer` makes of it. */
export function answerTasks<Result>(answer: (task: unknown) => Promise<Result> | Result): void {
  let last: Promise<void> = Promise.resolve();
  parentPort?.on("message", (task: unknown) => {
    last = last.then(async () => {
      try {
        parentPort?.postMessage({ result: await answer(task) } satisfies Answer<Result>);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        parentPort?.postMessage({ error: message } satisfies Answer<Result>);
      }
    });
  });
}
