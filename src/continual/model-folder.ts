/**
 * @file Which model a command works on when none, or another, is named. A default for new libraries belongs here.
 */
import { resolve } from "node:path";
import { KeepsakeError } from "../errors.ts";
import type { Library } from "./library/library.ts";

/**
 * The folder of the model: the one that is asked for, else the library's own.
 *
 * @throws KeepsakeError if neither says which
 */
export function modelFolder(folder: string, asked: string | undefined, library: Library | undefined): string {
  const model = asked === undefined ? library?.manifest.model.folder : resolve(asked);
  if (model !== undefined) return model;
  throw new KeepsakeError("usage", `${folder} is a new library: say on which model with --model <folder>.`);
}
