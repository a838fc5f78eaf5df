/**
 * @file Making an empty library on a model.
 */
import { StableDiffusionPipeline } from "../diffusion/pipeline.ts";
import { KeepsakeError } from "../errors.ts";
import { checkKeep } from "../library/history.ts";
import { Library } from "../library/library.ts";
import { lockLibrary } from "../library/library-folder.ts";
import { DEFAULT_KEEP } from "../library/manifest/manifest.ts";
import { identifyModel } from "../library/model-fingerprint.ts";
import { checkpointFolder, chosenModel } from "../library/model-folder.ts";

export interface InitRequest {
  /** Folder of the library; made if it does not exist. */
  readonly library: string;
  /** Folder of the model's checkpoint. Default: the built-in model. */
  readonly model?: string;
  /** How many earlier states to keep, beside the current one. Default 3. */
  readonly keep?: number;
}

/**
 * Makes an empty library.
 *
 * @throws KeepsakeError if there is one already, or the model or the folder cannot be used
 */
export async function initLibrary({ library: folder, model, keep = DEFAULT_KEEP }: InitRequest): Promise<Library> {
  checkKeep(keep);
  const unlock = await lockLibrary(folder, "making the library");
  try {
    const existing = await Library.openIfExists(folder);
    if (existing !== undefined) {
      const advice = 'learn something with "keepsake learn", or choose another folder';
      throw new KeepsakeError("state", `${folder} is a library already; ${advice}.`);
    }
    const chosen = chosenModel(model, undefined);
    const identity = await identifyModel(await StableDiffusionPipeline.load(checkpointFolder(chosen)));
    const library = Library.blank(folder, { folder: chosen, ...identity }, keep);
    await library.save();
    return library;
  } finally {
    await unlock();
  }
}
