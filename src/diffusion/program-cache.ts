/**
 * @file Keeps compiled programs for their next use.
 */
import type { Program } from "../graph/index.ts";

/** Programs with the same outputs, by a key that says what they were compiled for. */
export class ProgramCache<Name extends string> {
  readonly #programs = new Map<string, Promise<Program<Name>>>();

  /** The program for `key`, compiled if this is the first time it is asked for. */
  async get(key: string, compile: () => Promise<Program<Name>>): Promise<Program<Name>> {
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const program = compile();
    this.#programs.set(key, program);
    // A failure is not kept: the cause may be gone next time.
    program.catch(() => this.#programs.delete(key));
    return program;
  }

  /** Frees every program. */
  async clear(): Promise<void> {
    const programs = await Promise.allSettled(this.#programs.values());
    this.#programs.clear();
    for (const result of programs) if (result.status === "fulfilled") await result.value.dispose();
  }
}
