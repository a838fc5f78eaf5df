/**
 * @file The command line that the training recipes share.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { ProgramOptions, Provider } from "../../src/graph/index.ts";

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
  /** Leave the encoder of the VAE of `from` as it is. */
  readonly freezeEncoder: boolean;
  /** Samples of a step. */
  readonly batch: number;
  /** Multiplies the recipe's learning rate. */
  readonly rate: number;
  /** Where the training step is computed. */
  readonly provider: Provider;
  /** Cores to use. */
  readonly threads: number;
  /** Threads that make pictures: none on the CPU, which the training step fills. */
  readonly pictureThreads: number;
  /** For every program that the recipe compiles besides the training step. */
  readonly program: Pick<ProgramOptions, "threads">;
  /** For the programs that make what the training step is fed. */
  readonly encoder: Pick<ProgramOptions, "threads" | "provider">;
}

export interface RecipeDefaults {
  readonly samples: number;
  readonly smokeSamples: number;
  readonly batch: number;
  /** Of a smoke run. Default: `batch`. */
  readonly smokeBatch?: number;
  /** The options that not every recipe has. Default: none. */
  readonly takes?: readonly SpecialOption[];
}

const SPECIAL_OPTIONS = ["from", "freeze-text", "freeze-encoder"] as const;
type SpecialOption = (typeof SPECIAL_OPTIONS)[number];

/**
 * `--output`, `--samples`, `--seed`, `--batch`, `--rate`, `--provider`, `--threads`, `--smoke`, and those that a recipe
 * takes.
 *
 * @throws RangeError if a number is none, there is no such provider, or the recipe has no such option
 */
export function recipeOptions(defaults: RecipeDefaults, args?: readonly string[]): RecipeOptions {
  const { values } = parseArgs({
    ...(args !== undefined && { args: [...args] }),
    options: {
      output: { type: "string", default: "build/model" },
      samples: { type: "string", default: String(defaults.samples) },
      from: { type: "string" },
      seed: { type: "string", default: "1" },
      threads: { type: "string" },
      smoke: { type: "boolean", default: false },
      "freeze-text": { type: "boolean" },
      "freeze-encoder": { type: "boolean" },
      batch: { type: "string" },
      rate: { type: "string", default: "1" },
      provider: { type: "string", default: "cpu" },
    },
  });
  const ignored = SPECIAL_OPTIONS.find((name) => values[name] !== undefined && !defaults.takes?.includes(name));
  if (ignored !== undefined) throw new RangeError(`--${ignored}: this recipe has no such option; leave it out.`);
  const threads = values.threads === undefined ? availableParallelism() : wholeNumber("threads", values.threads);
  const { batch, smokeBatch = batch } = defaults;
  const provider = providerNamed(values.provider);
  return {
    output: values.output,
    ...(values.from !== undefined && { from: values.from }),
    smoke: values.smoke,
    freezeText: values["freeze-text"] ?? false,
    freezeEncoder: values["freeze-encoder"] ?? false,
    batch: wholeNumber("batch", values.batch ?? String(values.smoke ? smokeBatch : batch)),
    rate: positiveNumber("rate", values.rate),
    provider,
    samples: values.smoke ? defaults.smokeSamples : wholeNumber("samples", values.samples),
    seed: wholeNumber("seed", values.seed),
    threads,
    // One core is left for this thread.
    pictureThreads: provider === "cpu" ? 0 : Math.max(1, threads - 1),
    program: { threads },
    encoder: { threads, provider },
  };
}

function providerNamed(name: string): Provider {
  if (name === "cpu" || name === "webgpu") return name;
  throw new RangeError(`--provider ${name}: choose cpu or webgpu.`);
}

/** @throws RangeError unless the option's text is a number above 0 */
export function positiveNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0) {
    throw new RangeError(`--${name} ${text}: give a number above 0.`);
  }
  return value;
}

/** @throws RangeError unless the option's text is a whole number from 1 */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`--${name} ${text}: give a whole number from 1.`);
  }
  return value;
}
