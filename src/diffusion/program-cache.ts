/**
 * @file Keeps compiled programs for their next use.
 */

/** Something compiled, which holds native memory. */
export interface Disposable {
  dispose(): Promise<void>;
}

/** Programs of one type, by a key that says what they were compiled for. */
export class ProgramCache<Compiled extends Disposable> {
  readonly #programs = new Map<string, Promise<Compiled>>();

  /** The program for `key`, compiled if this is the first time it is asked for. */
  async get(key: string, compile: () => Promise<Compiled>): Promise<Compiled> {
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
