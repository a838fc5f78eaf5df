/**
 * @file What the commands that learn have in common: their options, and what these ask for.
 */
import { Option, type Command } from "commander";
import { ADAPTER_KINDS } from "../../../adapters/kinds.ts";
import { TARGET_PRESETS } from "../../../adapters/modules.ts";
import type { AskedStrategy } from "../../../keepsake/chosen-strategy.ts";
import type { LearnRequest } from "../../../keepsake/learn-and-preview.ts";
import { DEFAULT_ADAPTER, DEFAULT_TRAINING } from "../../../learning/learn-settings.ts";
import { BUILT_IN, CHECKPOINT, taughtWith } from "../../../library/model/model-profile.ts";
import { DEFAULT_STRATEGY, parseStrategyOptions, STRATEGY_FOR_ANY_ADAPTER } from "../../../strategies/registry.ts";
import { KeepsakeError } from "../../../errors.ts";
import { learningRateSchedules, type LearningRateSchedule, type Provider } from "../../../graph/index.ts";
import { LIMITS, REAL_LIMITS } from "../../../limits.ts";
import { provider, realNumber, threads, trainingSeed, wholeNumber } from "../../options.ts";
import { DEFAULT_LIBRARY, type ModelOptions, withModelOptions, MODEL_TO_BEGIN_WITH } from "../shared.ts";
import {
  trainingOf,
  samplesOf,
  withTrainingOptions,
  withWatchingOptions,
  type TrainingOptions,
} from "./training-options.ts";

/** Options of the commands that learn. */
export interface LearningOptions extends ModelOptions, TrainingOptions {
  readonly library: string;
  readonly steps?: number;
  readonly strategy?: string;
  readonly strategyOption: string[];
  readonly adapter?: string;
  readonly rank?: number;
  readonly alpha?: number;
  readonly targets?: string;
  readonly vectors?: number;
  readonly lr?: number;
  readonly tokenLr?: number;
  readonly lrScheduler?: LearningRateSchedule;
  readonly batchSize?: number;
  readonly seed: number;
  readonly resolution?: number;
  readonly flip: boolean;
  readonly alphaMasks: boolean;
  readonly previews?: string | false;
  readonly snapshotEvery: number;
  readonly checkpointing?: boolean;
  readonly restart: boolean;
  readonly provider: Provider;
  readonly threads?: number;
  readonly json: boolean;
}

/** What a setting is if it is not given. */
function unlessGiven(setting: number | string, builtIn: number | string): string {
  return setting === builtIn ? `(default: ${setting})` : `(default: ${setting}; on the built-in model ${builtIn})`;
}

/** What a setting is on the built-in model, where it depends on the targets. */
function byTargets(of: (usual: ReturnType<typeof taughtWith>) => number): string {
  const others = [...(BUILT_IN.otherTargets?.keys() ?? [])];
  return [of(BUILT_IN), ...others.map((targets) => `${of(taughtWith(BUILT_IN, targets))} with ${targets}`)].join(", ");
}

const collected = (text: string, before: string[]): string[] => [...before, text];

const PREVIEWS_DEFAULT =
  "(default: on the built-in model <library>.previews.png; on others, where it takes minutes, none)";

/** Adds the options of learning to a command, in groups, so that the help stays readable. */
export function withLearningOptions(command: Command): Command {
  const withLibrary = withModelOptions(
    command.option("--library <folder>", "where concepts are kept (made if missing)", DEFAULT_LIBRARY),
    `${MODEL_TO_BEGIN_WITH} (default: the library's, else the built-in model)`,
  );
  withPhotoOptions(withAdapterOptions(withStrategyOptions(withLibrary)));
  return withMachineOptions(withRunOptions(withTrainingOptions(withRateOptions(command))));
}

function withStrategyOptions(command: Command): Command {
  return command
    .option(
      "--strategy <name>",
      `how to keep earlier concepts safe: "keepsake strategies" lists them (default: as the library was learned so far, else ${DEFAULT_STRATEGY}, on SDXL with mode=soft; ${STRATEGY_FOR_ANY_ADAPTER} on the built-in model and with other adapters or targets)`,
    )
    .addOption(
      new Option("--strategy-option <name=value>", "an option of the strategy; may be repeated")
        .argParser(collected)
        .default([], "as the library was learned so far, else the strategy's own"),
    );
}

function withAdapterOptions(command: Command): Command {
  return command
    .optionsGroup("What is trained:")
    .addOption(
      new Option("--adapter <kind>", "what is trained, fixed by the first concept (default: lora)").choices(
        ADAPTER_KINDS.map(({ name }) => name),
      ),
    )
    .option(
      "--rank <n>",
      `rank of the adapter, fixed by the first concept ${unlessGiven(
        DEFAULT_ADAPTER.rank,
        byTargets(({ adapter }) => adapter.rank),
      )}`,
      wholeNumber(LIMITS.rank),
    )
    .option(
      "--alpha <x>",
      "LoRA alpha, fixed by the first concept (default: the rank)",
      realNumber(REAL_LIMITS.loraAlpha),
    )
    .option(
      "--targets <names>",
      `layers to adapt, fixed by the first concept: ${TARGET_PRESETS.join(", ")}, or endings such as to_q,ff.net.2 (default: what --strategy is made for, else ${DEFAULT_ADAPTER.targets}; on the built-in model ${BUILT_IN.adapter.targets})`,
    )
    .option(
      "--vectors <n>",
      `embeddings that the token stands for ${unlessGiven(CHECKPOINT.vectors, BUILT_IN.vectors)}`,
      wholeNumber(LIMITS.vectors),
    );
}

