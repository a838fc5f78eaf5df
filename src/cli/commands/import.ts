/**
 * @file `keepsake import`: a thin shell over `Keepsake.import`.
 */
import { Command } from "commander";
import { Output } from "../output.ts";
import {
  DEFAULT_LIBRARY,
  libraryOption,
  MODEL_TO_BEGIN_WITH,
  withKeepsake,
  type ModelOptions,
  withModelOptions,
} from "./shared.ts";

interface ImportOptions extends ModelOptions {
  readonly library: string;
  readonly class: string;
  readonly name?: string;
  readonly embedding?: string;
  readonly trigger?: string;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  keepsake import mochi.safetensors --class cat --model ./stable-diffusion-v1-5
  keepsake import watercolour.safetensors --class painting --trigger "wtrclr style" --name watercolour
  keepsake import pets.safetensors --embedding pets-embeddings/mochi.safetensors --class cat
  keepsake undo

Takes a LoRA of diffusers, PEFT, kohya, OneTrainer or ComfyUI, or a textual-inversion embedding, and makes it a concept
of the library. A LoRA's token is the embedding that comes in its file or with --embedding, else it stands for the words
of --trigger, else for the class noun. The LoRA is added to the library's adapter, and works in every picture; to use
one in some pictures only, draw with "keepsake generate --lora".

A library that has learned nothing yet takes any LoRA for its model. Later the LoRA may change only layers that the
library's adapter changes, and the library's strategy must not remember the adapter as it was. What is learned
afterwards spares the new concept as it spares others.`;

export function importCommand(): Command {
  return withModelOptions(
    new Command("import")
      .summary("make a LoRA or an embedding a concept of the library")
      .description("Make a LoRA or a textual-inversion embedding a concept of the library.")
      .argument("<file>", "a .safetensors file; of PEFT a folder")
      .requiredOption("--class <noun>", "what it is in ordinary words, e.g. cat")
      .option("--name <name>", "what it is to be called (default: as its token or its file)")
      .option("--embedding <file>", "of a LoRA: the embedding of its token")
      .option("--trigger <words>", "of a LoRA without one: the words that it was trained with")
      .option("--library <folder>", "library of learned concepts (made if missing)", DEFAULT_LIBRARY),
    `${MODEL_TO_BEGIN_WITH} (default: the library's, else the built-in model)`,
  )
    .option("--json", "print the result as JSON", false)
    .addHelpText("after", EXAMPLES)
    .action(importFile);
}

async function importFile(file: string, options: ImportOptions): Promise<void> {
  const { class: classNoun, name, embedding, trigger, library } = options;
  const result = await withKeepsake(options, (keepsake) => {
    return keepsake.import({ file, classNoun, name, embedding, trigger });
  });
  const output = new Output(options);
  for (const note of result.notes) output.warn(note);
  const next = `keepsake generate "a photo of a ${result.token}"${libraryOption(library)}`;
  output.result(`Imported ${result.token}. Draw it: ${next}`, result);
}
