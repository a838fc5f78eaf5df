/**
 * @file `keepsake export`: a thin shell over `Keepsake.export`.
 */
import { Command, Option } from "commander";
import { KeepsakeError } from "../../errors.ts";
import { EXPORT_FORMATS, type ExportFormat, type ExportResult } from "../../keepsake/files/export.ts";
import { LIMITS } from "../../limits.ts";
import { formatBytes } from "../../units.ts";
import { wholeNumber } from "../options.ts";
import { Output } from "../output.ts";
import { DEFAULT_LIBRARY, withKeepsake, type ModelOptions, withModelOptions } from "./shared.ts";

interface ExportOptions extends ModelOptions {
  readonly library: string;
  readonly format: ExportFormat;
  readonly concept?: string;
  readonly rank?: number;
  readonly exact: boolean;
  readonly fp16: boolean;
  readonly force: boolean;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake export pets.safetensors
  keepsake export pets.safetensors --format kohya --fp16
  keepsake export pets --format peft
  keepsake export pets.safetensors --rank 16
  keepsake export mochi.safetensors --format textual-inversion --concept mochi

A file is for diffusers, with --format kohya for AUTOMATIC1111, Forge and ComfyUI; --format peft makes a folder.
The adapter goes into the file, and the embedding of each token into a file of its own in the folder pets-embeddings.
Prompts need both. A kohya file holds the embeddings too, as AUTOMATIC1111 reads them; ComfyUI takes them from its
embeddings folder.

One adapter serves all concepts of a library: --concept picks whose token goes along, and the adapter is the same. What
a strategy keeps as whole matrices is written as a LoRA of the lowest rank that loses nothing but rounding; --rank makes
it smaller, and the error is said; --exact writes the numbers as they are, in a large file.

Files say what they are for and which words call them. They hold no path, no photo's name, no caption and no date. What
is there already is replaced with --force only.`;

export function exportCommand(): Command {
  return withModelOptions(
    new Command("export")
      .summary("write the LoRA and the tokens for other programs")
      .description("Write what the library has learned as files for other programs.")
      .argument("<file>", "a name that ends in .safetensors; with --format peft a folder")
      .option("--library <folder>", "library of learned concepts", DEFAULT_LIBRARY)
      .addOption(
        new Option("--format <name>", "for which programs").choices([...EXPORT_FORMATS]).default(EXPORT_FORMATS[0]),
      )
      .option("--concept <name>", "the only concept whose token goes along (default: all)")
      .option("--rank <n>", "rank of the LoRA (default: the lowest without loss)", wholeNumber(LIMITS.rank))
      .option("--exact", "the numbers as they are, however large the file", false)
      .option("--fp16", "half precision: half the size, rounded numbers", false)
      .option("--force", "replace files that are there already", false),
    "the library's model, if it has moved",
  )
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(exportFile);
}

async function exportFile(to: string, options: ExportOptions): Promise<void> {
  const { format, concept: name, exact, fp16, force } = options;
  if (exact && options.rank !== undefined) {
    throw new KeepsakeError("usage", "--exact and --rank contradict each other; leave one of them out.");
  }
  const rank = exact ? "exact" : options.rank;
  const dtype = fp16 ? "F16" : "F32";
  const existing = force ? "replace" : "refuse";
  const result = await withKeepsake(
    options,
    (keepsake) => keepsake.export({ to, format, name, rank, dtype, existing }),
    false,
  );
  const output = new Output(options);
  for (const note of result.notes) output.warn(note);
  output.result(describe(result, fp16), result);
}

function describe({ to, tokens, adapter, size, format }: ExportResult, fp16: boolean): string {
  const words = tokens.map(({ token }) => token).join(", ");
  if (adapter === undefined) return `Wrote ${words} to ${to}.`;
  const { rank, error } = adapter;
  const loss = error === 0 ? "the library's numbers" : `relative error ${error.toExponential(1)}`;
  const rounded = fp16 ? ", rounded to half precision" : "";
  const lines = [`Wrote ${to}: ${format}, rank ${rank}, ${loss}${rounded}; ${formatBytes(size)} in all.`];
  for (const { token, file } of tokens) lines.push(`${token} is in ${file}.`);
  return lines.join("\n");
}
