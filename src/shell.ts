/**
 * @file Commands that are shown to be copied. Every layer may use this file.
 */

/**
 * A word as a shell takes it: as it stands where that is safe, else in the single quotes of a POSIX shell, in which
 * nothing is run.
 */
export function shellQuote(text: string): string {
  if (/^[\w./:=@%+,-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A path as an argument: what begins with a dash would be taken for an option, quoted or not. */
export function shellPath(path: string): string {
  return shellQuote(path.startsWith("-") ? `./${path}` : path);
}
