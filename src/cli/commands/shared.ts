/**
 * @file What several commands have in common.
 */

/** Where concepts are kept unless --library says otherwise. */
export const DEFAULT_LIBRARY = "keepsake-library";

/** As much of a state's id as is shown. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
