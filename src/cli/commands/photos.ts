/**
 * @file `keepsake photos`: a thin shell over `Keepsake.photos`.
 */
import { Command } from "commander";
import { LIMITS } from "../../limits.ts";
import type { PhotoReport } from "../../training/photos/photo-sheet.ts";
import { stopSignal } from "../exit.ts";
import { wholeNumber } from "../options.ts";
import { Output } from "../output.ts";
import { DEFAULT_LIBRARY, MODEL_TO_BEGIN_WITH, withKeepsake, withModelOptions, type ModelOptions } from "./shared.ts";

interface PhotosOptions extends ModelOptions {
  readonly library: string;
  readonly output?: string;
  readonly resolution?: number;
  readonly alphaMasks: boolean;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake photos ./photos/mochi -o sheet.png
  keepsake photos IMG_2041.HEIC IMG_2042.HEIC --resolution 512
  keepsake photos ./photos/mochi --alpha-masks --json

Shows what "keepsake learn" would make of the same photos, before any training: each crop at the size that the model
sees, with its caption, and darker where a mask (3.mask.png for 3.jpg) keeps it out of the loss. Small crops are
enlarged without blur. What is worth a thought is said in a line each: photos that are few, blurred, small, long or
almost the same, live photos, hidden files, captions and masks of no photo. Nothing is written but the sheet, and
without -o nothing at all. The sheet holds your photos: delete it when you have looked at it.`;

export function photosCommand(): Command {
  const command = new Command("photos")
    .summary("show photos as training will see them")
    .description("Show photos as training will see them, and say what could be better about them.")
    .argument("<photos...>", "photos, or folders of photos")
    .option("-o, --output <file>", "a sheet with the crops, a PNG (default: none)")
    .option("--library <folder>", "the library that is to learn from them", DEFAULT_LIBRARY);
  return withModelOptions(command, `${MODEL_TO_BEGIN_WITH} (default: the library's, else the built-in model)`)
    .option(
      "--resolution <pixels>",
      "side of the square the photos are cropped to (default: the model's)",
      wholeNumber(LIMITS.side),
    )
    .option("--alpha-masks", "what is transparent in a photo is its mask", false)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(photos);
}

async function photos(paths: string[], options: PhotosOptions): Promise<void> {
  const output = new Output(options);
  const { output: sheet, resolution, alphaMasks } = options;
  const report = await withKeepsake(options, (keepsake) =>
    keepsake.photos({ photos: paths, sheet, resolution, alphaMasks, signal: stopSignal() }),
  );
  for (const line of report.warnings) output.warn(line);
  output.result(describe(report), report);
}

function describe({ sheet, resolution, photos: seen }: PhotoReport): string {
  const lines = seen.map(({ file, caption, mask }) => {
    const words = caption === undefined ? "" : `: "${caption}"`;
    return `${file}${words}${mask === undefined ? "" : ` (mask: ${mask})`}`;
  });
  const count = `${seen.length} ${seen.length === 1 ? "photo" : "photos"}, cropped to ${resolution} x ${resolution}`;
  return [...lines, sheet === undefined ? count : `${count}: ${sheet}`].join("\n");
}
