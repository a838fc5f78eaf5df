/**
 * @file Parity: checks a tree of reference values (golden tensors of PyTorch, diffusers, CLIP) against this
 * implementation.
 */
import { Option } from "commander";
import { PROVIDERS, type Provider } from "../src/graph/index.ts";
import { formatDetails, formatResult, formatSummary, resultToJson } from "./parity/report.ts";
import { runParity } from "./parity/run.ts";
import { readArguments, tool } from "./tool.ts";

const command = tool(
  "Checks every case below a folder of reference values: models, tokenizers, schedulers, LoRA files, forward passes, gradients, training " +
    "steps, pictures. Prints one line for each case with its worst error against its tolerance; exits with 1 if any case fails or cannot be run.",
  "npm run parity --",
)
  .argument("<folder>", "the tree of reference values")
  .option("--only <text>", "only cases whose names contain this, e.g. forward/ or lora")
  .addOption(new Option("--provider <name>", "where to compute").choices(PROVIDERS).default("cpu"))
  .option("--verbose", "every comparison of each case, and the errors of intermediate values", false)
  .option("--json", "one JSON object a line instead of text", false);
const { only, provider, verbose, json } = readArguments(command).opts<{
  only?: string;
  provider: Provider;
  verbose: boolean;
  json: boolean;
}>();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  const results = await runParity(command.args[0], {
    ...(only !== undefined && { only }),
    programOptions: { provider },
    onResult: (result) => {
      print(json ? resultToJson(result) : formatResult(result));
      if (verbose && !json) formatDetails(result).forEach(print);
    },
  });
  const failed = results.filter(({ ok }) => !ok).length;
  print(json ? JSON.stringify({ cases: results.length, failed }) : formatSummary(results));
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  // Of a tree of somebody else: what is wrong with it is told, and not where it was found.
  process.stderr.write(`parity: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
