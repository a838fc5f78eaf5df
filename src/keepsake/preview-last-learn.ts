/**
 * @file The sheet of previews of a library, from the states that it keeps: what the last learning did to all concepts. It can be drawn again at any time.
 */
import { KeepsakeError } from "../errors.ts";
import type { ProgramOptions } from "../graph/index.ts";
import { writePng } from "../io/images/image.ts";
import { checkPngFile } from "../io/images/picture-file.ts";
import { makeWritable } from "../io/folder.ts";
import { profileOf } from "../library/model-profile.ts";
import { learnedIn, openModel } from "../library/library-model.ts";
import { Library } from "../library/library.ts";
import { stateBeforeLearning } from "../library/manifest/manifest.ts";
import { recordedSettings } from "../library/recorded-settings.ts";
import { chosenModel } from "../library/model-folder.ts";
import { previewSheetOf } from "../library/preview-sheet.ts";
import { drawPreviews, type PreviewProgress, type Previews } from "./previews.ts";

export interface PreviewRequest {
  /** Folder of the library. */
  readonly library: string;
  /** Folder of the library's model, if it has moved. */
  readonly model?: string;
  /** Where the sheet is written (PNG); a file of that name is replaced. Default: beside the library. */
  readonly sheet?: string;
  readonly program?: ProgramOptions;
  /** When it fires, drawing ends with its reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PreviewProgress) => void;
}

export interface PreviewReport extends Omit<Previews, "sheet"> {
  /** The file. */
  readonly sheet: string;
}

/**
 * Draws every concept as it was before the last one was learned and as it is now, in pictures of the size with which that one was learned, and writes them to
 * one file. The same states give the same bytes. The library is read only, without its lock.
 *
 * @throws KeepsakeError if the last change was no learning, the state before it is not kept, or the file cannot be written; the signal's reason when aborted
 */
export async function previewLastLearn(request: PreviewRequest): Promise<PreviewReport> {
  const { library: folder, model, program = {}, signal, onProgress } = request;
  const sheet = checkedSheet(request.sheet) ?? previewSheetOf(folder);
  const library = await Library.open(folder);
  const stateBefore = stateBeforeLearning(library.manifest);
  const last = library.concepts.at(-1);
  if (stateBefore === undefined || last === undefined) throw nothingToCompare(library);
  const removeIfEmpty = await makeWritable([sheet]);
  try {
    const pipeline = await openModel(model, library, program);
    try {
      const before = await learnedIn(library.inState(stateBefore), pipeline);
      const after = await learnedIn(library, pipeline);
      const { sheet: picture, ...rest } = await drawPreviews(pipeline, before, after, {
        resolution: recordedSettings(library, last.training, pipeline).resolution,
        guidanceScale: profileOf(chosenModel(model, library)).guidanceScale,
        program,
        ...(signal && { signal }),
        ...(onProgress && { onProgress }),
      });
      await writePng(sheet, picture);
      return { sheet, ...rest };
    } finally {
      await pipeline.dispose();
    }
  } finally {
    await removeIfEmpty();
  }
}

/** @throws KeepsakeError ("usage") for a name that says another format */
export function checkedSheet(file: string | undefined): string | undefined {
  if (file !== undefined) checkPngFile(file, "the sheet of previews");
  return file;
}

function nothingToCompare({ folder, manifest }: Library): KeepsakeError {
  const fault = `${folder} has nothing to compare`;
  if (manifest.concepts.length === 0) return new KeepsakeError("state", `${fault}: it knows nothing yet.`);
  const why = "the last change was no learning, or the state before it is not kept";
  return new KeepsakeError("state", `${fault}: ${why} ("keepsake history").`);
}
