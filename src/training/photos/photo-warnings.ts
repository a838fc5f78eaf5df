/**
 * @file What to tell a person about the photos that were found: nothing is left out, cut or enlarged without a word.
 */
import type { FoundImages } from "../../io/images/find-images.ts";
import type { FoundCaptions } from "../../prompts/captions.ts";

/** A photo with its size. */
export interface SizedPhoto {
  readonly file: string;
  readonly width: number;
  readonly height: number;
}

/** Everything about photos that a person may not have meant. */
export interface PhotoFindings extends Pick<FoundImages, "skipped" | "special" | "subfolders" | "movies" | "hidden"> {
  readonly captions: Pick<FoundCaptions, "unmatched" | "contradictions">;
  /** Masks with the name of no photo. */
  readonly lostMasks: readonly string[];
  /** Pictures that Keepsake drew: left out of a folder, or used because they were named. */
  readonly drawn: { readonly leftOut: readonly string[]; readonly used: readonly string[] };
  /** Photos that show the same as an earlier one; `otherCaption`: and say something else. */
  readonly duplicates: readonly { readonly file: string; readonly first: string; readonly otherCaption: boolean }[];
  /** Photos far longer than wide, or wider than long. */
  readonly odd: readonly SizedPhoto[];
  /** Photos smaller than what the model sees. */
  readonly small: readonly SizedPhoto[];
}

/** Where only pictures were looked for, and neither captions nor what they show. */
export function pictureWarnings(
  found: Pick<FoundImages, "skipped" | "special" | "subfolders" | "movies" | "hidden" | "texts" | "masks">,
): string[] {
  const captions = { unmatched: [], contradictions: [] };
  const texts = found.texts.length === 0 ? [] : [`left out, being texts: ${listed(found.texts)}`];
  const masks = found.masks.length === 0 ? [] : [`left out, being masks: ${listed(found.masks)}`];
  const nothing = { captions, lostMasks: [], drawn: { leftOut: [], used: [] }, duplicates: [], odd: [], small: [] };
  return [...photoWarnings({ ...found, ...nothing }, 0), ...texts, ...masks];
}

/** One line for each thing that is worth a look. */
export function photoWarnings(findings: PhotoFindings, resolution: number): string[] {
  const { skipped, special, subfolders, captions, drawn, duplicates, odd, small } = findings;
  const { movies, hidden, lostMasks } = findings;
  const lines: string[] = [];
  const tell = <T>(all: readonly T[], name: (each: T) => string, line: (names: string, count: number) => string) => {
    if (all.length > 0) lines.push(line(listed(all.map(name)), all.length));
  };
  const itself = (file: string) => file;
  const sized = ({ file, width, height }: SizedPhoto) => `${file} (${width} x ${height})`;
  tell(skipped, itself, (names, count) => {
    const [are, them] = count === 1 ? ["is in a format that is", "it"] : ["are in formats that are", "them"];
    return `${names} ${are} not read; save ${them} as JPEG.`;
  });
  tell(special, itself, (names) => `left out, because a pipe or device is no picture: ${names}`);
  const isLive = ({ photo }: FoundImages["movies"][number]) => photo !== undefined;
  const ofMovie = ({ movie }: FoundImages["movies"][number]) => movie;
  tell(movies.filter(isLive), ofMovie, (names, count) => {
    const [photos, is, movie] = count === 1 ? ["a live photo", "is", "movie"] : ["live photos", "are", "movies"];
    return `of ${photos} the picture ${is} used, and the ${movie} passed over: ${names}`;
  });
  tell(
    movies.filter((movie) => !isLive(movie)),
    ofMovie,
    (names) => {
      return `left out, because movies are not read: ${names}. Save single frames as JPEG.`;
    },
  );
  tell(hidden, itself, (names) => `left out, because hidden files are no photos: ${names}`);
  tell(lostMasks, itself, (names, count) => {
    const match = count === 1 ? "mask matches" : "masks match";
    return `${count} ${match} no photo: ${names}. A mask is called 3.mask.png for 3.jpg.`;
  });
  tell(drawn.leftOut, itself, (names) => {
    return `left out, because Keepsake drew them: ${names}. To learn from them, name them one by one.`;
  });
  tell(drawn.used, itself, (names) => `drawn by Keepsake, and learned because they were named: ${names}`);
  tell(
    subfolders,
    ({ folder, count }) => `${folder} (${count})`,
    (names) => `folders with pictures that are not used: ${names}. To use them, name them too.`,
  );
  tell(
    duplicates,
    ({ file, first }) => `${file} (as ${first})`,
    (names, count) => `left out because they show the same: ${count}: ${names}`,
  );
  for (const { file, first } of firstFew(duplicates.filter(({ otherCaption }) => otherCaption))) {
    lines.push(`${file} shows the same as ${first}, but their captions differ: that of ${first} is used.`);
  }
  for (const { photo, used, other } of firstFew(captions.contradictions)) {
    lines.push(`${used.file} and ${other.file} both describe ${photo}: ${used.file} is used.`);
  }
  tell(captions.unmatched, itself, (names, count) => {
    const match = count === 1 ? "text file matches" : "text files match";
    return `${count} ${match} no photo: ${names}. A caption has its photo's name, 3.txt for 3.jpg.`;
  });
  tell(odd, sized, (names) => `only the middle of a long photo is used: ${names}. Crop it to the concept.`);
  tell(small, sized, (names) => {
    return `smaller than ${resolution} x ${resolution}, and enlarged, which makes them soft: ${names}`;
  });
  return lines;
}

/** A word on few photos. @returns undefined where there are enough */
export function fewPhotosWarning(count: number): string | undefined {
  return count < 4 ? "4 to 10 photos in different places and light teach a thing better." : undefined;
}

/** What can be seen on the photos themselves. */
export interface PhotoLooks {
  /** Photos that look almost as an earlier one. */
  readonly alike: readonly { readonly file: string; readonly first: string }[];
  readonly blurred: readonly string[];
}

/** One line for each thing that would make the photos teach less. */
export function lookWarnings(count: number, { alike, blurred }: PhotoLooks): string[] {
  const few = fewPhotosWarning(count);
  const pairs = alike.map(({ file, first }) => `${file} (as ${first})`);
  return [
    ...(few === undefined ? [] : [few]),
    ...(alike.length === 0 ? [] : [`almost the same as an earlier photo, and of little use: ${listed(pairs)}`]),
    ...(blurred.length === 0 ? [] : [`blurred, which is learned too: ${listed(blurred)}`]),
  ];
}

/** A caption longer than a prompt, and what is used of it. */
export interface CutCaption {
  readonly file: string;
  readonly tokens: number;
  readonly used: number;
}

/** A line for each of the first few, and then how many more. */
export function cutCaptionWarnings(cut: readonly CutCaption[]): string[] {
  const lines = firstFew(cut).map(({ file, tokens, used }) => {
    return `${file} has ${tokens} tokens, only the first ${used} are used: put what matters first.`;
  });
  const more = cut.length - MOST;
  return more > 0 ? [...lines, `${more} more captions are longer than a prompt, and cut.`] : lines;
}

/** So many are named; of the others, their number is. */
const MOST = 3;

function firstFew<T>(all: readonly T[]): readonly T[] {
  return all.slice(0, MOST);
}

function listed(names: readonly string[]): string {
  const more = names.length - MOST;
  return firstFew(names).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
