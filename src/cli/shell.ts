/**
 * @file Commands that are shown to be copied.
 */

/** A word as a shell takes it: as it is, in double quotes if these are enough, else in single ones, in which nothing is run. */
export function quoted(text: string): string {
  if (/^[\w./~:=@%+,-]+$/.test(text)) return text;
  return /["$`\\!\p{C}]/u.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}
