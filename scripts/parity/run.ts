/** @file Runs the cases of a tree, one after another, and judges each. */
import { resolve } from "node:path";
import type { ProgramOptions } from "../../src/graph/index.ts";
import type { ParityCase } from "./case-kind.ts";
import { type Measure, Checks, passes, worst } from "./checks.ts";
import { discoverCases } from "./discover.ts";
import { Tree } from "./tree.ts";

export interface ParityResult {
  readonly name: string;
  readonly ok: boolean;
  /** The error nearest to, or furthest beyond, its tolerance. */
  readonly worst?: Measure;
  readonly measures: readonly Measure[];
  readonly debug: readonly Measure[];
  /** Why the case could not be computed. */
  readonly failure?: string;
  readonly seconds: number;
}

export interface ParityOptions {
  /** Only cases whose names contain this. */
  readonly only?: string;
  readonly programOptions?: ProgramOptions;
  /** Told each result as it comes. */
  readonly onResult?: (result: ParityResult) => void;
}

/**
 * Checks every case below `folder`.
 * @throws if the folder cannot be read, or there is no case to check.
 */
export async function runParity(folder: string, options: ParityOptions = {}): Promise<ParityResult[]> {
  const { only = "", programOptions, onResult } = options;
  const root = resolve(folder);
  const all = await discoverCases(root);
  const cases = all.filter(({ name }) => name.includes(only));
  if (all.length === 0) throw new Error(`${folder}: there is no case in this folder`);
  if (cases.length === 0) throw new Error(`${folder}: none of the ${all.length} cases has "${only}" in its name`);
  const tree = new Tree(root, programOptions);
  const results: ParityResult[] = [];
  for (const parityCase of cases) {
    const result = await runCase(parityCase, tree);
    results.push(result);
    onResult?.(result);
  }
  return results;
}

async function runCase(parityCase: ParityCase, tree: Tree): Promise<ParityResult> {
  const checks = new Checks();
  const started = performance.now();
  let failure: string | undefined;
  try {
    await parityCase.run(tree, checks);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  const found = worst(checks.measures);
  return {
    name: parityCase.name,
    // A case that compares nothing proves nothing.
    ok: failure === undefined && found !== undefined && checks.measures.every(passes),
    ...(found && { worst: found }),
    measures: checks.measures,
    debug: checks.debug,
    ...(failure !== undefined && { failure }),
    seconds: (performance.now() - started) / 1000,
  };
}
