/**
 * @file Looks for photos and for what lies beside them: captions and masks.
 */
import { KeepsakeError } from "../../errors.ts";
import { findImages } from "../../io/images/find-images.ts";
import { isDrawnPicture } from "../../io/images/image.ts";
import { nameOf, type ImageInMemory, type ImageSource } from "../../io/images/image-source.ts";
import { type Caption, findCaptions } from "../../prompts/captions.ts";
import type { PhotoCrop } from "./photo-framing.ts";
import { findMasks } from "./photo-masks.ts";
import type { PhotoFindings } from "./photo-warnings.ts";

/** A photo that lies in memory, with what is known of it. */
export interface PhotoInMemory extends ImageInMemory {
  /** What it shows beside the thing, "on the beach". */
  readonly caption?: string;
  /** The bytes of a picture of the photo's size: white is what counts. Default: all counts. */
  readonly mask?: Uint8Array;
  /** The square that is learned from. Default: the middle, as large as the photo allows. */
  readonly crop?: PhotoCrop;
}

/** The path of a photo or of a folder with photos, or a photo in memory. */
export type PhotoSource = string | PhotoInMemory;

/** A photo with what belongs to it, not decoded yet. */
export interface FoundPhoto {
  /** Its path, or the name of one in memory. */
  readonly file: string;
  readonly source: ImageSource;
  readonly caption?: Caption;
  readonly mask?: ImageSource;
  readonly crop?: PhotoCrop;
}

/** What was found, and what was left out. */
export interface FoundPhotos extends Omit<PhotoFindings, "duplicates" | "odd" | "small"> {
  readonly photos: readonly FoundPhoto[];
}

/** Looks for photos, captions and masks. A picture that Keepsake drew is a photo only if it is named. */
export async function findPhotos(sources: readonly PhotoSource[]): Promise<FoundPhotos> {
  const paths = sources.filter((source) => typeof source === "string");
  const given = sources.filter((source) => typeof source !== "string");
  if (paths.length === 0 && given.length > 0) return { ...NOTHING_ELSE, ...(await inMemory(given)) };
  const found = await findImages(paths);
  const files: string[] = [];
  const drawn: Record<keyof PhotoFindings["drawn"], string[]> = { leftOut: [], used: [] };
  for (const file of found.images) {
    const isNamed = found.named.has(file);
    const isDrawn = await isDrawnPicture(file);
    if (isDrawn) drawn[isNamed ? "used" : "leftOut"].push(file);
    if (!isDrawn || isNamed) files.push(file);
  }
  if (files.length + given.length === 0) {
    const [first, ...others] = drawn.leftOut;
    const all = others.length === 0 ? first : `${first} and ${others.length} more`;
    const advice = "Name photos, or, to learn from these, name them one by one";
    throw new KeepsakeError("input", `There are no photos, only pictures that Keepsake drew: ${all}. ${advice}.`);
  }
  const { skipped, special, subfolders, folders, texts, movies, hidden } = found;
  const captions = await findCaptions(files, folders, texts);
  const { files: masks, unmatched } = await findMasks(files, found.masks);
  const onDisk = files.map((file): FoundPhoto => {
    const [caption, mask] = [captions.captions.get(file), masks.get(file)];
    return { file, source: file, ...(caption !== undefined && { caption }), ...(mask !== undefined && { mask }) };
  });
  const others = await inMemory(given);
  return {
    photos: [...onDisk, ...others.photos],
    ...{ captions, lostMasks: unmatched, skipped, special, subfolders, movies, hidden },
    drawn: { leftOut: drawn.leftOut, used: [...drawn.used, ...others.drawn.used] },
  };
}

/** Beside photos in memory lies nothing. */
const NOTHING_ELSE = {
  captions: { unmatched: [], contradictions: [] },
  ...{ lostMasks: [], skipped: [], special: [], subfolders: [], movies: [], hidden: [] },
};

async function inMemory(given: readonly PhotoInMemory[]): Promise<Pick<FoundPhotos, "photos" | "drawn">> {
  const used: string[] = [];
  for (const photo of given) if (await isDrawnPicture(photo)) used.push(photo.name);
  const photos = given.map((photo): FoundPhoto => {
    const { name: file, caption = "", mask, crop } = photo;
    return {
      ...{ file, source: photo },
      ...(caption.trim() !== "" && { caption: { text: caption.trim(), file } }),
      ...(mask !== undefined && { mask: { name: `the mask of ${nameOf(photo)}`, bytes: mask } }),
      ...(crop !== undefined && { crop }),
    };
  });
  return { photos, drawn: { leftOut: [], used } };
}
