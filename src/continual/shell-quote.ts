/**
 * @file Words of commands that are shown to be copied: a shell must take them as they are.
 */

/** A word as a POSIX shell reads it back unchanged, whatever is in it. */
export function shellQuote(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
