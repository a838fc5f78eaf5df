/**
 * @file The time that a training run has left: its steps, and the sample pictures that are drawn between them. Both are
 * measured as they go; what has not been measured yet is as the plan has it.
 */
import type { LearnPlan } from "../../keepsake/planning/learn-plan.ts";
import type { JobProgress } from "../api.ts";

/** How many steps or pictures, at most, the speed is measured on. */
const RECENT = 20;

/** Which samples are drawn. */
export interface Sampling {
  /** Steps from one look to the next; 0: there is none. One more comes after the last step. */
  readonly every: number;
  /** Pictures of a look. */
  readonly pictures: number;
}

export class LearnPace {
  readonly #sampling: Sampling;
  readonly #now: () => number;
  /** Seconds of the last steps. */
  readonly #steps: number[] = [];
  /** Seconds of the last pictures. */
  readonly #pictures: number[] = [];
  /** Pictures of the look that goes on. */
  #drawn = 0;
  /** When the last step or picture was done; undefined before the first. */
  #last: number | undefined;
  #plan: LearnPlan | undefined;

  /** @param now - milliseconds */
  constructor(sampling: Sampling, now = () => performance.now()) {
    [this.#sampling, this.#now] = [sampling, now];
  }

  planned(plan: LearnPlan): void {
    this.#plan = plan;
  }

  /** A step is done. @param step - from 1 to `steps` */
  step(step: number, steps: number): Pick<JobProgress, "done" | "count" | "secondsLeft"> {
    this.#measure(this.#steps);
    const { every, pictures } = this.#sampling;
    const isLooked = every > 0 && (step % every === 0 || step === steps);
    this.#drawn = isLooked ? 0 : pictures;
    return { done: step, count: steps, ...this.#left(step, steps) };
  }

  /** A sample is drawn. @param step - steps that are done */
  picture(step: number, steps: number): Pick<JobProgress, "secondsLeft"> {
    this.#measure(this.#pictures);
    this.#drawn += 1;
    return this.#left(step, steps);
  }

  #left(step: number, steps: number): Pick<JobProgress, "secondsLeft"> {
    const perStep = mean(this.#steps) ?? this.#plan?.secondsPerStep;
    if (perStep === undefined) return {};
    const { every, pictures } = this.#sampling;
    if (every === 0) return { secondsLeft: (steps - step) * perStep };
    const looks = looksAfter(step, steps, every);
    const left = looks * pictures + Math.max(0, pictures - this.#drawn);
    const planned = (this.#plan?.seconds.extras ?? 0) / (pictures * (1 + looksAfter(0, steps, every)));
    return { secondsLeft: (steps - step) * perStep + left * (mean(this.#pictures) ?? planned) };
  }

  /** Adds the time since the last step or picture. */
  #measure(times: number[]): void {
    const now = this.#now();
    if (this.#last !== undefined) times.push((now - this.#last) / 1000);
    if (times.length > RECENT) times.shift();
    this.#last = now;
  }
}

function mean(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : times.reduce((sum, time) => sum + time, 0) / times.length;
}

/** How many looks come after that of a step. */
function looksAfter(step: number, steps: number, every: number): number {
  if (step >= steps) return 0;
  return Math.floor((steps - 1) / every) - Math.floor(step / every) + 1;
}
