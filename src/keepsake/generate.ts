/**
 * @file Pictures from a prompt, with everything that a library has learned.
 */
import { join } from "node:path";
import { BoundAdapter } from "../adapters/bound-adapter.ts";
import { tokenNames } from "../adapters/textual-inversion.ts";
import type { GenerateOptions, StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { schedulerClass } from "../diffusion/schedulers/index.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { encodeDrawnPng } from "../io/images/image.ts";
import { checkPngFile, checkReplaceable, isPngFile, replaceFile, writeBeside } from "../io/images/picture-file.ts";
import { eachOnce } from "./each-once.ts";
import { makeWritable } from "../io/folder.ts";
import { readKnownWords, unknownWordsWarning } from "../prompts/known-words.ts";
import { learnedIn, openModel, readLearned, type Learned } from "../library/library-model.ts";
import { Library } from "../library/library.ts";
import { chosenModel } from "../library/model-folder.ts";
import { profileOf } from "../library/model-profile.ts";
import { checkPromptLength, promptHints } from "../prompts/prompt-hints.ts";

export interface GenerateRequest extends Omit<
  GenerateOptions,
  "n" | "adapter" | "learnedEmbeddings" | "initialLatents"
> {
  /** Folder of the library, which must be there. Default: none, the model draws alone. */
  readonly library?: string;
  /** Folder of a checkpoint. Default: the library's own, or the built-in model. */
  readonly model?: string;
  /** Where to write each picture (PNG). */
  readonly files: readonly string[];
  /**
   * What becomes of another picture that Keepsake drew, of such a name: it is replaced, with a warning, or the picture goes
   * `beside` it under a name with a number (`cat-0-0-2.png`). What Keepsake did not draw is never replaced. Default `replace`.
   */
  readonly existing?: "replace" | "beside";
  readonly program?: ProgramOptions;
}

/**
 * Draws one picture for each file and writes it as soon as it is done. The same request again gives the same files with the
 * same bytes.
 *
 * @returns the files
 * @throws KeepsakeError if the prompt is empty, a file cannot be written, there is no such library, or library and model do
 *   not go together
 */
export async function generatePictures(request: GenerateRequest): Promise<readonly string[]> {
  const { library: folder, model, files, existing = "replace", program, ...options } = request;
  if (request.prompt.trim() === "") throw new KeepsakeError("usage", "The prompt is empty; say what to draw.");
  if (request.scheduler !== undefined) schedulerClass(request.scheduler);
  checkPromptLength("prompt", request.prompt);
  checkPromptLength("negative prompt", request.negativePrompt ?? "");
  for (const file of files) {
    checkPngFile(file, "a picture");
    if (existing === "replace") await checkReplaceable(file);
  }
  const library = folder === undefined ? undefined : await Library.open(folder);
  const removeIfEmpty = await makeWritable(files);
  try {
    const pipeline = await openModel(model, library, program);
    try {
      const learned = folder === undefined ? await learnedIn(undefined, pipeline) : await readLearned(folder, pipeline);
      // Pictures are drawn one by one, and each has the same to say.
      const onWarning = eachOnce(request.onWarning);
      const guidanceScale = options.guidanceScale ?? profileOf(chosenModel(model, library)).guidanceScale;
      for (const hint of await hintsFor({ ...request, guidanceScale }, learned, pipeline)) onWarning(hint);
      const known = {
        learnedEmbeddings: learned.embeddings,
        ...(learned.lora && { adapter: new BoundAdapter(learned.lora) }),
      };
      const written: string[] = [];
      for (const [index, file] of files.entries()) {
        const [picture] = await pipeline.generate({
          ...{ ...options, ...known, guidanceScale, onWarning },
          ...{ n: 1, firstIndex: index },
        });
        const png = await encodeDrawnPng(picture.image);
        if (existing === "beside") written.push(await writeBeside(file, png));
        else {
          if ((await replaceFile(file, png)) === "other") onWarning(`${file} held another drawing, which is replaced.`);
          written.push(file);
        }
      }
      return written;
    } finally {
      await pipeline.dispose();
    }
  } finally {
    await removeIfEmpty();
  }
}

/** What the prompts seem to mean and do not say, and what the model does not understand. */
async function hintsFor(
  { prompt, negativePrompt = "", library, guidanceScale }: GenerateRequest,
  { concepts, embeddings }: Learned,
  pipeline: StableDiffusionPipeline,
): Promise<string[]> {
  const names = concepts.map(({ name }) => name);
  const hints = promptHints(prompt, negativePrompt, { names, tokens: embeddings.flatMap(tokenNames), library });
  if (guidanceScale === 1 && negativePrompt !== "") {
    hints.push("With guidance 1 nothing is led away from: the negative prompt has no effect.");
  }
  const words = await readKnownWords(pipeline.folder.folder);
  const unknown = words && unknownWordsWarning(`${prompt} ${negativePrompt}`, words, names);
  return unknown === undefined ? hints : [...hints, unknown];
}

/**
 * Names for `count` pictures: `output` itself if it is a .png and there is one picture, else files in the folder `output`.
 * A name tells prompt, seed and number, and not every setting: pictures in a folder are best written `beside` others.
 *
 * @throws KeepsakeError for several pictures in one file, or a file that is no PNG
 */
export function pictureFiles(output: string, prompt: string, seed: number | bigint, count: number): string[] {
  if (isPngFile(output)) {
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
