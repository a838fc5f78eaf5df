/**
 * @file Pictures in files and folders that a user names, and what lies beside them: nothing that may have been meant is
 * left out without a word.
 */
import { stat } from "node:fs/promises";
import path from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { folderContent, imageNames } from "../folder-content.ts";
import { recognizeImage, captionExtensions, isMaskName, otherExtensions } from "./image-format.ts";
import { describeNoPictures } from "./no-pictures.ts";
import { describeReadError, readBeginning, statFile } from "../read-file.ts";

/** Pictures that were found, and what was found beside them. */
export interface FoundImages {
  /** Each file once, in the order of the paths; the files of a folder sorted by name. */
  readonly images: readonly string[];
  /** Those of `images` that were named themselves, and not found in a folder. */
  readonly named: ReadonlySet<string>;
  /** Files of the folders in formats that are not read, such as RAW. */
  readonly skipped: readonly string[];
  /** Pipes, sockets and devices that are called like pictures; reading them might never end. */
  readonly special: readonly string[];
  /** Caption files that were named beside pictures, as a shell does for `photos/*`. */
  readonly texts: readonly string[];
  /** Masks in the folders, and those that were named beside pictures. */
  readonly masks: readonly string[];
  /** Movies in the folders; `photo`: the picture with whose name a phone took it. */
  readonly movies: readonly { readonly movie: string; readonly photo?: string }[];
  /** Hidden files in the folders that are called like pictures. */
  readonly hidden: readonly string[];
  /** The folders that were searched. */
  readonly folders: readonly string[];
  /** Folders in the folders, with the pictures that they hold and that are not used. */
  readonly subfolders: readonly { readonly folder: string; readonly count: number }[];
}

/** Of a folder, so many folders are looked into. */
const MAX_SUBFOLDERS = 200;

/**
 * Finds pictures: a file that is named is taken as it is, a folder is searched for the extensions of the formats that
 * are read (not its subfolders, and not hidden files).
 * @throws KeepsakeError in one line that names the path: missing, or a folder without pictures, with what it holds
 *   instead.
 */
export async function findImages(paths: readonly string[]): Promise<FoundImages> {
  const images = new Map<string, string>();
  const named = new Set<string>();
  const skipped: string[] = [];
  const special: string[] = [];
  const texts: string[] = [];
  const masks: string[] = [];
  const movies: { movie: string; photo?: string }[] = [];
  const hidden: string[] = [];
  const folders: string[] = [];
  const subfolders: { folder: string; count: number }[] = [];
  const add = (file: string) => {
    const key = path.resolve(file);
    if (!images.has(key)) images.set(key, file);
    return images.get(key) ?? file;
  };
  for (const item of paths) {
    if (!(await isFolder(item))) {
      if (paths.length > 1 && (await isText(item))) texts.push(item);
      else if (isMaskName(path.basename(item))) masks.push(await mask(item));
      else if (paths.length > 1 && (await isMovie(item))) movies.push({ movie: item });
      else named.add(add(item));
      continue;
    }
    folders.push(item);
    const content = await folderContent(item);
    if (content.images.length === 0) throw new KeepsakeError("input", await describeNoPictures(item, content));
    for (const name of content.images) add(path.join(item, name));
    skipped.push(...content.skipped.map((name) => path.join(item, name)));
    const inItem = (name: string) => path.join(item, name);
    special.push(...content.special.map(inItem));
    masks.push(...content.masks.map(inItem));
    hidden.push(...content.hidden.map(inItem));
    movies.push(...content.movies.map((name) => ({ movie: inItem(name) })));
    for (const name of content.folders.slice(0, MAX_SUBFOLDERS)) {
      const folder = path.join(item, name);
      const count = (await imageNames(folder)).length;
      if (count > 0) subfolders.push({ folder, count });
    }
  }
  if (images.size === 0 && masks.length > 0) {
    throw new KeepsakeError("usage", `${masks[0]} is the mask of a photo, and no photo: name the photo.`);
  }
  if (images.size === 0) throw new KeepsakeError("usage", "No pictures were given: name files or a folder.");
  const isNamed = (folder: string) => paths.some((item) => path.resolve(item) === path.resolve(folder));
  return {
    images: [...images.values()],
    named,
    skipped,
    special,
    texts,
    masks: [...new Set(masks)],
    movies: movies.map(({ movie }) => ({ movie, ...photoOf(movie, [...images.values()]) })),
    hidden,
    folders,
    subfolders: subfolders.filter(({ folder }) => !isNamed(folder)),
  };
}

/** The pictures of {@link findImages}. */
export async function listImages(paths: readonly string[]): Promise<string[]> {
  return [...(await findImages(paths)).images];
}

async function isFolder(item: string): Promise<boolean> {
  const status = await stat(item).catch((error: unknown) => {
    throw describeReadError(item, error);
  });
  return status.isDirectory();
}

/** @throws KeepsakeError if a mask that was named is not there */
async function mask(file: string): Promise<string> {
  await statFile(file);
  return file;
}

/** Whether a file is named like a movie, and is no picture with a wrong name. */
async function isMovie(file: string): Promise<boolean> {
  if (!otherExtensions.video.has(path.extname(file).toLowerCase())) return false;
  await statFile(file);
  return "fault" in recognizeImage(await readBeginning(file, 1000));
}

/** A phone's live photo is a picture and a movie of one name. */
function photoOf(movie: string, images: readonly string[]): { photo?: string } {
  const nameOf = (file: string) => path.join(path.dirname(file), path.parse(file).name.toLowerCase());
  const photo = images.find((image) => nameOf(image) === nameOf(movie));
  return photo === undefined ? {} : { photo };
}

/** Whether a file is named like a caption, and is no picture with a wrong name. */
async function isText(file: string): Promise<boolean> {
  if (!captionExtensions.includes(path.extname(file).toLowerCase())) return false;
  await statFile(file);
  return "fault" in recognizeImage(await readBeginning(file, 1000));
}
