/**
 * @file Pictures from a prompt, with everything that a library has learned.
 */
import { access, constants, mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LoraBinding } from "../adapters/lora-binding.ts";
import { StableDiffusionPipeline, type GenerateOptions } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { describeWriteError } from "../io/atomic.ts";
import { writePng } from "../io/image.ts";
import { checkModel } from "./learn.ts";
import { Library } from "./library/library.ts";
import { modelFingerprint } from "./model-fingerprint.ts";

export interface GenerateRequest extends Omit<
  GenerateOptions,
  "n" | "adapter" | "learnedEmbeddings" | "initialLatents"
> {
  /** Folder of the library; without one there, `model` draws alone. */
  readonly library: string;
  /** Folder of a checkpoint; the library's own if left out. */
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
  const { library: folder, model, files, program, ...options } = request;
  if (request.prompt.trim() === "") throw new KeepsakeError("usage", "The prompt is empty; say what to draw.");
  const library = await Library.openIfExists(folder);
  const modelFolder = model ?? library?.manifest.model.folder;
  if (modelFolder === undefined) {
    throw new KeepsakeError("usage", `${folder} is no library yet; learn something first, or give --model <folder>.`);
  }
  await checkWritable(files);
  const pipeline = await StableDiffusionPipeline.load(modelFolder, program);
  try {
    if (library !== undefined) checkModel(library, modelFolder, await modelFingerprint(pipeline));
    const lora = await library?.adapter(pipeline);
    const learned = {
      ...(lora && { adapter: new LoraBinding(lora) }),
      learnedEmbeddings: (await library?.embeddings()) ?? [],
    };
    for (const [index, file] of files.entries()) {
      const [picture] = await pipeline.generate({ ...options, ...learned, n: 1, firstIndex: index });
      if (picture !== undefined) await writePng(file, picture.image);
    }
    return files;
  } finally {
    await pipeline.dispose();
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
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const stem = words.join("-").slice(0, 60) || "picture";
  return Array.from({ length: count }, (_, index) => join(output, `${stem}-${seed}-${index}.png`));
}

/** Finds out before hours of drawing, not after. */
async function checkWritable(files: readonly string[]): Promise<void> {
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    try {
      await mkdir(folder, { recursive: true });
      if (!(await stat(folder)).isDirectory()) throw new KeepsakeError("environment", `${folder} is not a folder.`);
      await access(folder, constants.W_OK);
    } catch (error) {
      throw describeWriteError(folder, error);
    }
  }
}
