/**
 * @file Parity: checks a tree of reference values (golden tensors of PyTorch, diffusers, CLIP) against this
 * implementation.
 */
import { Command, Option } from "commander";
import { PROVIDERS, type Provider } from "../src/graph/index.ts";
import { formatDetails, formatResult, formatSummary, resultToJson } from "./parity/report.ts";
import { runParity } from "./parity/run.ts";

interface CliOptions {
  readonly only?: string;
  readonly provider: Provider;
  readonly verbose?: true;
  readonly json?: true;
}

const program = new Command("parity")
  .description(
    "Checks every case below a folder of reference values: models, tokenizers, schedulers, LoRA files, forward passes, gradients, training " +
      "steps, pictures. Prints one line for each case with its worst error against its tolerance; exits with 1 if any case fails or cannot be run.",
  )
  .argument("<folder>", "the tree of reference values")
  .option("--only <text>", "only cases whose names contain this, e.g. forward/ or lora")
  .addOption(new Option("--provider <name>", "where to compute").choices(PROVIDERS).default("cpu"))
  .option("--verbose", "every comparison of each case, and the errors of intermediate values")
  .option("--json", "one JSON object a line instead of text")
  .action(async (folder: string, options: CliOptions) => {
    const print = (line: string): void => {
      process.stdout.write(`${line}\n`);
    };
    try {
      const results = await runParity(folder, {
        ...(options.only !== undefined && { only: options.only }),
        programOptions: { provider: options.provider },
        onResult: (result) => {
          print(options.json ? resultToJson(result) : formatResult(result));
          if (options.verbose && !options.json) formatDetails(result).forEach(print);
        },
      });
      const failed = results.filter(({ ok }) => !ok).length;
      print(options.json ? JSON.stringify({ cases: results.length, failed }) : formatSummary(results));
      process.exitCode = failed === 0 ? 0 : 1;
    } catch (error) {
      process.stderr.write(`parity: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  });

await program.parseAsync();
