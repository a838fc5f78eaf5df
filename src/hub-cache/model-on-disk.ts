/**
 * @file What a person calls a model, on the disk: a folder, a file, or `owner/name` of the Hugging Face Hub that the
 * cache holds. No connection is made.
 */
import { KeepsakeError } from "../errors.ts";
import { exists } from "../io/folder.ts";
import { shellQuote } from "../shell.ts";
import { hubCacheFolder, type Environment } from "./cache-folder.ts";
import { findCached } from "./cached-snapshot.ts";
import { formatHubModel, type HubModel, parseHubModel } from "./hub-model.ts";

/** A path, or a model of the hub that is not there. */
export type FoundModel = { readonly path: string } | { readonly missing: HubModel };

/** Finds a model. Folders and files go before names of the hub; what can be no such name is a path, there or not. */
export async function findModel(given: string, env: Environment): Promise<FoundModel> {
  if (await exists(given)) return { path: given };
  const model = /\.(safetensors|sft|ckpt)$/i.test(given) ? undefined : parseHubModel(given);
  if (model === undefined) return { path: given };
  const cached = await findCached(hubCacheFolder(env), model);
  return cached === undefined ? { missing: model } : { path: cached.folder };
}

/** The error for a model of the hub that is not there. @param more - what else may be done */
export function notInCache(given: string, missing: HubModel, more = ""): KeepsakeError {
  const fault = `There is no folder ${given}, and no such model in the Hugging Face cache`;
  const download = `keepsake pull ${shellQuote(formatHubModel(missing))}`;
  return new KeepsakeError("input", `${fault}; to download it: ${download}${more}.`);
}
