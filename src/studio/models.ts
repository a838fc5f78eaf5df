/**
 * @file The models on this machine, as the page names them.
 */
import { hubCacheFolder } from "../hub-cache/cache-folder.ts";
import { familyOf, listCached } from "../hub-cache/cached-models.ts";
import { findCached, wholeFiles } from "../hub-cache/cached-snapshot.ts";
import { formatHubModel, originOf, parseHubModel } from "../hub-cache/hub-model.ts";
import { KeepsakeError } from "../errors.ts";
import { exists } from "../io/folder.ts";
import { BUILT_IN_MODEL, checkpointFolder } from "../library/model/model-folder.ts";
import type { StudioModel } from "./api.ts";

/** The built-in model, and those of the Hugging Face cache. */
export async function listModels(): Promise<StudioModel[]> {
  const cached = await listCached(process.env);
  return [
    await listedAs(BUILT_IN_MODEL, true),
    ...cached.map(({ model, family, bytes, isUsable, isWhole }) => ({ model, family, bytes, isUsable, isWhole })),
  ];
}

/** A model by its folder or file. @param isUsable - whether it can be opened */
export async function listedAs(model: string, isUsable: boolean): Promise<StudioModel> {
  if (model === BUILT_IN_MODEL) {
    const sizes = [...(await wholeFiles(checkpointFolder(model))).values()];
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    return { model, family: "Keepsake 64, a miniature", bytes, isUsable, isWhole: true };
  }
  const origin = originOf(model);
  const family = (await familyOf(model))?.family ?? "Stable Diffusion";
  const name = origin === undefined ? model : formatHubModel({ repo: origin.repo, revision: origin.commit });
  const listed = (await listCached(process.env)).find(({ folder }) => folder === model);
  return { model: listed?.model ?? name, family, isUsable, isWhole: isUsable };
}

/** The folder or file of a model as `--model` takes it. @throws KeepsakeError for one that is not on this machine */
export async function folderOfModel(model: string): Promise<string> {
  if (model === BUILT_IN_MODEL || (await exists(model))) return model;
  const named = parseHubModel(model);
  const cached = named && (await findCached(hubCacheFolder(process.env), named));
  if (cached !== undefined) return cached.folder;
  throw new KeepsakeError("input", `There is no model ${model} on this machine; pull it first.`);
}
