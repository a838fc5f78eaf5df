/**
 * @file The command line that the training recipes share.
 */
import { availableParallelism } from "node:os";
import { Option, type Command } from "commander";
import { threads as processorThreads, trainingSeed } from "../../src/cli/options.ts";
import { aboveZero, atLeastOne, readArguments, tool } from "../../scripts/tool.ts";
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

const SPECIAL_OPTIONS = {
  from: ["--from <folder>", "a finished model to start from, in the place of random weights"],
  "freeze-text": ["--freeze-text", "leave the text encoder of that model as it is"],
  "freeze-encoder": ["--freeze-encoder", "leave the VAE's encoder of that model as it is"],
} as const;
type SpecialOption = keyof typeof SPECIAL_OPTIONS;

/** As they are typed, before defaults that depend on one another. */
interface Typed extends Pick<RecipeOptions, "output" | "samples" | "from" | "seed" | "smoke" | "rate" | "provider"> {
  readonly freezeText?: true;
  readonly freezeEncoder?: true;
  readonly batch?: number;
  readonly threads?: number;
}

/**
 * `--output`, `--samples`, `--seed`, `--batch`, `--rate`, `--provider`, `--threads`, `--smoke`, and those that a recipe
 * takes.
 *
 * @param description - one line, of what the recipe trains
 * @param args - default: those that the process was started with
 * @throws CommanderError if a number is none, there is no such provider, or the recipe has no such option
 */
export function recipeOptions(description: string, defaults: RecipeDefaults, args?: readonly string[]): RecipeOptions {
  const command = recipeCommand(description, defaults);
  const typed = (args === undefined ? readArguments(command) : command.parse(args, { from: "user" })).opts<Typed>();
  const { batch: usual, smokeBatch = usual, smokeSamples } = defaults;
  const { output, from, seed, smoke, freezeText = false, freezeEncoder = false, rate, provider } = typed;
  const { threads = availableParallelism(), batch = smoke ? smokeBatch : usual } = typed;
  return {
    ...{ output, smoke, freezeText, freezeEncoder, batch, rate, provider, seed, threads },
    ...(from !== undefined && { from }),
    samples: smoke ? smokeSamples : typed.samples,
    // One core is left for this thread.
    pictureThreads: provider === "cpu" ? 0 : Math.max(1, threads - 1),
    program: { threads },
    encoder: { threads, provider },
  };
}

function recipeCommand(description: string, { samples, batch, takes = [] }: RecipeDefaults): Command {
  const command = tool(`${description} It goes on where it was stopped; Ctrl-C loses nothing.`)
    .option("--output <folder>", "folder for the results of all recipes", "build/model")
    .option("--samples <n>", "pictures to train on", atLeastOne, samples)
    .option("--seed <n>", "seed of weights and pictures", trainingSeed, 1)
    .option("--batch <n>", `samples of a step (default: ${batch})`, atLeastOne)
    .option("--rate <x>", "multiplies the recipe's learning rate", aboveZero, 1)
    .addOption(
      new Option("--provider <name>", "where the training step is computed").choices(["cpu", "webgpu"]).default("cpu"),
    )
    .option("--threads <n>", "cores to use (default: all)", processorThreads)
    .option("--smoke", "so short that it shows only that the recipe runs", false);
  for (const name of takes) {
    const [flags, description] = SPECIAL_OPTIONS[name];
    command.option(flags, description);
  }
  return command;
}
