/**
 * @file `keepsake init`: a thin shell over `Keepsake.init`.
 */
import { Command } from "commander";
import { DEFAULT_KEEP } from "../../../library/manifest/manifest.ts";
import { LIMITS } from "../../../limits.ts";
import { wholeNumber } from "../../options.ts";
import { Output } from "../../output.ts";
import {
  DEFAULT_LIBRARY,
  libraryOption,
  withKeepsake,
  type ModelOptions,
  withModelOptions,
  MODEL_TO_BEGIN_WITH,
} from "../shared.ts";

interface InitOptions extends ModelOptions {
  readonly keep: number;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake init --model ./stable-diffusion-v1-5
  keepsake init my-library --model ./stable-diffusion-v1-5 --keep 10

The model is used where it lies and never changed. Each kept state takes as much of the disk as the current
one: about 5 MB with the built-in model, 153 MB with Stable Diffusion 1.x and the default strategy. "keepsake history
--keep" changes their number later.`;

export function initCommand(): Command {
  return withModelOptions(
    new Command("init")
      .summary("make an empty library on a model")
      .description("Make an empty library of concepts on a model. (learn makes one by itself.)")
      .argument("[folder]", "where concepts are to be kept (made if missing)", DEFAULT_LIBRARY),
    `${MODEL_TO_BEGIN_WITH} (default: the built-in model)`,
  )
    .option(
      "--keep <n>",
      "how many states are kept beside the current one, for undo and redo",
      wholeNumber(LIMITS.keep),
      DEFAULT_KEEP,
    )
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(init);
}

async function init(folder: string, options: InitOptions): Promise<void> {
  const { keep } = options;
  const made = await withKeepsake({ ...options, library: folder }, (keepsake) => keepsake.init({ keep }));
  const next = `keepsake learn mochi ./photos/mochi --class cat${libraryOption(folder)}`;
  new Output(options).result(`${folder} is ready. Teach it something: ${next}`, { library: folder, ...made });
}
