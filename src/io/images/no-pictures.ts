/**
 * @file What a folder without pictures holds instead: what a person needs to know to name the right one.
 */
import path from "node:path";
import { folderContent, imageNames, type FolderContent } from "../folder-content.ts";
import { otherExtensions } from "./image-format.ts";

/** How deep, and how far, folders are searched for pictures to point at. */
const MAX_DEPTH = 3;
const MAX_FOLDERS = 200;

/** One line: the folder, that it holds no pictures, what it holds instead, and what to do. */
export async function describeNoPictures(folder: string, content: FolderContent): Promise<string> {
  const below = await foldersWithPictures(folder, content.folders);
  if (below.length === 1) {
    const [{ name, count }] = below;
    return `${folder} holds no pictures itself; its folder "${name}" holds ${count}: name that one.`;
  }
  if (below.length > 1) {
    const list = below.slice(0, 3).map(({ name, count }) => `"${name}" (${count})`);
    const more = below.length > 3 ? ` and ${below.length - 3} more` : "";
    return `${folder} holds no pictures itself, but folders that do: ${list.join(", ")}${more}. Name those that you mean.`;
  }
  return `${folder} holds no pictures (JPEG, PNG, WebP, GIF, TIFF, AVIF or HEIC)${whatInstead(content)}.`;
}

function whatInstead({ skipped, special, masks, movies, folders, others }: FolderContent): string {
  const archives = others.filter((name) => otherExtensions.archive.has(path.extname(name).toLowerCase()));
  const counted = (files: readonly string[]) =>
    files.length === 1 ? files[0] : `${files[0]} and ${files.length - 1} more`;
  if (skipped.length > 0) {
    const [it, is] = skipped.length === 1 ? ["it", "is"] : ["them", "are"];
    return `; ${counted(skipped)} ${is} of a format that is not read: save ${it} as JPEG`;
  }
  if (archives.length > 0) return `; unpack ${counted(archives)} first`;
  if (movies.length > 0) return `; videos are not read (${counted(movies)}): save single frames as JPEG`;
  if (masks.length > 0) return `, only masks: ${counted(masks)}`;
  if (special.length > 0) return `; ${counted(special)}: no regular file`;
  if (others.length > 0) return `, only other files: ${counted(others)}`;
  return folders.length > 0 ? ", and neither do its folders" : ": it is empty";
}

/** Folders below that hold pictures, by their paths from `folder`; breadth first, and not without end. */
async function foldersWithPictures(
  folder: string,
  names: readonly string[],
): Promise<{ readonly name: string; readonly count: number }[]> {
  const found: { name: string; count: number }[] = [];
  let level: readonly string[] = names;
  let seen = 0;
  for (let depth = 0; depth < MAX_DEPTH && found.length === 0; depth += 1) {
    const next: string[] = [];
    for (const name of level) {
      if ((seen += 1) > MAX_FOLDERS) return found;
      const below = path.join(folder, name);
      const count = (await imageNames(below)).length;
      if (count > 0) found.push({ name, count });
      else next.push(...(await folderNames(below)).map((child) => path.join(name, child)));
    }
    level = next;
  }
  return found;
}

async function folderNames(folder: string): Promise<readonly string[]> {
  return folderContent(folder).then(
    ({ folders }) => folders,
    () => [],
  );
}
