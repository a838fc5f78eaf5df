/**
 * @file The sheet of previews of a library, from the states that it keeps: what the last learning did to all concepts.
 * It can be drawn again at any time.
 */
import { KeepsakeError } from "../../errors.ts";
import { writePng } from "../../io/images/image.ts";
import { checkPngFile, checkReplaceable } from "../../io/images/picture-file.ts";
import { makeWritable } from "../../io/folder.ts";
import { learnedIn } from "../../library/library-model.ts";
import { Library } from "../../library/library.ts";
import { lastLearning } from "../../library/manifest/manifest.ts";
import { recordedSettings } from "../../library/recorded-settings.ts";
import { previewSheetOf } from "../../library/preview-sheet.ts";
import type { Watched } from "../operation.ts";
import { drawPreviews, type PreviewProgress, type Previews } from "./previews.ts";
import type { Session } from "../session.ts";

export interface PreviewsRequest extends Watched<PreviewProgress> {
  /**
   * Where the sheet is written (PNG); a picture that Keepsake drew is replaced, and nothing else. Default: beside the
   * library.
   */
  readonly sheet?: string;
  /** When it fires, drawing ends with its reason. */
  readonly signal?: AbortSignal;
}

export interface PreviewReport extends Omit<Previews, "sheet"> {
  /** The file. */
  readonly sheet: string;
}

/**
 * Draws every concept as it was before the last one was learned and as it is now, in pictures of the size with which
 * that one was learned, and writes them to one file. The same states give the same bytes. The library is read only,
 * without its lock.
 *
 * @throws KeepsakeError if the last change was no learning, the state before it is not kept, or the file cannot be
 *   written; the signal's reason when aborted
 */
export async function previewLastLearn(session: Session, request: PreviewsRequest = {}): Promise<PreviewReport> {
  const { folder, program, adapters } = session;
  const { signal, onProgress } = request;
  const sheet = checkedSheet(request.sheet) ?? previewSheetOf(folder);
  const library = await Library.open(folder);
  const last = lastLearning(library.manifest);
  if (last === undefined) throw nothingToCompare(library);
  await checkReplaceable(sheet);
  const removeIfEmpty = await makeWritable([sheet]);
  try {
    const { pipeline } = await session.model(library);
    const before = await learnedIn(library.inState(last.before), pipeline);
    const after = await learnedIn(library, pipeline);
    const draw = () =>
      drawPreviews(pipeline, before, after, {
        ...{
          taught: last.concept.name,
          resolution: recordedSettings(library, last.concept.training ?? {}, pipeline).resolution,
          program,
          adapters,
        },
        signal,
        onProgress,
      });
    const { sheet: picture, ...rest } = await session.withRoom(draw);
    await writePng(sheet, picture);
    return { sheet, ...rest };
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
  const why = "the last change was no training run, or the state before it is not kept";
  return new KeepsakeError("state", `${fault}: ${why} ("keepsake history").`);
}
