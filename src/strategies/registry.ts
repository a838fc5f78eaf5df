/**
 * @file All strategies by name. To add one: one file beside this one, and one line here; or from outside
 * {@link registerStrategy}.
 */
import { Registry } from "../registry.ts";
import { cLora } from "./c-lora.ts";
import { customDiffusion } from "./custom-diffusion.ts";
import { dscEwcDc } from "./dsc-ewc-dc.ts";
import { dscEwc } from "./dsc-ewc.ts";
import { dsc } from "./dsc.ts";
import { ewcDc } from "./ewc-dc.ts";
import { ewc } from "./ewc.ts";
import { joint } from "./joint.ts";
import { kfacEwcDc } from "./kfac-ewc-dc.ts";
import { kvNullspace } from "./kv-nullspace.ts";
import { mergeAndRestart } from "./merge-and-restart.ts";
import { parseOptions, type OptionValue } from "../training/options.ts";
import { orthogonalInit } from "./orthogonal-init.ts";
import { replay } from "./replay.ts";
import { separate } from "./separate.ts";
import { sequential } from "./sequential.ts";
import type { Strategy, StrategyDefinition } from "../training/strategy.ts";
import { textualInversion } from "./textual-inversion.ts";

const strategies = new Registry<StrategyDefinition>("a strategy", [
  sequential,
  textualInversion,
  ewc,
  ewcDc,
  dsc,
  dscEwc,
  dscEwcDc,
  kfacEwcDc,
  kvNullspace,
  replay,
  cLora,
  mergeAndRestart,
  orthogonalInit,
  customDiffusion,
  separate,
  joint,
]);

/** Every strategy, in the order in which they are best listed. Registered ones come last. */
export const STRATEGIES: readonly StrategyDefinition[] = strategies.all;

/**
 * Forgets least in our benchmark (bench/README.md), with no photo of earlier concepts and no teacher. It needs a LoRA
 * on the cross-attention's keys and values.
 */
export const DEFAULT_STRATEGY = "kv-nullspace";
/**
 * For adapters of other kinds and targets, among them that of the built-in model. The EWC strategies end nearer to the
 * photos there with some orders of the concepts, and far off with others. Double distillation ends as near, for nearly
 * three times the time.
 */
export const STRATEGY_FOR_ANY_ADAPTER = "replay";

/**
 * Adds a strategy, as `defineStrategy` makes it: from then on it can be asked for by its name, and libraries that were
 * learned with it can be learned on.
 *
 * @throws KeepsakeError ("usage") for a name that another strategy has, or that no strategy can have
 * @example
 * ```ts
 * import { defineStrategy, registerStrategy } from "keepsake/strategies";
 *
 * registerStrategy(
 *   defineStrategy({
 *     name: "small-changes",
 *     summary: "the adapter's numbers stay small",
 *     options: { lambda: { type: "number", default: 0.1, min: 0, max: Infinity, help: "strength of the pull" } },
 *     plan: (_, { lambda }) => ({
 *       penalty: {
 *         value: (parameters) => parameters.reduce((sum, p) => sum + (lambda / 2) * p ** 2, 0),
 *         addGradient: (gradient, parameters) => parameters.forEach((p, i) => (gradient[i] += lambda * p)),
 *       },
 *     }),
 *   }),
 * );
 * ```
 */
export function registerStrategy(definition: StrategyDefinition): void {
  strategies.register(definition);
}

/** Whether a strategy of this name is registered. */
export function isStrategy(name: string): boolean {
  return strategies.has(name);
}

/** @throws KeepsakeError ("usage") for a name that no strategy has */
export function findStrategy(name: string): StrategyDefinition {
  return strategies.find(name);
}

/**
 * A strategy with its options set.
 *
 * @throws KeepsakeError ("usage") for a name or option that does not exist, or a value out of range
 */
export function createStrategy(
  name: string = DEFAULT_STRATEGY,
  options: Readonly<Record<string, OptionValue>> = {},
): Strategy {
  return findStrategy(name).create(options);
}

/**
 * Reads options as on a command line, `["lambda=100"]`; those that are not named are left to their defaults.
 *
 * @throws KeepsakeError ("usage") as {@link createStrategy}, and for text that is not `name=value`
 */
export function parseStrategyOptions(name: string, texts: readonly string[]): Record<string, OptionValue> {
  return parseOptions(name, findStrategy(name).options, texts);
}
