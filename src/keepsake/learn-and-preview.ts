/**
 * @file Learning a concept, and showing afterwards what that did to all others.
 */
import { KeepsakeError } from "../errors.ts";
import { makeWritable } from "../io/folder.ts";
import { checkReplaceable } from "../io/images/picture-file.ts";
import { learnConcept, type LearnProgress, type LearnRequest, type LearnResult } from "./learn.ts";
import { Library } from "../library/library.ts";
import { chosenModel } from "../library/model-folder.ts";
import { profileOf } from "../library/model-profile.ts";
import { checkedSheet, previewLastLearn, type PreviewReport, type PreviewRequest } from "./preview-last-learn.ts";
import { previewSheetOf } from "../library/preview-sheet.ts";
import type { PreviewProgress } from "./previews.ts";

export interface LearnAndPreviewRequest extends Omit<LearnRequest, "onProgress"> {
  /**
   * File of the sheet, which each learning replaces; true: the one beside the library; false: none. Default: as true with the built-in model, where it takes
   * seconds, and as false with other models, where it takes minutes. A library that keeps no earlier states has nothing to compare.
   */
  readonly previews?: string | boolean;
  readonly onProgress?: (progress: LearnAndPreviewProgress) => void;
}

export type LearnAndPreviewProgress =
  | LearnProgress
  /** The library is in the new state; what follows are previews. */
  | { readonly kind: "learned"; readonly token: string }
  | PreviewProgress;

export interface LearnAndPreviewResult extends LearnResult {
  /** Absent if there are none; `stopped` if the signal fired while they were drawn: the concept is learned all the same. */
  readonly previews?: PreviewReport | "stopped";
}

/**
 * Learns a concept as `learnConcept` does, then writes the sheet of previews.
 *
 * @throws KeepsakeError as `learnConcept`; and if the sheet cannot be written, as far as possible before anything is learned
 */
export async function learnAndPreview(request: LearnAndPreviewRequest): Promise<LearnAndPreviewResult> {
  const sheet = await sheetOf(request);
  if (sheet === undefined) return learnConcept(request);
  await checkReplaceable(sheet);
  const removeIfEmpty = await makeWritable([sheet]);
  try {
    const result = await learnConcept(request);
    if (result.status !== "learned") return result;
    request.onProgress?.({ kind: "learned", token: result.token });
    return { ...result, previews: await previewsUnlessStopped(request, sheet) };
  } finally {
    await removeIfEmpty();
  }
}

/** Where the previews of a request go; undefined: there are none. */
export async function sheetOf(
  request: Pick<LearnAndPreviewRequest, "library" | "model" | "previews">,
): Promise<string | undefined> {
  const existing = await Library.openIfExists(request.library);
  const keepsNothing = existing?.manifest.keep === 0;
  const asked = request.previews ?? (!keepsNothing && profileOf(chosenModel(request.model, existing)).drawsPreviews);
  if (asked === false) return undefined;
  if (!keepsNothing) return asked === true ? previewSheetOf(request.library) : checkedSheet(asked);
  const fault = `${request.library} keeps no earlier states, so previews have nothing to compare`;
  throw new KeepsakeError("usage", `${fault}; leave them out, or keep one with "keepsake history --keep 1".`);
}

/** The previews of the last learning, unless the signal fires meanwhile. */
export async function previewsUnlessStopped(
  { library, model, program, signal, onProgress }: Omit<PreviewRequest, "sheet">,
  sheet: string,
): Promise<PreviewReport | "stopped"> {
  try {
    return await previewLastLearn({
      ...{ library, sheet },
      ...(model !== undefined && { model }),
      ...(program && { program }),
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
    });
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) return "stopped";
    throw error;
  }
}
