/**
 * @file What several commands have in common.
 */
import { shellQuote } from "../../errors.ts";

/** Where concepts are kept unless --library says otherwise. */
export const DEFAULT_LIBRARY = "keepsake-library";

/** How a command that is shown to be copied says which library it is about. */
export function libraryOption(library: string): string {
  return library === DEFAULT_LIBRARY ? "" : ` --library ${shellQuote(library)}`;
}

/** As much of a state's id as is shown. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
