/**
 * @file `keepsake previews`: a thin shell over `Keepsake.previews`.
 */
import { Command } from "commander";
import type { Provider } from "../../graph/index.ts";
import { stopSignal } from "../exit.ts";
import { provider, threads } from "../options.ts";
import { Output } from "../output.ts";
import { ABOUT_PREVIEWS, describePreviews, reportPreviews } from "./learn/learn-report.ts";
import { DEFAULT_LIBRARY, withKeepsake, type ModelOptions, withModelOptions } from "./shared.ts";

interface PreviewsOptions extends ModelOptions {
  readonly library: string;
  readonly output?: string;
  readonly provider: Provider;
  readonly threads?: number;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake previews
  keepsake previews --library my-library -o before-and-after.png

Draws the preview sheet of the last training run again, from the states that the library keeps, or for the first time
with a large model, where "keepsake learn" draws it only if asked. Small pictures are enlarged without blur. The same
states give the same picture. The library is not changed.

${ABOUT_PREVIEWS}`;

export function previewsCommand(): Command {
  return withModelOptions(
    new Command("previews")
      .summary("show what the last training run did to all concepts")
      .description("Draw every concept as it was before the last training run and as it is now, on one sheet.")
      .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY),
    "the library's model, if it has moved",
  )
    .option("-o, --output <file>", "the sheet, a PNG (default: <library>.previews.png)")
    .option("--provider <name>", "where to compute: cpu, webgpu, cuda, dml, coreml", provider, "cpu")
    .option("--threads <n>", "processor threads (default: one for each core)", threads)
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(previews);
}

async function previews(options: PreviewsOptions): Promise<void> {
  const output = new Output(options);
  const { output: sheet } = options;
  const report = await withKeepsake(options, (keepsake) =>
    keepsake.previews({
      sheet,
      signal: stopSignal(),
      onProgress: reportPreviews(output),
    }),
  );
  output.result(describePreviews(report), report);
}
