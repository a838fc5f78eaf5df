/**
 * @file `keepsake classify`: a thin shell over `classifyPictures`.
 */
import { Command } from "commander";
import { classifyPictures, type ClassifiedPicture, type ClassifyProgress } from "../../continual/classify.ts";
import { DEFAULT_DRAWS } from "../../continual/concept-classifier.ts";
import { DEFAULT_TEMPERATURE } from "../../continual/diffusion-classifier.ts";
import type { Provider } from "../../graph/index.ts";
import { stopSignal } from "../exit.ts";
import { numberAbove, provider, scheduleRange, wholeNumber } from "../options.ts";
import { formatDuration, Output } from "../output.ts";
import { DEFAULT_LIBRARY } from "./shared.ts";

interface ClassifyCommandOptions {
  readonly library: string;
  readonly model?: string;
  readonly draws: number;
  readonly timesteps?: readonly [number, number];
  readonly temperature: number;
  readonly seed: number;
  readonly resolution?: number;
  readonly provider: Provider;
  readonly threads?: number;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake classify photo.jpg
  keepsake classify ./holiday --draws 64 --json
  keepsake classify photo.jpg --library my-library --model ./stable-diffusion-v1-5

The model itself is asked under which words it predicts noise on the picture best: each concept's, or those of its class (a
cat that is not <mochi>). Choices that fall behind are given up early. More draws make the answer surer and slower; a higher
temperature makes the probabilities more even and changes no order. The pictures are read, never stored.`;

export function classifyCommand(): Command {
  return new Command("classify")
    .summary("say which learned thing is on a picture")
    .description("Say which of the learned things is on each picture.")
    .argument("<image...>", "pictures, or folders of pictures")
    .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
    .option("--model <folder>", "the library's model, if it has moved")
    .option("--draws <n>", "noises tried on each picture, at most", wholeNumber(1), DEFAULT_DRAWS)
    .option(
      "--timesteps <from-to>",
      "part of the noise schedule, as 0.1-0.5 (default: that for small models, else all of it)",
      scheduleRange,
    )
    .option("--temperature <x>", "how even the probabilities are", numberAbove(0), DEFAULT_TEMPERATURE)
    .option("--seed <n>", "same seed, same answer", wholeNumber(0), 0)
    .option(
      "--resolution <pixels>",
      "side of the square the pictures are cropped to (default: the model's)",
      wholeNumber(8),
    )
    .option("--provider <name>", "where to compute: cpu, webgpu, cuda, dml, coreml", provider, "cpu")
    .option("--threads <n>", "processor threads (default: one for each core)", wholeNumber(1))
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(classify);
}

async function classify(images: string[], options: ClassifyCommandOptions): Promise<void> {
  const output = new Output(options);
  const { library, model, draws, timesteps, temperature, seed, resolution, threads } = options;
  const pictures = await classifyPictures({
    library,
    ...(model !== undefined && { model }),
    images,
    draws,
    ...(timesteps !== undefined && { timesteps }),
    temperature,
    seed,
    ...(resolution !== undefined && { resolution }),
    program: { provider: options.provider, ...(threads !== undefined && { threads }) },
    signal: stopSignal(output),
    onProgress: progressReporter(output),
  });
  output.result(pictures.map(tableOf).join("\n\n"), { draws, temperature, seed, pictures });
}

function progressReporter(output: Output): (progress: ClassifyProgress) => void {
  let last = -1;
  return (progress) => {
    if (progress.kind === "pictures") {
      for (const line of progress.warnings) output.warn(line);
      return;
    }
    const { index, count, evaluations } = progress;
    output.progress(`picture ${index + 1}/${count}, UNet evaluations ${evaluations}`, index !== last);
    last = index;
  };
}

/** The file, its candidates with the most probable first, and what it cost. */
function tableOf({ file, verdicts, evaluations, seconds }: ClassifiedPicture): string {
  const width = Math.max(...verdicts.map(({ label }) => label.length));
  const rows = verdicts.map(({ label, probability }) => {
    return `  ${label.padEnd(width)}  ${(100 * probability).toFixed(1).padStart(5)} %`;
  });
  const time = seconds < 10 ? `${seconds.toFixed(1)} s` : formatDuration(seconds);
  return [file, ...rows, `  UNet evaluations: ${evaluations}, ${time}`].join("\n");
}
