/**
 * @file Captions: the words in text files beside photos. `3.txt`, `3.caption`, `3.jpg.txt` and `3.jpg.caption` are all
 * of `3.jpg`, in small letters or capitals, however a system writes an accent.
 */
import { readdir } from "node:fs/promises";
import { basename, dirname, join, parse } from "node:path";
import { KeepsakeError } from "../errors.ts";
import { captionExtensions, imageExtensions, textExtensions } from "../io/images/image-format.ts";
import { readWholeFile, statFile } from "../io/read-file.ts";
import { decodeText } from "../io/text.ts";

/** A photo's caption, and where it stands. */
export interface Caption {
  readonly text: string;
  readonly file: string;
}

export interface FoundCaptions {
  /** By the photo's path. */
  readonly captions: ReadonlyMap<string, Caption>;
  /** Text files in the searched folders that have the name of no picture. */
  readonly unmatched: readonly string[];
  /** Photos of which two files say different things: the first is used. */
  readonly contradictions: readonly { readonly photo: string; readonly used: Caption; readonly other: Caption }[];
}

/**
 * Looks for the captions of photos.
 *
 * @param folders - that were searched: their text files are all meant for photos
 * @param texts - text files that were named, and are meant for photos too
 * @throws KeepsakeError naming the caption that cannot be read
 */
export async function findCaptions(
  photos: readonly string[],
  folders: readonly string[],
  texts: readonly string[],
): Promise<FoundCaptions> {
  const captions = new Map<string, Caption>();
  const contradictions: { photo: string; used: Caption; other: Caption }[] = [];
  const unmatched = new Set<string>();
  // As `dirname` writes them, without a slash at the end.
  const searched = new Set(folders.map((folder) => dirname(join(folder, "x"))));
  for (const folder of new Set([...searched, ...[...photos, ...texts].map((file) => dirname(join(file)))])) {
    const names = await fileNames(folder);
    const own = photos.filter((photo) => dirname(join(photo)) === folder).map((photo) => basename(photo));
    const pictures = [...new Set([...names.filter(isPicture), ...own])];
    const owners = new Map(names.filter(isTextFile).map((name) => [name, ownersOf(name, pictures)]));
    for (const photo of own) {
      const mine = [...owners].filter(([, of]) => of.includes(photo)).map(([name]) => name);
      const read: Caption[] = [];
      for (const name of mine.sort((a, b) => rank(a, photo) - rank(b, photo))) {
        const caption = await readCaption(join(folder, name));
        if (caption !== undefined) read.push(caption);
      }
      const [used, ...others] = read;
      if (used === undefined) continue;
      captions.set(join(folder, photo), used);
      const other = others.find(({ text }) => text !== used.text);
      if (other !== undefined) contradictions.push({ photo: join(folder, photo), used, other });
    }
    for (const [name, of] of owners) {
      const file = join(folder, name);
      const isMeant = searched.has(folder) || texts.some((text) => join(text) === file);
      if (of.length === 0 && isMeant) unmatched.add(file);
    }
  }
  const of = (photo: string): [string, Caption][] => {
    const caption = captions.get(join(photo));
    return caption === undefined ? [] : [[photo, caption]];
  };
  return { captions: new Map(photos.flatMap(of)), unmatched: [...unmatched].sort(), contradictions };
}

const isPicture = (name: string) => imageExtensions.has(parse(name).ext.toLowerCase());
const isTextFile = (name: string) => textExtensions.has(parse(name).ext.toLowerCase());

/** The pictures that a text file is of: those with just its name, else those whose names differ in capitals only. */
function ownersOf(text: string, pictures: readonly string[]): readonly string[] {
  const { name, ext } = parse(text);
  if (!captionExtensions.includes(ext.toLowerCase())) return [];
  const sharing = (same: (text: string) => string) =>
    pictures.filter(
      (picture) => picture !== text && [picture, parse(picture).name].some((own) => same(own) === same(name)),
    );
  const exact = sharing((own) => own.normalize("NFC"));
  return exact.length > 0 ? exact : sharing((own) => own.normalize("NFC").toLowerCase());
}

/** Of several captions of a photo the least comes first: one with the photo's whole name, then by extension. */
function rank(text: string, photo: string): number {
  const { name, ext } = parse(text);
  const hasWholeName = name.normalize("NFC").toLowerCase() === photo.normalize("NFC").toLowerCase();
  return (hasWholeName ? 0 : captionExtensions.length) + captionExtensions.indexOf(ext.toLowerCase());
}

/** Names of visible files, sorted; none where the folder may be passed through but not listed. */
async function fileNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."));
  return files.map(({ name }) => name).sort();
}

/** In bytes. A prompt takes about 300 characters of it, and programs that write tags write thousands. */
const MAX_CAPTION_SIZE = 64_000;

/** The words of a caption file, if there are any. */
async function readCaption(file: string): Promise<Caption | undefined> {
  const { size } = await statFile(file);
  if (size > MAX_CAPTION_SIZE) {
    const fault = `it has ${size} bytes, at most ${MAX_CAPTION_SIZE} are read`;
    throw new KeepsakeError("input", `${file} is no caption of a photo: ${fault}. Shorten it or move it away.`);
  }
  const text = decodeText(await readWholeFile(file, MAX_CAPTION_SIZE), file)
    .replace(/\s+/g, " ")
    .trim();
  if (text.startsWith("{\\rtf")) {
    throw new KeepsakeError("input", `${file} is an RTF document and not plain text: save it as plain text in UTF-8.`);
  }
  if (text.includes("\ufffd")) {
    const fault = "holds characters that were lost when it was saved (\ufffd)";
    throw new KeepsakeError("input", `${file} ${fault}: write them again and save it as UTF-8.`);
  }
  return text === "" ? undefined : { text, file };
}
