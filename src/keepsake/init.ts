/**
 * @file Making an empty library on a model.
 */
import { variantOf } from "../diffusion/checkpoint.ts";
import { KeepsakeError } from "../errors.ts";
import { checkKeep } from "../library/history.ts";
import { Library } from "../library/library.ts";
import { lockLibrary } from "../library/library-folder.ts";
import { DEFAULT_KEEP } from "../library/manifest/manifest.ts";
import { identifyModel } from "../library/model-fingerprint.ts";
import type { Session } from "./session.ts";

export interface InitRequest {
  /** How many earlier states to keep, beside the current one. Default 3. */
  readonly keep?: number;
}

/**
 * Makes an empty library.
 *
 * @throws KeepsakeError if there is one already, or the model or the folder cannot be used
 */
export async function initLibrary(session: Session, { keep = DEFAULT_KEEP }: InitRequest = {}): Promise<Library> {
  const { folder } = session;
  checkKeep(keep);
  const unlock = await lockLibrary(folder, "making the library");
  try {
    const existing = await session.library();
    if (existing !== undefined) {
      const advice = 'learn something with "keepsake learn", or choose another folder';
      throw new KeepsakeError("state", `${folder} is a library already; ${advice}.`);
    }
    const { name, options, pipeline } = await session.load(undefined);
    const identity = await identifyModel(pipeline);
    const known = { ...options, variant: variantOf(pipeline.unet) };
    const library = Library.blank(folder, { folder: name, ...identity, ...known }, keep);
    await library.save();
    return library;
  } finally {
    await unlock();
  }
}