function withPhotoOptions(command: Command): Command {
  return command
    .optionsGroup("Photos:")
    .option(
      "--resolution <pixels>",
      "side of the square the photos are cropped to (default: the model's)",
      wholeNumber(LIMITS.side),
    )
    .option(
      "--flip",
      "see each photo mirrored as often as not; not for things with writing or a left and a right",
      false,
    )
    .option("--alpha-masks", "what is transparent in a photo is kept out of the loss, as by a mask", false);
}

function withRateOptions(command: Command): Command {
  return command
    .optionsGroup("Training:")
    .option(
      "--steps <n>",
      `optimiser steps ${unlessGiven(DEFAULT_TRAINING.steps, BUILT_IN.training.steps)}`,
      wholeNumber(LIMITS.steps),
    )
    .option(
      "--batch-size <n>",
      `photos in one step ${unlessGiven(DEFAULT_TRAINING.batchSize, BUILT_IN.training.batchSize)}`,
      wholeNumber(LIMITS.batchSize),
    )
    .option(
      "--lr <x>",
      `learning rate of the adapter ${unlessGiven(
        DEFAULT_TRAINING.learningRate,
        byTargets(({ training }) => training.learningRate),
      )}`,
      realNumber(REAL_LIMITS.learningRate),
    )
    .option(
      "--token-lr <x>",
      `learning rate of the token's embedding ${unlessGiven(DEFAULT_TRAINING.tokenLearningRate, BUILT_IN.training.tokenLearningRate)}`,
      realNumber(REAL_LIMITS.learningRate),
    )
    .addOption(
      new Option(
        "--lr-scheduler <name>",
        `how both rates fall over the steps ${unlessGiven(DEFAULT_TRAINING.lrScheduler, BUILT_IN.training.lrScheduler)}`,
      ).choices(learningRateSchedules),
    )
    .option("--seed <n>", "same seed, same result", trainingSeed, DEFAULT_TRAINING.seed);
}

function withRunOptions(command: Command): Command {
  return withWatchingOptions(command)
    .option("--previews <file>", `sheet of previews, a PNG that each training run replaces ${PREVIEWS_DEFAULT}`)
    .option("--no-previews", "draw no previews")
    .option("--snapshot-every <n>", "steps between snapshots of the run", wholeNumber(LIMITS.snapshotEvery), 25)
    .option("--restart", "give up an unfinished run in the library", false)
    .option("--json", "print the result as JSON", false);
}

function withMachineOptions(command: Command): Command {
  return command
    .optionsGroup("The machine:")
    .option(
      "--checkpointing",
      "less memory, about a third more time (default: if the memory that is free does not suffice otherwise)",
    )
    .option("--provider <name>", "where to compute: cpu, webgpu, cuda, dml, coreml", provider, "cpu")
    .option("--threads <n>", "processor threads (default: one for each core)", threads);
}

/** What the options ask for: all of a request but the thing itself. */
export function learningRequest(
  options: LearningOptions,
): Omit<LearnRequest, "name" | "photos" | "classNoun" | "signal" | "onProgress"> {
  const { adapter, rank, alpha, targets, vectors, resolution, previews } = options;
  const { steps, batchSize, lr, tokenLr, lrScheduler } = options;
  return {
    ...(vectors !== undefined && { vectors }),
    adapter: {
      ...(adapter !== undefined && { kind: adapter }),
      ...(rank !== undefined && { rank }),
      ...(alpha !== undefined && { loraAlpha: alpha }),
      ...(targets !== undefined && { targets }),
    },
    ...strategyOf(options),
    training: {
      ...(steps !== undefined && { steps }),
      ...(batchSize !== undefined && { batchSize }),
      ...(lr !== undefined && { learningRate: lr }),
      ...(tokenLr !== undefined && { tokenLearningRate: tokenLr }),
      ...(lrScheduler !== undefined && { lrScheduler }),
      seed: options.seed,
      ...(resolution !== undefined && { resolution }),
      ...(options.flip && { flip: true }),
      ...(options.alphaMasks && { alphaMasks: true }),
      ...trainingOf(options),
    },
    snapshotEvery: options.snapshotEvery,
    restart: options.restart,
    tellsPlan: true,
    ...(options.checkpointing !== undefined && { checkpointing: options.checkpointing }),
    ...(previews !== undefined && { previews }),
    ...samplesOf(options),
  };
}

/** @throws KeepsakeError ("usage") for a name or option that does not exist, and for options without a strategy */
function strategyOf({ strategy, strategyOption }: LearningOptions): AskedStrategy {
  if (strategy !== undefined) return { strategy, strategyOptions: parseStrategyOptions(strategy, strategyOption) };
  if (strategyOption.length === 0) return {};
  throw new KeepsakeError("usage", "--strategy-option needs --strategy, e.g. --strategy dsc-ewc-dc.");
}
