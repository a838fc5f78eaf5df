/**
 * @file `keepsake strategies`: how earlier concepts can be kept safe, and with which options.
 */
import { Command } from "commander";
import { describeRange } from "../../training/options.ts";
import { DEFAULT_STRATEGY, findStrategy, STRATEGIES } from "../../strategies/registry.ts";
import type { StrategyDefinition } from "../../training/strategy.ts";
import { Output } from "../output.ts";

const EXAMPLES = `
Examples:
  keepsake strategies
  keepsake strategies ewc-dc
  keepsake learn mug ./photos/mug --class mug --strategy ewc-dc --strategy-option lambda=100`;

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

function strategies(name: string | undefined, options: { readonly json: boolean }): void {
  const output = new Output(options);
  const shown = name === undefined ? STRATEGIES.filter(isForLibraries) : [findStrategy(name)];
  const lines = shown.flatMap((strategy) => [
    `${strategy.name}${strategy.name === DEFAULT_STRATEGY ? " (default)" : ""}: ${strategy.summary}`,
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
