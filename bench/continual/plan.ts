/**
 * @file What the benchmark of continual personalization runs: which concepts, in which orders, with which strategies,
 * and what is tried when they are tuned.
 */
import { RandomStream } from "../../src/random/random.ts";
import { DEFAULT_ADAPTER } from "../../src/learning/learn-settings.ts";
import { BUILT_IN, taughtWith } from "../../src/library/model/model-profile.ts";
import { createStrategy } from "../../src/strategies/registry.ts";
import type { LearningRateSchedule } from "../../src/graph/index.ts";
import type { OptionValue } from "../../src/training/options.ts";

/** Strengths are tuned on concepts that are not reported. The reported ones hold two cats that are easily confused. */
export const CONCEPT_SETS = {
  tuning: ["pip", "rivet", "cinder", "juno", "nomad"],
  reported: ["mochi", "pogo", "tilda", "tofu", "ember"],
  /** To see what becomes of a strategy with 1, 3, 5 and 10 concepts. The last five are those of the tuning. */
  all: ["mochi", "pogo", "tilda", "tofu", "ember", "pip", "rivet", "cinder", "juno", "nomad"],
} as const satisfies Record<string, readonly string[]>;

export type ConceptSet = keyof typeof CONCEPT_SETS;

/** A strategy with options, one row of the table. */
export interface Contender {
  readonly strategy: string;
  readonly options: Readonly<Record<string, OptionValue>>;
}

/** What a contender learns with. */
export interface Budget {
  /** Optimiser steps for each concept. */
  readonly steps: number;
  readonly rank: number;
  /** As `parseTargets` reads them. Default: keys and values of cross-attention, the usual ones of large models. */
  readonly targets?: string;
  readonly learningRate: number;
  readonly tokenLearningRate: number;
  readonly lrScheduler: LearningRateSchedule;
}

/** One run: a contender on the concepts in one order, with one seed. */
export interface PlannedRun extends Contender {
  readonly set: ConceptSet;
  readonly order: readonly string[];
  readonly seed: number;
  readonly budget: Budget;
  /** Drawn for the setting of each held-out view. */
  readonly pictures: number;
  /** Noises and timesteps under which each held-out view is classified. */
  readonly classifierDraws: number;
  /** Numbers of concepts after which the run is measured as if it ended there; its end always is. */
  readonly measuredAfter?: readonly number[];
}

/**
 * Values tried by `--grid`: four for the strength of each. Strategies without a strength have one. What was tried for
 * the present table, and how unequal that was, is in ../README.md.
 */
const STRENGTHS: Readonly<Record<string, { readonly option: string; readonly values: readonly OptionValue[] }>> = {
  ewc: { option: "lambda", values: [1e4, 1e5, 3e5, 1e6] },
  "ewc-dc": { option: "lambda", values: [1, 10, 30, 100] },
  "kfac-ewc-dc": { option: "lambda", values: [1e-5, 1e-4, 1e-3, 1e-2] },
  dsc: { option: "alpha", values: [0.3, 1, 3, 10] },
  "c-lora": { option: "lambda", values: [0.1, 1, 10, 100] },
  replay: { option: "share", values: [0.25, 0.5, 1, 2] },
  "kv-nullspace": { option: "energy", values: [0.8, 0.9, 0.97, 0.99] },
};

/** What is adapted, and how fast. */
type Adapted = Required<Pick<Budget, "rank" | "targets" | "learningRate">>;

/** As the built-in model is taught, with these targets. */
function adaptedWith(targets: string): Adapted {
  const { adapter, training } = taughtWith(BUILT_IN, targets);
  return { ...adapter, learningRate: training.learningRate };
}

export const KEYS_AND_VALUES = adaptedWith(DEFAULT_ADAPTER.targets);
/** Smith et al., "Continual diffusion" (TMLR 2024), and Kumari et al., CVPR 2023, define theirs on keys and values. */
const ON_KEYS_AND_VALUES = ["c-lora", "custom-diffusion"];

/**
 * What a strategy adapts.
 *
 * @param targets - default: keys and values where it is made for them, all linear layers else
 */
export function adaptedBy(strategy: string, targets?: string): Adapted {
  const isMadeForKeysAndValues =
    createStrategy(strategy).targets !== undefined || ON_KEYS_AND_VALUES.includes(strategy);
  return adaptedWith(targets ?? (isMadeForKeysAndValues ? DEFAULT_ADAPTER : BUILT_IN.adapter).targets);
}

/** Every way in which a strategy is tried. */
export function grid(strategy: string): Contender[] {
  const { [strategy]: strength } = STRENGTHS;
  if (strength === undefined) return [{ strategy, options: {} }];
  return strength.values.map((value) => ({ strategy, options: { [strength.option]: value } }));
}

/** A contender with every option of its strategy, as results keep it: a default may change. */
export function withDefaults({ strategy, options }: Contender): Contender {
  return { strategy, options: createStrategy(strategy, options).options };
}

/** What tells a contender from its strategy as it is by default: `candidates=3`. */
export function chosenOptions({ strategy, options }: Contender): string[] {
  const { options: defaults } = createStrategy(strategy);
  return Object.entries(options)
    .filter(([name, value]) => value !== defaults[name])
    .map(([name, value]) => `${name}=${value}`);
}

/** Orders of the concepts: the first as listed, the others shuffled. The same for everyone. */
export function orders(set: ConceptSet, count: number, concepts: number): string[][] {
  const names: readonly string[] = CONCEPT_SETS[set].slice(0, concepts);
  return Array.from({ length: count }, (_, index) => {
    if (index === 0) return [...names];
    const stream = new RandomStream(2026, "order", index);
    const left = [...names];
    return names.map(() => left.splice(stream.integer(left.length), 1)[0]);
  });
}
