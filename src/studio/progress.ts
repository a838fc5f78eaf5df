/**
 * @file Progress of jobs: news that come many times a second become a few events, and nothing is lost.
 */
import type { JobProgress } from "./api.ts";

/** Milliseconds between events of one job. */
export const INTERVAL = 200;

/** What was there, with what is new: lists grow, all else is replaced. */
export function merged(before: JobProgress, news: JobProgress): JobProgress {
  const grown = <T>(list: readonly T[] | undefined, more: readonly T[] | undefined) =>
    more === undefined ? list : [...(list ?? []), ...more];
  const lists = {
    losses: grown(before.losses, news.losses),
    samples: grown(before.samples, news.samples),
    pictures: grown(before.pictures, news.pictures),
    cells: grown(before.cells, news.cells),
    notes: grown(before.notes, news.notes),
  };
  return defined({ ...before, ...news, ...lists });
}

function defined(progress: JobProgress): JobProgress {
  return Object.fromEntries(Object.entries(progress).filter(([, value]) => value !== undefined));
}

/** News of a job, gathered until it is time to tell. */
export class Gathered {
  readonly #tell: (news: JobProgress) => void;
  #news: JobProgress | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastTold = -Infinity;

  constructor(tell: (news: JobProgress) => void) {
    this.#tell = tell;
  }

  add(news: JobProgress): void {
    this.#news = this.#news === undefined ? news : merged(this.#news, news);
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#lastTold + INTERVAL - performance.now());
    this.#timer = setTimeout(() => {
      this.flush();
    }, wait);
    this.#timer.unref();
  }

  /** Tells what has been gathered now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const news = this.#news;
    this.#news = undefined;
    if (news === undefined) return;
    this.#lastTold = performance.now();
    this.#tell(news);
  }
}
