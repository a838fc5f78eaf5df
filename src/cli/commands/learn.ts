/**
 * @file `keepsake learn`: a thin shell over `learnConcept`.
 */
import { Command, Option } from "commander";
import type { AdapterKindName } from "../../adapters/adapter.ts";
import { ADAPTER_KINDS } from "../../adapters/kinds.ts";
import {
  BUILT_IN_ADAPTER,
  BUILT_IN_TRAINING,
  DEFAULT_ADAPTER,
  DEFAULT_TRAINING,
} from "../../continual/learn-settings.ts";
import { learnConcept, type LearnProgress } from "../../continual/learn.ts";
import { DEFAULT_STRATEGY, parseStrategyOptions } from "../../continual/strategies/registry.ts";
import type { Provider } from "../../graph/index.ts";
import { INTERRUPTED, stopSignal } from "../exit.ts";
import { numberAbove, numberFrom, provider, wholeNumber } from "../options.ts";
import { formatDuration, Output, TimeLeft } from "../output.ts";
import { DEFAULT_LIBRARY } from "./shared.ts";

interface LearnOptions {
  readonly class: string;
  readonly library: string;
  readonly model?: string;
  readonly steps?: number;
  readonly strategy: string;
  readonly strategyOption: string[];
  readonly adapter?: AdapterKindName;
  readonly rank?: number;
  readonly alpha?: number;
  readonly targets?: string;
  readonly vectors: number;
  readonly lr?: number;
  readonly tokenLr?: number;
  readonly batchSize?: number;
  readonly seed: number;
  readonly resolution?: number;
  readonly snapshotEvery: number;
  readonly checkpointing: boolean;
  readonly restart: boolean;
  readonly provider: Provider;
  readonly threads?: number;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake learn mochi ./photos/mochi --class cat
  keepsake learn mochi ./photos/mochi --class cat --model ./stable-diffusion-v1-5
  keepsake learn tilda ./photos/tilda --class teapot --strategy ewc-dc --strategy-option lambda=100
  keepsake learn mug mug1.jpg mug2.jpg mug3.jpg mug4.jpg --class mug --steps 600

The photos are read, never stored. While the concept is being learned, the library holds a snapshot of the run (numbers of
the adapter and the token, and a checksum by which the photos are recognised); it is deleted when the run ends. Ctrl-C
finishes the current step and saves it; the same command then goes on. A class noun of several words or tokens is fine:
the new token starts as the mean of their embeddings.

Adapters:
${ADAPTER_KINDS.map(({ name, summary }) => `  ${name}: ${summary}`).join("\n")}
VeRA has rank 256 unless told otherwise and no alpha; its few numbers usually need a larger --lr than a LoRA's.`;

/** What a setting is if it is not given. */
function unlessGiven(setting: number, builtIn: number): string {
  return `(default: ${setting}; on the built-in model ${builtIn})`;
}

const collected = (text: string, before: string[]): string[] => [...before, text];

export function learnCommand(): Command {
  return new Command("learn")
    .summary("teach the model a thing from 4-10 photos")
    .description(
      "Teach the model a thing from 4-10 photos of it. It is called <name> in prompts, angle brackets included.",
    )
    .argument("<name>", "what to call it: small letters, digits, - and _")
    .argument("<photos...>", "photos, or folders of photos")
    .requiredOption("--class <noun>", "what it is, e.g. cat")
    .option("--library <folder>", "where concepts are kept (made if missing)", DEFAULT_LIBRARY)
    .option("--model <folder>", "checkpoint in the diffusers layout (default: the library's, else the built-in model)")
    .option(
      "--strategy <name>",
      'how to keep earlier concepts safe: "keepsake strategies" lists them',
      DEFAULT_STRATEGY,
    )
    .addOption(
      new Option("--strategy-option <name=value>", "an option of the strategy; may be repeated")
        .argParser(collected)
        .default([], "none"),
    )
    .option(
      "--steps <n>",
      `optimiser steps ${unlessGiven(DEFAULT_TRAINING.steps, BUILT_IN_TRAINING.steps)}`,
      wholeNumber(1),
    )
    .addOption(
      new Option("--adapter <kind>", "what is trained, fixed by the first concept (default: lora)").choices(
        ADAPTER_KINDS.map(({ name }) => name),
      ),
    )
    .option(
      "--rank <n>",
      `rank of the adapter, fixed by the first concept ${unlessGiven(DEFAULT_ADAPTER.rank, BUILT_IN_ADAPTER.rank)}`,
      wholeNumber(1),
    )
    .option("--alpha <x>", "LoRA alpha, fixed by the first concept (default: the rank)", numberAbove(0))
    .option(
      "--targets <names>",
      `layers to adapt: crossattn-kv, crossattn, attn, all-linear, or endings such as to_q,ff.net.2 (default: ${DEFAULT_ADAPTER.targets})`,
    )
    .option("--vectors <n>", "embeddings that the token stands for", wholeNumber(1), 1)
    .option(
      "--lr <x>",
      `learning rate of the adapter ${unlessGiven(DEFAULT_TRAINING.learningRate, BUILT_IN_TRAINING.learningRate)}`,
      numberFrom(0),
    )
    .option(
      "--token-lr <x>",
      `learning rate of the token's embedding ${unlessGiven(DEFAULT_TRAINING.tokenLearningRate, BUILT_IN_TRAINING.tokenLearningRate)}`,
      numberFrom(0),
    )
    .option(
      "--batch-size <n>",
      `photos in one step ${unlessGiven(DEFAULT_TRAINING.batchSize, BUILT_IN_TRAINING.batchSize)}`,
      wholeNumber(1),
    )
    .option("--seed <n>", "same seed, same result", wholeNumber(0), DEFAULT_TRAINING.seed)
    .option(
      "--resolution <pixels>",
      "side of the square the photos are cropped to (default: the model's)",
      wholeNumber(8),
    )
    .option("--snapshot-every <n>", "steps between snapshots of the run", wholeNumber(1), 25)
    .option("--checkpointing", "less memory, about a third more time", false)
    .option("--restart", "give up an unfinished run in the library", false)
    .option("--provider <name>", "where to compute: cpu, webgpu, cuda, dml, coreml", provider, "cpu")
    .option("--threads <n>", "processor threads (default: one for each core)", wholeNumber(1))
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(learn);
}

async function learn(name: string, photos: string[], options: LearnOptions): Promise<void> {
  const output = new Output(options);
  const onProgress = progressReporter(output);
  const { adapter: kind, rank, alpha, targets, threads, resolution, model, steps, batchSize, lr, tokenLr } = options;
  const result = await learnConcept({
    library: options.library,
    ...(model !== undefined && { model }),
    name,
    photos,
    classNoun: options.class,
    vectors: options.vectors,
    adapter: {
      ...(kind !== undefined && { kind }),
      ...(rank !== undefined && { rank }),
      ...(alpha !== undefined && { loraAlpha: alpha }),
      ...(targets !== undefined && { targets }),
    },
    strategy: options.strategy,
    strategyOptions: parseStrategyOptions(options.strategy, options.strategyOption),
    training: {
      ...(steps !== undefined && { steps }),
      ...(batchSize !== undefined && { batchSize }),
      ...(lr !== undefined && { learningRate: lr }),
      ...(tokenLr !== undefined && { tokenLearningRate: tokenLr }),
      seed: options.seed,
      ...(resolution !== undefined && { resolution }),
    },
    snapshotEvery: options.snapshotEvery,
    restart: options.restart,
    checkpointing: options.checkpointing,
    program: { provider: options.provider, ...(threads !== undefined && { threads }) },
    signal: stopSignal(output),
    onProgress,
  });
  if (result.status === "interrupted") {
    output.result(`Stopped at step ${result.step} of ${result.steps}; the same command goes on from there.`, result);
    process.exitCode = INTERRUPTED;
    return;
  }
  output.result(`Learned ${result.token}. Draw it: keepsake generate "a photo of a ${result.token}"`, result);
}

function progressReporter(output: Output): (progress: LearnProgress) => void {
  const timeLeft = new TimeLeft();
  let average: number | undefined;
  return (progress) => {
    switch (progress.kind) {
      case "photos":
        for (const file of progress.skipped) output.warn(`${file} is in a format that is not read; save it as JPEG.`);
        if (progress.duplicates > 0) output.warn(`left out because they show the same: ${progress.duplicates}`);
        output.info(`${progress.count} ${progress.count === 1 ? "photo" : "photos"}`);
        if (progress.count < 4) output.warn("4 to 10 photos in different places and light teach a thing better.");
        break;
      case "resumed":
        output.info(`going on from step ${progress.step}`);
        break;
      case "step": {
        const { step, steps, loss } = progress;
        average = average === undefined ? loss : 0.95 * average + 0.05 * loss;
        const left = timeLeft.after(step, steps);
        const rest = left === undefined ? "" : `, ${formatDuration(left)} left`;
        const isMilestone = step === steps || step % Math.max(1, Math.round(steps / 10)) === 0;
        output.progress(`step ${step}/${steps}, loss ${average.toFixed(4)}${rest}`, isMilestone);
      }
    }
  };
}
