/**
 * @file Which model a command works on, and where its checkpoint lies. A model is named by its folder; the one that comes with this package by a name of its own,
 * so that a library goes on working when the package is installed somewhere else.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Library } from "./library.ts";

/** The miniature Stable Diffusion that comes with this package; the default of every command. */
export const BUILT_IN_MODEL = "built-in";

/** The model that is asked for, else the library's own, else the built-in one: its name, or an absolute folder. */
export function chosenModel(asked: string | undefined, library: Library | undefined): string {
  if (asked === undefined) return library?.manifest.model.folder ?? BUILT_IN_MODEL;
  return asked === BUILT_IN_MODEL ? asked : resolve(asked);
}

/** Where the checkpoint of a model lies. */
export function checkpointFolder(model: string): string {
  return model === BUILT_IN_MODEL ? fileURLToPath(new URL("../../models/keepsake-64", import.meta.url)) : model;
}
