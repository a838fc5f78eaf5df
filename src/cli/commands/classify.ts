/**
 * @file `keepsake classify`: a thin shell over `Keepsake.classify`.
 */
import { Command } from "commander";
import type { ClassifiedPicture, ClassifyProgress } from "../../keepsake/classify.ts";
import { DEFAULT_DRAWS } from "../../classifier/concept-classifier.ts";
import { DEFAULT_TEMPERATURE_IN_STANDARD_ERRORS, NONE, SURE, type Answer } from "../../classifier/picture-answer.ts";
import type { Provider } from "../../graph/index.ts";
import { stopSignal } from "../exit.ts";
import { LIMITS, REAL_LIMITS } from "../../limits.ts";
import { provider, realNumber, scheduleRange, threads, trainingSeed, wholeNumber } from "../options.ts";
import { formatTable, Output } from "../output.ts";
import { formatDuration } from "../../units.ts";
import { DEFAULT_LIBRARY, withKeepsake, type ModelOptions, withModelOptions } from "./shared.ts";

interface ClassifyCommandOptions extends ModelOptions {
  readonly library: string;
  readonly draws: number;
  readonly timesteps?: readonly [number, number];
  readonly others?: readonly string[];
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

The answer is one of three: a concept; "${NONE}", with the ordinary thing that fits best, if one does; or "not
sure". The model is asked under which words it predicts noise on the picture best: each concept's, those of its class
(a cat that is not <mochi>), those of ordinary things, or none at all. A concept must beat all of these by more than
chance (${100 * SURE} %). With the built-in model the probabilities were checked on pictures that it had not seen;
with other models they tell how far chance alone goes. Choices that fall behind are given up early. More draws make
the answer surer and slower; a higher temperature makes the probabilities more even. The pictures are read, never
stored.`;

export function classifyCommand(): Command {
  return withModelOptions(
    new Command("classify")
      .summary("say which concept is on a picture, if any")
      .description("Say which of the learned concepts is on each picture, or that none is.")
      .argument("<image...>", "pictures, or folders of pictures")
      .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY),
    "the library's model, if it has moved",
  )
    .option("--draws <n>", "noises tried on each picture, at most", wholeNumber(LIMITS.draws), DEFAULT_DRAWS)
    .option(
      "--timesteps <from-to>",
      "part of the noise schedule, as 0.1-0.5 (default: that for small models, else all of it)",
      scheduleRange,
    )
    .option(
      "--others <nouns>",
      'ordinary things to compare with, as "cat,red car"; "" for class nouns alone (default: some that the model knows)',
      nounList,
    )
    .option(
      "--temperature <x>",
      "how even the probabilities are",
      realNumber(REAL_LIMITS.temperature),
      DEFAULT_TEMPERATURE_IN_STANDARD_ERRORS,
    )
    .option("--seed <n>", "same seed, same answer", trainingSeed, 0)
    .option(
      "--resolution <pixels>",
      "side of the square the pictures are cropped to (default: the model's)",
      wholeNumber(LIMITS.side),
    )
    .option("--provider <name>", "where to compute: cpu, webgpu, cuda, dml, coreml", provider, "cpu")
    .option("--threads <n>", "processor threads (default: one for each core)", threads)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(classify);
}

async function classify(images: string[], options: ClassifyCommandOptions): Promise<void> {
  const output = new Output(options);
  const { draws, timesteps, others, temperature, seed, resolution } = options;
  const pictures = await withKeepsake(options, (keepsake) =>
    keepsake.classify({
      ...{ images, draws, timesteps, others, temperature, seed, resolution },
      signal: stopSignal(),
      onProgress: progressReporter(output),
    }),
  );
  const isUnsure = pictures.some(({ answer }) => answer.kind === "unsure");
  const longer = Math.min(4 * draws, LIMITS.draws[1]);
  const advice =
    isUnsure && longer > draws ? [`Not sure? --draws ${longer} looks longer, and takes as much longer.`] : [];
  output.result([...pictures.map(tableOf), ...advice].join("\n\n"), { draws, temperature, seed, pictures });
}

function progressReporter(output: Output): (progress: ClassifyProgress) => void {
  let last = -1;
  return (progress) => {
    if (progress.kind === "pictures") {
      for (const line of progress.warnings) output.warn(line);
      return;
    }
    if (progress.kind === "verdicts") return;
    const { index, count, evaluations } = progress;
    output.progress(`picture ${index + 1}/${count}, UNet evaluations ${evaluations}`, index !== last);
    last = index;
  };
}

/** "cat, red car". */
function nounList(text: string): string[] {
  return text
    .split(",")
    .map((noun) => noun.trim())
    .filter((noun) => noun !== "");
}

/** The file, the answer, how probable each concept is, the most probable first, and what it cost. */
function tableOf({ file = "", answer, verdicts, evaluations, seconds }: ClassifiedPicture): string {
  const none = verdicts.filter(({ concept }) => concept === undefined);
  const rows = [
    ...verdicts.filter(({ concept }) => concept !== undefined),
    { label: NONE, probability: none.reduce((sum, { probability }) => sum + probability, 0) },
  ].sort((a, b) => b.probability - a.probability);
  const time = seconds < 10 ? `${seconds.toFixed(1)} s` : formatDuration(seconds);
  return [
    `${file}: ${answerText(answer)}`,
    ...formatTable(rows.map(({ label, probability }) => [label, percent(probability)]))
      .split("\n")
      .map((row) => `  ${row}`),
    `  UNet evaluations: ${evaluations}, ${time}`,
  ].join("\n");
}

function answerText(answer: Answer): string {
  switch (answer.kind) {
    case "concept":
      return answer.label;
    case "none":
      return answer.nearest === undefined ? NONE : `${NONE}, most like ${answer.nearest}`;
    case "unsure":
      return `not sure: ${answer.between.join(" or ")}`;
  }
}

/** Of the surest answers 95 % and a little more were right, so no figure says more. */
function percent(probability: number): string {
  if (probability > 0.95) return "> 95 %";
  if (probability < 0.05) return " < 5 %";
  return `${Math.round(100 * probability)} %`.padStart(6);
}
