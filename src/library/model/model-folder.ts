/**
 * @file Which model a command works on, and where its checkpoint lies. A model is named by its folder or file; the one
 * that comes with this package by a name of its own, so that a library goes on working when the package is installed
 * somewhere else.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { CheckpointOptions } from "../../diffusion/checkpoint.ts";
import { KeepsakeError } from "../../errors.ts";
import type { Library } from "../library.ts";

/** The miniature Stable Diffusion that comes with this package; the default of every command. */
export const BUILT_IN_MODEL = "built-in";

/** What a person says of the model to work on. */
export interface AskedModel extends CheckpointOptions {
  /** Folder or file of its checkpoint. */
  readonly model?: string;
}

/** The model to work on. */
export interface ChosenModel {
  /** Its name, or the absolute path of its folder or file. */
  readonly name: string;
  /** What its checkpoint does not say; paths are absolute. */
  readonly options: CheckpointOptions;
}

/**
 * The model that is asked for, else the library's own, else the built-in one. What is not said of it is as the library
 * has recorded.
 *
 * @throws KeepsakeError if something is said of the built-in model, of which everything is known
 */
export function chosenModel(asked: AskedModel, library: Library | undefined): ChosenModel {
  const { model, vae, config, predictionType, family, variant } = asked;
  const recorded = library?.manifest.model;
  const named = model === undefined || model === BUILT_IN_MODEL ? model : resolve(model);
  const name = named ?? recorded?.folder ?? BUILT_IN_MODEL;
  if (name === BUILT_IN_MODEL) checkNothingElse(asked);
  return {
    name,
    options: {
      vae: vae === undefined ? recorded?.vae : resolve(vae),
      config: config === undefined ? recorded?.config : resolve(config),
      predictionType: predictionType ?? recorded?.predictionType,
      family: family ?? recorded?.family,
      variant: variant ?? recorded?.variant,
    },
  };
}

function checkNothingElse({ vae, config, predictionType, family }: AskedModel): void {
  const kind = family === "built-in" ? undefined : family;
  const options = { "--vae": vae, "--config": config, "--prediction-type": predictionType, "--family": kind };
  const given = Object.entries(options).find(([, value]) => value !== undefined);
  if (given === undefined) return;
  const fault = `${given[0]} is for a checkpoint of yours, not for the built-in model`;
  throw new KeepsakeError("usage", `${fault}: name the checkpoint with --model <path>, or leave the option out.`);
}

/** As what the checkpoint of a model is opened. */
export function checkpointOptions({ name, options }: ChosenModel): CheckpointOptions {
  return name === BUILT_IN_MODEL ? { ...options, family: "built-in" } : options;
}

/** Where the checkpoint of a model lies. */
export function checkpointFolder(model: string): string {
  return model === BUILT_IN_MODEL ? fileURLToPath(new URL("../../../models/keepsake-64", import.meta.url)) : model;
}
