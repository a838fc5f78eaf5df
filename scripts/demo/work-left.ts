/**
 * @file How long work of several kinds still takes: what is left of each kind, at the pace measured so far.
 */

/** Kinds of work; a `plainStep` is one of sequential LoRA, which keeps nothing safe and takes less time. */
export type Work = "step" | "plainStep" | "picture" | "classification";

/**
 * Seconds of one piece of work relative to each other, until each kind has been measured: of the built-in model on two
 * cores, a training step of replay with four photos (what each concept has drawn first spread over its steps), a plain
 * one, a picture in 25 steps, and one evaluation of the UNet for the classifier.
 */
const EXPECTED: Readonly<Record<Work, number>> = { step: 1, plainStep: 0.36, picture: 1.6, classification: 0.012 };

/** Counts pieces of work as they are done. */
export class WorkLeft {
  readonly #left: Record<Work, number>;
  readonly #done: Record<Work, number> = { step: 0, plainStep: 0, picture: 0, classification: 0 };
  readonly #seconds: Record<Work, number> = { step: 0, plainStep: 0, picture: 0, classification: 0 };
  #last: number;

  /** @param planned - pieces of each kind */
  constructor(planned: Readonly<Record<Work, number>>, now = performance.now()) {
    this.#left = { ...planned };
    this.#last = now;
  }

  /** Pieces are done: what passed since the last ones was their time. */
  done(kind: Work, { now = performance.now(), pieces = 1 } = {}): void {
    this.#seconds[kind] += (now - this.#last) / 1000;
    this.#done[kind] += pieces;
    this.#left[kind] = Math.max(0, this.#left[kind] - pieces);
    this.#last = now;
  }

  /** In seconds; undefined before anything has been measured. */
  seconds(now = performance.now()): number | undefined {
    const kinds: readonly Work[] = ["step", "plainStep", "picture", "classification"];
    const measured = kinds.filter((kind) => this.#done[kind] > 0);
    if (measured.length === 0) return undefined;
    const spent = measured.reduce((sum, kind) => sum + this.#seconds[kind], 0);
    const expected = measured.reduce((sum, kind) => sum + this.#done[kind] * EXPECTED[kind], 0);
    const paceOf = (kind: Work) =>
      this.#done[kind] > 0 ? this.#seconds[kind] / this.#done[kind] : EXPECTED[kind] * (spent / expected);
    const left = kinds.reduce((sum, kind) => sum + this.#left[kind] * paceOf(kind), 0);
    return Math.max(0, left - (now - this.#last) / 1000);
  }
}
