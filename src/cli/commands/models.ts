/**
 * @file `keepsake models`: which models there are to work on.
 */
import { Command } from "commander";
import { MODEL_FAMILIES } from "../../diffusion/family/families.ts";
import { listCached, type ListedModel } from "../../hub-cache/cached-models.ts";
import { wholeFiles } from "../../hub-cache/cached-snapshot.ts";
import { BUILT_IN_MODEL, checkpointFolder } from "../../library/model/model-folder.ts";
import { formatBytes } from "../../units.ts";
import { formatTable, Output } from "../output.ts";

const EXAMPLES = `
Examples:
  keepsake models
  keepsake models --json

Models of the Hugging Face cache that are in the diffusers layout (HF_HOME, HF_HUB_CACHE), and the built-in one. No
connection is opened. Each can be given as --model; "keepsake pull" downloads others.`;

export function modelsCommand(): Command {
  return new Command("models")
    .summary("list the models that are on this machine")
    .description("List the models that are on this machine: the built-in one, and those of the Hugging Face cache.")
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(models);
}

async function models(options: { readonly json: boolean }): Promise<void> {
  const found = [await builtIn(), ...(await listCached(process.env))];
  const rows = found.map((listed) => [
    ...[listed.model, listed.family, listed.precisions.join(" and "), formatBytes(listed.bytes), remark(listed)],
  ]);
  new Output(options).listing(formatTable(rows), { models: found });
}

async function builtIn(): Promise<ListedModel> {
  const folder = checkpointFolder(BUILT_IN_MODEL);
  const sizes = [...(await wholeFiles(folder)).values()];
  return {
    ...{
      model: BUILT_IN_MODEL,
      family: MODEL_FAMILIES["built-in"].title,
      precisions: [],
      isUsable: true,
      isWhole: true,
    },
    ...{ bytes: sizes.reduce((sum, size) => sum + size, 0), folder },
  };
}

function remark({ model, isUsable, isWhole }: ListedModel): string {
  if (!isWhole) return `not whole: keepsake pull ${model}`;
  return isUsable ? "" : "not supported";
}
