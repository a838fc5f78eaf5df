/**
 * @file The command line that the training recipes share.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { ProgramOptions } from "../../src/graph/index.ts";

export interface RecipeOptions {
  /** Folder of all recipes' results. */
  readonly output: string;
  readonly samples: number;
  /** Folder of a finished model to start from, in place of random weights. */
  readonly from?: string;
  readonly seed: number;
  /** A run so short that it shows only that the recipe runs. */
  readonly smoke: boolean;
  /** Leave the text encoder of `from` as it is. */
  readonly freezeText: boolean;
  /** Cores to use. */
  readonly threads: number;
  /** For every program that the recipe compiles besides the training step. */
  readonly program: Pick<ProgramOptions, "threads">;
}

/**
 * `--output`, `--samples`, `--from`, `--seed`, `--threads`, `--smoke` and, for CLIP, `--freeze-text`.
 *
 * @throws RangeError if a number is none
 */
export function recipeOptions(defaults: { readonly samples: number; readonly smokeSamples: number }): RecipeOptions {
  const { values } = parseArgs({
    options: {
      output: { type: "string", default: "build/model" },
      samples: { type: "string", default: String(defaults.samples) },
      from: { type: "string" },
      seed: { type: "string", default: "1" },
      threads: { type: "string" },
      smoke: { type: "boolean", default: false },
      "freeze-text": { type: "boolean", default: false },
    },
  });
  const threads = values.threads === undefined ? availableParallelism() : wholeNumber("threads", values.threads);
  return {
    output: values.output,
    ...(values.from !== undefined && { from: values.from }),
    smoke: values.smoke,
    freezeText: values["freeze-text"],
    samples: values.smoke ? defaults.smokeSamples : wholeNumber("samples", values.samples),
    seed: wholeNumber("seed", values.seed),
    threads,
    program: { threads },
  };
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`--${name} ${text}: give a whole number from 1.`);
  }
  return value;
}
