/**
 * @file Learning a concept, and showing afterwards what that did to all others.
 */
import { KeepsakeError } from "../errors.ts";
import { makeWritable } from "../io/folder.ts";
import { checkReplaceable } from "../io/images/picture-file.ts";
import { learnConcept } from "./learn.ts";
import type { LearnConceptProgress, LearnConceptRequest, LearnConceptResult } from "./learn-request.ts";
import { chosenModel } from "../library/model/model-folder.ts";
import { profileOf } from "../library/model/model-profile.ts";
import { isStop, type Watched } from "./operation.ts";
import {
  checkedSheet,
  previewLastLearn,
  type PreviewReport,
  type PreviewsRequest,
} from "./previews/preview-last-learn.ts";
import { previewSheetOf } from "../library/preview-sheet.ts";
import type { PreviewProgress } from "./previews/previews.ts";
import type { Session } from "./session.ts";

export interface LearnRequest extends Omit<LearnConceptRequest, "onProgress">, Watched<LearnProgress> {
  /**
   * File of the sheet, which each training run replaces; true: the one beside the library; false: none. Default: as
   * true with the built-in model, where it takes seconds, and as false with other models, where it takes minutes. A
   * library that keeps no earlier states has nothing to compare.
   */
  readonly previews?: string | boolean;
}

/** What there is to tell while a concept is learned and its previews are drawn. */
export type LearnProgress =
  | LearnConceptProgress
  /** The library is in the new state; what follows are previews. */
  | { readonly kind: "learned"; readonly token: string }
  | PreviewProgress;

export interface LearnResult extends LearnConceptResult {
  /**
   * Absent if there are none; `stopped` if the signal fired while they were drawn: the concept is learned all the same.
   */
  readonly previews?: PreviewReport | "stopped";
}

/**
 * Learns a concept as `learnConcept` does, then writes the sheet of previews.
 *
 * @throws KeepsakeError as `learnConcept`; and if the sheet cannot be written, as far as possible before anything is
 *   learned
 */
export async function learnAndPreview(session: Session, request: LearnRequest): Promise<LearnResult> {
  const sheet = await sheetOf(session, request);
  if (sheet === undefined) return learnConcept(session, request);
  await checkReplaceable(sheet);
  const removeIfEmpty = await makeWritable([sheet]);
  try {
    const result = await learnConcept(session, request, { drawsPreviews: true });
    if (result.status !== "learned") return result;
    request.onProgress?.({ kind: "learned", token: result.token });
    return { ...result, previews: await previewsUnlessStopped(session, request, sheet) };
  } finally {
    await removeIfEmpty();
  }
}

/** Where the previews of a request go; undefined: there are none. */
export async function sheetOf(
  session: Session,
  { previews }: Pick<LearnRequest, "previews">,
): Promise<string | undefined> {
  const { folder, askedModel } = session;
  const existing = await session.library();
  const keepsNothing = existing?.manifest.keep === 0;
  const asked = previews ?? (!keepsNothing && profileOf(chosenModel(askedModel, existing).name).isSmall);
  if (asked === false) return undefined;
  if (!keepsNothing) return asked === true ? previewSheetOf(folder) : checkedSheet(asked);
  const fault = `${folder} keeps no earlier states, so previews have nothing to compare`;
  throw new KeepsakeError("usage", `${fault}; leave them out, or keep one with "keepsake history --keep 1".`);
}

/** The previews of the last training run, unless the signal fires meanwhile. */
export async function previewsUnlessStopped(
  session: Session,
  { signal, onProgress }: Omit<PreviewsRequest, "sheet">,
  sheet: string,
): Promise<PreviewReport | "stopped"> {
  try {
    return await previewLastLearn(session, { sheet, signal, onProgress });
  } catch (error) {
    if (isStop(error, signal)) return "stopped";
    throw error;
  }
}
