/**
 * @file Looks for photos and for what lies beside them: captions and masks.
 */
import { KeepsakeError } from "../errors.ts";
import { findImages } from "../io/images/find-images.ts";
import { isDrawnPicture } from "../io/images/image.ts";
import { findCaptions, type FoundCaptions } from "../prompts/captions.ts";
import { findMasks } from "./photo-masks.ts";
import type { PhotoFindings } from "./photo-warnings.ts";

/** Photos, their captions and their masks, not decoded yet. */
export interface FoundPhotos extends Omit<PhotoFindings, "captions" | "duplicates" | "odd" | "small"> {
  readonly files: readonly string[];
  /** Files, by the photo's path. */
  readonly masks: ReadonlyMap<string, string>;
  readonly captions: FoundCaptions;
}

/** Looks for photos, captions and masks. A picture that Keepsake drew is a photo only if it is named. */
export async function findPhotos(paths: readonly string[]): Promise<FoundPhotos> {
  const found = await findImages(paths);
  const files: string[] = [];
  const drawn: Record<keyof PhotoFindings["drawn"], string[]> = { leftOut: [], used: [] };
  for (const file of found.images) {
    const isNamed = found.named.has(file);
    const isDrawn = await isDrawnPicture(file);
    if (isDrawn) drawn[isNamed ? "used" : "leftOut"].push(file);
    if (!isDrawn || isNamed) files.push(file);
  }
  if (files.length === 0) {
    const [first, ...others] = drawn.leftOut;
    const all = others.length === 0 ? first : `${first} and ${others.length} more`;
    const advice = "Name photos, or, to learn from these, name them one by one";
    throw new KeepsakeError("input", `There are no photos, only pictures that Keepsake drew: ${all}. ${advice}.`);
  }
  const { skipped, special, subfolders, folders, texts, movies, hidden } = found;
  const captions = await findCaptions(files, folders, texts);
  const { files: masks, unmatched } = await findMasks(files, found.masks);
  return { files, captions, masks, lostMasks: unmatched, drawn, skipped, special, subfolders, movies, hidden };
}
