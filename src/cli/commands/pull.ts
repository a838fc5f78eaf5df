/**
 * @file `keepsake pull`: a thin shell over `pullModel`, the one command that opens connections.
 */
import { Command, Option } from "commander";
import { VARIANTS, type Variant } from "../../hub-cache/wanted-files.ts";
import { shellPath } from "../../shell.ts";
import { formatBytes } from "../../units.ts";
import { pullAndReport } from "../hub-model.ts";
import { Output } from "../output.ts";

interface PullOptions {
  readonly variant?: Variant;
  readonly update: boolean;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake pull stable-diffusion-v1-5/stable-diffusion-v1-5
  keepsake pull stabilityai/sd-turbo --variant fp32
  keepsake learn rex ./photos/rex --class dog --model stabilityai/sd-turbo --library my-photos

The model goes into the cache of the Hugging Face tools (HF_HOME, HF_HUB_CACHE), and what they have downloaded is used.
Only safetensors, configs and the tokenizer are downloaded, and every file is checked by its hash. What is there already
is found without a connection; --update asks whether there is something newer.

For models whose licence must be accepted, accept it on the model's page, then set HF_TOKEN (or use "hf auth login").
HF_ENDPOINT names another server, HTTPS_PROXY, HTTP_PROXY and NO_PROXY a proxy, and HF_HUB_OFFLINE=1 forbids
connections. Ctrl-C keeps what has come; the same command goes on.`;

export function pullCommand(): Command {
  return new Command("pull")
    .summary("download a model from the Hugging Face Hub")
    .description(
      "Download a Stable Diffusion model from the Hugging Face Hub. (--model <owner>/<name> of other commands does the same, after asking.)",
    )
    .argument("<model>", "<owner>/<name>, or <owner>/<name>@<branch, tag or commit>")
    .addOption(
      new Option("--variant <name>", "which weights (default: fp16 where there are such)").choices([...VARIANTS]),
    )
    .option("--update", "ask the hub whether there is something newer than in the cache", false)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(pull);
}

async function pull(model: string, { variant, update, json }: PullOptions): Promise<void> {
  const output = new Output({ json });
  const result = await pullAndReport({ model, variant, update }, output);
  const { folder, bytes, downloaded, precisions } = result;
  const what = downloaded === 0 ? "is in the cache" : `was downloaded (${formatBytes(downloaded)})`;
  const lines = [
    `${result.model} ${what}: ${formatBytes(bytes)}, ${precisions.join(" and ")}.`,
    folder,
    `Use it with --model ${shellPath(result.model)}`,
  ];
  output.result(lines.join("\n"), result);
}
