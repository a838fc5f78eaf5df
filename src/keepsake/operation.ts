/**
 * @file Work that takes time: it can be awaited like a promise, and watched while it runs. Operations of one queue run
 * one after another.
 */

/** How an operation is watched and stopped. */
export interface Watched<Progress> {
  /** Stops the operation; one that is still waiting never begins. Nothing that was saved is lost. */
  readonly signal?: AbortSignal;
  /** Called with each piece of news. What it throws ends the operation. */
  readonly onProgress?: (progress: Progress) => void;
}

/** Whether work ended because its signal fired. */
export function isStop(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && error === signal.reason;
}

/** Something that was asked for and will hardly work, in one line. */
export interface Warning {
  readonly kind: "warning";
  readonly message: string;
}

/**
 * Work that has been asked for. Await it for its result, or iterate over its progress first. It runs whether anybody
 * watches or not; who leaves the loop early stops watching, and a signal stops the work.
 *
 * @example
 * ```ts
 * import { Keepsake } from "keepsake";
 *
 * await using keepsake = await Keepsake.open("my-library");
 * const drawing = keepsake.generate({ prompt: "a cat", steps: 10 });
 * for await (const progress of drawing) {
 *   if (progress.kind === "step") console.log(`${progress.step}/${progress.steps}`);
 * }
 * const [picture] = await drawing;
 * ```
 */
export class Operation<Result, Progress = never> implements Promise<Result>, AsyncIterable<Progress> {
  readonly [Symbol.toStringTag] = "Operation";
  readonly #result: Promise<Result>;
  readonly #watchers = new Set<(progress: Progress) => void>();

  /** @param run - does the work and tells what there is to tell, not before its first await */
  constructor(run: (tell: (progress: Progress) => void) => Promise<Result>) {
    this.#result = run((progress) => {
      for (const watcher of this.#watchers) watcher(progress);
    });
  }

  then<Fulfilled = Result, Rejected = never>(
    onFulfilled?: ((result: Result) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.#result.then(onFulfilled, onRejected);
  }

  catch<Rejected = never>(
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Result | Rejected> {
    return this.#result.catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<Result> {
    return this.#result.finally(onFinally);
  }

  /** The news from now on. If the operation fails, the loop ends with its error. */
  [Symbol.asyncIterator](): AsyncGenerator<Progress, void, undefined> {
    const news: Progress[] = [];
    let isOver = false;
    let wake = () => {};
    const watch = (progress: Progress) => {
      news.push(progress);
      wake();
    };
    const end = () => {
      isOver = true;
      wake();
    };
    this.#watchers.add(watch);
    this.#result.then(end, end);
    return this.#iterate(news, {
      isOver: () => isOver,
      next: () => new Promise((resolve) => (wake = resolve)),
      stop: () => this.#watchers.delete(watch),
    });
  }

  async *#iterate(
    news: Progress[],
    watcher: { readonly isOver: () => boolean; readonly next: () => Promise<void>; readonly stop: () => void },
  ): AsyncGenerator<Progress, void, undefined> {
    try {
      for (;;) {
        for (const progress of news.splice(0)) yield progress;
        if (news.length > 0) continue;
        if (watcher.isOver()) break;
        await watcher.next();
      }
      await this.#result;
    } finally {
      watcher.stop();
    }
  }
}

/** Runs one piece of work at a time, in the order in which they were asked for. */
export class OperationQueue {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param signal - when it fires before the work's turn has come, the work never begins, and the promise ends with its
   * reason
   */
  add<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const before = this.#last;
    const result = turn(before, signal).then(work);
    // What gave up waiting is over, but those before it may not be.
    this.#last = Promise.allSettled([before, result]);
    return result;
  }
}

async function turn(before: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => {
    const goOn = () => {
      signal?.removeEventListener("abort", goOn);
      resolve();
    };
    signal?.addEventListener("abort", goOn, { once: true });
    void before.then(goOn);
  });
  signal?.throwIfAborted();
}
