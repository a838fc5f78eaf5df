/**
 * @file `keepsake strategies`: how earlier concepts can be kept safe, and with which options.
 */
import { Command } from "commander";
import { describeRange } from "../../training/options.ts";
import { DEFAULT_STRATEGY, findStrategy, STRATEGIES, STRATEGY_FOR_ANY_ADAPTER } from "../../strategies/registry.ts";
import type { StrategyDefinition } from "../../training/strategy.ts";
import { Output } from "../output.ts";

const EXAMPLES = `
Examples:
  keepsake strategies
  keepsake strategies ewc-dc
  keepsake learn mug ./photos/mug --class mug --strategy ewc-dc --strategy-option lambda=10`;

export function strategiesCommand(): Command {
  return new Command("strategies")
    .summary("list the ways to keep earlier concepts safe")
    .description("List the strategies of learning, or one of them with its options.")
    .argument("[name]", "one strategy")
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(strategies);
}

/**
 * Whether a library can be learned with it; the others are yardsticks that would keep photos, or more with every
 * concept.
 */
function isForLibraries(strategy: StrategyDefinition): boolean {
  return strategy.create().order === "one-by-one";
}

const DEFAULT_FOR: Readonly<Record<string, string>> = {
  [DEFAULT_STRATEGY]: " (default)",
  [STRATEGY_FOR_ANY_ADAPTER]: " (default on the built-in model, and for other adapters and targets)",
};

function strategies(name: string | undefined, options: { readonly json: boolean }): void {
  const output = new Output(options);
  const shown = name === undefined ? STRATEGIES.filter(isForLibraries) : [findStrategy(name)];
  const lines = shown.flatMap((strategy) => [
    `${strategy.name}${DEFAULT_FOR[strategy.name] ?? ""}: ${strategy.summary}`,
    ...(name === undefined ? [] : optionLines(strategy)),
  ]);
  const described = shown.map(({ name, summary, options: specs }) => ({ name, summary, options: specs }));
  output.listing(lines.join("\n"), { strategies: described });
}

function optionLines({ options }: StrategyDefinition): string[] {
  return Object.entries(options).map(
    ([option, spec]) => `  ${option}=${String(spec.default)}  ${spec.help} (${describeRange(spec)})`,
  );
}
