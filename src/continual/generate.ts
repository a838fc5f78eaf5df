/**
 * @file Pictures from a prompt, with everything that a library has learned.
 */
import { join } from "node:path";
import { BoundAdapter } from "../adapters/bound-adapter.ts";
import { tokenNames, type TokenEmbedding } from "../adapters/textual-inversion.ts";
import type { GenerateOptions } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { writePng } from "../io/image.ts";
import { tokensIn } from "./concept-name.ts";
import { makeWritable } from "./folder.ts";
import { openModel, readLearned } from "./library-model.ts";
import { BUILT_IN_MODEL, chosenModel } from "./model-folder.ts";
import { Library } from "./library/library.ts";

/** How closely prompts are followed unless the request says otherwise. */
export const DEFAULT_GUIDANCE = 7.5;
export const BUILT_IN_GUIDANCE = 3;

/** @param model - as `chosenModel` names it */
export function guidanceFor(model: string): number {
  return model === BUILT_IN_MODEL ? BUILT_IN_GUIDANCE : DEFAULT_GUIDANCE;
}

export interface GenerateRequest extends Omit<
  GenerateOptions,
  "n" | "adapter" | "learnedEmbeddings" | "initialLatents"
> {
  /** Folder of the library; without one there, the model draws alone. */
  readonly library: string;
  /** Folder of a checkpoint. Default: the library's own, or the built-in model. */
  readonly model?: string;
  /** Where to write each picture (PNG). */
  readonly files: readonly string[];
  readonly program?: ProgramOptions;
}

/**
 * Draws one picture for each file and writes it as soon as it is done.
 *
 * @returns the files
 * @throws KeepsakeError if the prompt is empty, a file cannot be written, or library and model do not go together
 */
export async function generatePictures(request: GenerateRequest): Promise<readonly string[]> {
  const { library: folder, model, files, ...options } = request;
  if (request.prompt.trim() === "") throw new KeepsakeError("usage", "The prompt is empty; say what to draw.");
  const library = await Library.openIfExists(folder);
  const removeIfEmpty = await makeWritable(files);
  try {
    const pipeline = await openModel(model, library, request.program);
    try {
      const { embeddings: learnedEmbeddings, lora } = await readLearned(folder, pipeline);
      warnOfUnknownTokens(request, learnedEmbeddings);
      const known = { learnedEmbeddings, ...(lora && { adapter: new BoundAdapter(lora) }) };
      const guidanceScale = options.guidanceScale ?? guidanceFor(chosenModel(model, library));
      for (const [index, file] of files.entries()) {
        const [picture] = await pipeline.generate({ ...options, ...known, guidanceScale, n: 1, firstIndex: index });
        if (picture !== undefined) await writePng(file, picture.image);
      }
      return files;
    } finally {
      await pipeline.dispose();
    }
  } finally {
    await removeIfEmpty();
  }
}

function warnOfUnknownTokens({ prompt, library, onWarning }: GenerateRequest, known: readonly TokenEmbedding[]): void {
  const tokens = new Set(known.flatMap(tokenNames));
  for (const token of new Set(tokensIn(prompt))) {
    if (!tokens.has(token)) onWarning?.(`The library ${library} does not know ${token}; it is read as ordinary words.`);
  }
}

/**
 * Names for `count` pictures: `output` itself if it is a .png and there is one picture, else files in the folder `output`.
 *
 * @throws KeepsakeError for several pictures in one file
 */
export function pictureFiles(output: string, prompt: string, seed: number, count: number): string[] {
  if (output.toLowerCase().endsWith(".png")) {
    if (count === 1) return [output];
    throw new KeepsakeError("usage", `${count} pictures do not fit the one file ${output}; give a folder.`);
  }
  const words =
    prompt
      .normalize("NFC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const stem = beginning(words.join("-"), 60) || "picture";
  return Array.from({ length: count }, (_, index) => join(output, `${stem}-${seed}-${index}.png`));
}

/** As many whole characters as fit `most` bytes: file names have a limit in bytes. */
function beginning(text: string, most: number): string {
  let result = "";
  for (const character of text) {
    if (Buffer.byteLength(result + character) > most) break;
    result += character;
  }
  return result;
}
