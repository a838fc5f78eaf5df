/**
 * @file `keepsake generate`: a thin shell over `Keepsake.generateFiles`.
 */
import { Command } from "commander";
import { MODEL_FAMILIES } from "../../diffusion/family/families.ts";
import { pictureFiles } from "../../io/images/picture-names.ts";
import type { Keepsake } from "../../keepsake/keepsake.ts";
import { schedulerNames } from "../../diffusion/schedulers/index.ts";
import { isPngFile } from "../../io/images/picture-file.ts";
import type { Provider } from "../../graph/index.ts";
import { stopSignal } from "../exit.ts";
import { LIMITS, REAL_LIMITS } from "../../limits.ts";
import { loraFile, pictureSeed, provider, realNumber, severalFiles, threads, wholeNumber } from "../options.ts";
import { formatTable, Output, TimeLeft } from "../output.ts";
import { formatDuration } from "../../units.ts";
import {
  aboutBuiltInModel,
  DEFAULT_LIBRARY,
  withKeepsake,
  type ModelOptions,
  withModelOptions,
  MODEL_TO_BEGIN_WITH,
} from "./shared.ts";

interface GenerateCommandOptions extends ModelOptions {
  readonly library: string;
  readonly number: number;
  readonly seed: number | bigint;
  readonly steps?: number;
  readonly guidance?: number;
  readonly negative?: string;
  readonly scheduler?: string;
  readonly clipSkip?: number;
  readonly width?: number;
  readonly height?: number;
  readonly output: string;
  readonly metadata: boolean;
  readonly lora?: readonly { readonly file: string; readonly scale?: number }[];
  readonly embedding?: readonly string[];
  readonly provider: Provider;
  readonly threads?: number;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake generate "a cat on a blue background" -n 4
  keepsake generate "<mochi> on the beach" -n 4
  keepsake generate "<mochi> next to <mug> in the snow" --seed 7 --steps 20 --scheduler dpmpp2m -o pictures
  keepsake generate "<mochi> in (deep snow:1.3), [trees]" --clip-skip 2
  keepsake generate "a lighthouse at night" --model ./stable-diffusion-v1-5 -o lighthouse.png
  keepsake generate "<mochi>, watercolour" --lora watercolour.safetensors:0.8 --embedding mochi.safetensors

A picture depends on its seed and number alone: the third of -n 4 is the same as the third of -n 8.

Weights are written as in AUTOMATIC1111's program: (word:1.2), (word) for 1.1, [word] for 1/1.1, and these within each
other. A bracket that is to be drawn is written \\( or \\[. BREAK begins a new part of the prompt. A prompt of any
length is read, in parts of 75 tokens (30 with the built-in model). --clip-skip 2 takes the last layer of the text
encoder but one, normed as the last; of SDXL 1 and 2 are the same, the layer on which it was trained, and no layer is
normed.

Files in a folder are named after prompt, seed and number, and none is replaced: where another picture has the name, as
one drawn with other settings may, a number is added. The same command again gives the same names. A file named with -o
is replaced if Keepsake drew it, and refused if not. Files say how they were drawn, prompts included, as AUTOMATIC1111's
program writes it ("parameters"), and nothing else; with --no-metadata only that Keepsake drew them.

A concept is written in angle brackets and quotes, "<mochi>". The token of an --embedding is called as its file
calls it, or by the file's name in angle brackets. Tags such as <lora:...> are not read: LoRAs are given with --lora.`;

export function generateCommand(): Command {
  const { sd1: usual, "sd-turbo": distilled } = MODEL_FAMILIES;
  return withModelOptions(
    new Command("generate")
      .summary("draw pictures from a prompt")
      .description("Draw pictures from a prompt in which learned things stand as <name>.")
      .argument("<prompt>", "what to draw")
      .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY),
    `${MODEL_TO_BEGIN_WITH} (default: the library's, else the built-in model)`,
  )
    .option("-n, --number <n>", "number of pictures", wholeNumber(LIMITS.pictures), 1)
    .option("--seed <n>", "same seed, same pictures; up to 2^64 - 1", pictureSeed, 0)
    .option(
      "--steps <n>",
      `denoising steps (default: ${usual.steps}; of Turbo and LCM models ${distilled.steps})`,
      wholeNumber(LIMITS.denoisingSteps),
    )
    .option(
      "--guidance <x>",
      `how closely to follow the prompt; 1 = no guidance (default: ${usual.guidanceScale}, or as in the table below)`,
      realNumber(REAL_LIMITS.guidanceScale),
    )
    .option("--negative <prompt>", "what to lead away from")
    .option("--lora <file>", "a LoRA from elsewhere, as file or file:strength; may be given several times", loraFile)
    .option("--embedding <file>", "a textual-inversion embedding; may be given several times", severalFiles)
    .option("--scheduler <name>", `one of ${schedulerNames().join(", ")} (default: the model's)`)
    .option(
      "--clip-skip <n>",
      "layer of the text encoder, counted from the last, 1 (default: the model's)",
      wholeNumber(LIMITS.clipSkip),
    )
    .option("--width <pixels>", "width (default: the model's)", wholeNumber(LIMITS.side))
    .option("--height <pixels>", "height (default: the model's)", wholeNumber(LIMITS.side))
    .option("-o, --output <path>", "a folder, or a .png file for one picture", "pictures")
    .option("--no-metadata", "leave out of the files how they were drawn")
    .option("--provider <name>", "where to compute: cpu, webgpu, cuda, dml, coreml", provider, "cpu")
    .option("--threads <n>", "processor threads (default: one for each core)", threads)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .addHelpText("after", aboutDefaults)
    .addHelpText("after", aboutBuiltInModel)
    .action(generate);
}

/** The table of families. */
function aboutDefaults(): string {
  const rows = Object.values(MODEL_FAMILIES).map((family) => [
    ...[family.name, family.title, `${family.resolution}`, `${family.steps}`, `${family.guidanceScale}`],
    family.about,
  ]);
  const table = formatTable([["family", "", "pixels", "steps", "guidance", ""], ...rows]);
  return `\nThe models' own, by family ("keepsake models" says which a model is of, and --family says otherwise):\n${table}`;
}

async function generate(prompt: string, options: GenerateCommandOptions, command: Command): Promise<void> {
  const output = new Output(options);
  const timeLeft = new TimeLeft();
  let done = 0;
  const { scheduler, clipSkip, width, height, guidance, seed, steps } = options;
  const files = pictureFiles(options.output, prompt, seed, options.number);
  // The default library need not be there: the model draws alone then.
  const mayBeMissing = command.getOptionValueSource("library") === "default";
  const draw = (keepsake: Keepsake) =>
    keepsake.generateFiles({
      ...{ prompt, files, seed, steps, scheduler, clipSkip, width, height },
      ...{ negativePrompt: options.negative, guidanceScale: guidance },
      ...{ loras: options.lora, embeddings: options.embedding },
      existing: isPngFile(options.output) ? "replace" : "beside",
      metadata: options.metadata,
      signal: stopSignal(),
      onProgress: (progress) => {
        if (progress.kind === "warning") output.warn(progress.message);
        if (progress.kind !== "step") return;
        const { index, step, steps } = progress;
        done++;
        const left = timeLeft.after(done, steps * options.number);
        const rest = left === undefined ? "" : `, ${formatDuration(left)} left`;
        output.progress(`picture ${index + 1}/${options.number}, step ${step}/${steps}${rest}`, step === steps);
      },
    });
  const pictures = await withKeepsake(options, draw, mayBeMissing);
  output.result(pictures.join("\n"), { prompt, seed, pictures });
}
