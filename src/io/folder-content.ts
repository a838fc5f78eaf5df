/**
 * @file What a folder that is searched for pictures holds, by kind.
 */
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { KeepsakeError } from "../errors.ts";
import { imageExtensions, isMaskName, otherExtensions, otherImageExtensions } from "./images/image-format.ts";
import { describeReadError } from "./read-file.ts";

/**
 * Names in a folder, sorted, the same on every machine; of hidden ones and what systems leave behind, pictures only.
 */
export interface FolderContent {
  readonly images: readonly string[];
  readonly skipped: readonly string[];
  readonly special: readonly string[];
  /** Masks of pictures. */
  readonly masks: readonly string[];
  /** Movies: those that a phone takes along with a photo, and others. */
  readonly movies: readonly string[];
  /** Hidden files that are called like pictures, such as `._x.jpg` of macOS. */
  readonly hidden: readonly string[];
  readonly folders: readonly string[];
  /** All other files. */
  readonly others: readonly string[];
}

/** @throws KeepsakeError in one line that names the folder that cannot be read, or a name that cannot be used */
export async function folderContent(folder: string): Promise<FolderContent> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw describeReadError(folder, error);
  });
  const content: Record<keyof FolderContent, string[]> = {
    images: [],
    skipped: [],
    special: [],
    masks: [],
    movies: [],
    hidden: [],
    folders: [],
    others: [],
  };
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry;
    const extension = path.extname(name).toLowerCase();
    const isImage = imageExtensions.has(extension);
    if (isOfTheSystem(name)) {
      if (name.startsWith(".") && isImage && entry.isFile()) content.hidden.push(name);
      continue;
    }
    if (isImage && name.includes("\ufffd")) {
      const fault = "its name is not UTF-8 and cannot be opened. Rename it";
      throw new KeepsakeError("input", `${path.join(folder, name)} cannot be read: ${fault}.`);
    }
    // A link is what it leads to; one that leads nowhere stays a picture, and is named as missing when it is opened.
    const kind = entry.isSymbolicLink() ? await stat(path.join(folder, name)).catch(() => undefined) : entry;
    if (kind?.isDirectory()) content.folders.push(name);
    else if (isMaskName(name)) content.masks.push(name);
    else if (otherExtensions.video.has(extension)) content.movies.push(name);
    else if (isImage) content[kind === undefined || kind.isFile() ? "images" : "special"].push(name);
    else content[otherImageExtensions.has(extension) ? "skipped" : "others"].push(name);
  }
  return content;
}

/** The pictures in a folder, or none where it cannot be looked into. */
export async function imageNames(folder: string): Promise<readonly string[]> {
  return folderContent(folder).then(
    ({ images }) => images,
    () => [],
  );
}

/** Hidden files (`._x.jpg` of macOS among them), thumbnails and indexes that systems and disks leave in folders. */
function isOfTheSystem(name: string): boolean {
  return (
    name.startsWith(".") || name.startsWith("@") || /^(thumbs\.db|ehthumbs\.db|desktop\.ini|__macosx)$/i.test(name)
  );
}
