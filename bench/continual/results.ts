/**
 * @file Results of runs on disk: one JSON file each, so that a benchmark that was stopped goes on where it was, and two
 * processes can share the work.
 */
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { SequenceRun } from "../../src/evaluation/sequence-run.ts";
import { writeFileAtomic } from "../../src/io/atomic.ts";
import { sha256 } from "../../src/io/hash.ts";
import type { PlannedRun } from "./plan.ts";

/** What is kept of a run: all but its pictures. */
export interface RunResult extends Omit<SequenceRun, "generated"> {
  readonly planned: PlannedRun;
  /** Of the model: results of different models do not meet in one table. */
  readonly model: string;
}

export class Results {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(folder: string): Promise<Results> {
    await mkdir(folder, { recursive: true });
    return new Results(folder);
  }

  /** Runs the task unless its result is there, or another process is at it. @returns whether it was run */
  async once(model: string, planned: PlannedRun, run: () => Promise<SequenceRun>): Promise<boolean> {
    const key = sha256(Buffer.from(JSON.stringify([model, planned]))).slice(0, 16);
    const file = join(this.#folder, `${planned.strategy}-${key}.json`);
    if ((await readdir(this.#folder)).includes(`${planned.strategy}-${key}.json`)) return false;
    const claim = join(this.#folder, `${key}.running`);
    if (
      !(await mkdir(claim).then(
        () => true,
        () => false,
      ))
    )
      return false;
    try {
      const result: RunResult = { planned, model, ...(await run()) };
      await writeFileAtomic(file, `${JSON.stringify({ ...result, generated: undefined })}\n`);
      return true;
    } finally {
      await rm(claim, { recursive: true, force: true });
    }
  }

  async all(): Promise<RunResult[]> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith(".json")).sort();
    // Written by `once`.
    return Promise.all(
      names.map(async (name) => JSON.parse(await readFile(join(this.#folder, name), "utf8")) as RunResult),
    );
  }
}
