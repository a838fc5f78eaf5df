/**
 * @file Making an empty library on a model.
 */
import { variantOf } from "../diffusion/checkpoint.ts";
import { KeepsakeError } from "../errors.ts";
import { checkKeep } from "../library/history.ts";
import { Library } from "../library/library.ts";
import { lockLibrary } from "../library/library-folder.ts";
import { allStates, DEFAULT_KEEP } from "../library/manifest/manifest.ts";
import { identifyModel } from "../library/model/model-fingerprint.ts";
import { refuseUnfinishedRun } from "../library/run/unfinished-run.ts";
import type { Session } from "./session.ts";

export interface InitRequest {
  /** How many earlier states to keep, beside the current one. Default 3. */
  readonly keep?: number;
  /** Whether a library that has learned nothing may be replaced by one on another model. Default false. */
  readonly replacesEmpty?: boolean;
}

/**
 * Makes an empty library.
 *
 * @throws KeepsakeError if there is one already, or the model or the folder cannot be used
 */
export async function initLibrary(session: Session, request: InitRequest = {}): Promise<Library> {
  const { folder } = session;
  const { keep = DEFAULT_KEEP, replacesEmpty = false } = request;
  checkKeep(keep);
  const unlock = await lockLibrary(folder, "making the library");
  try {
    const existing = await session.library();
    if (existing !== undefined && !(replacesEmpty && isEmpty(existing))) {
      const advice = 'learn something with "keepsake learn", or choose another folder';
      throw new KeepsakeError("state", `${folder} is a library already; ${advice}.`);
    }
    if (existing !== undefined) await refuseUnfinishedRun(existing);
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

/** Whether no state that is kept knows anything. */
function isEmpty({ manifest }: Library): boolean {
  return allStates(manifest).every(({ concepts }) => concepts.length === 0);
}
