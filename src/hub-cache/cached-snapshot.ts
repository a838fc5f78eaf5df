/**
 * @file What the cache holds of a model of the hub. No connection is made here, and nothing is written.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isObject } from "../diffusion/config/config-reader.ts";
import { modelIndex } from "../diffusion/not-a-model.ts";
import { isPipelineName } from "../diffusion/pipeline-folder.ts";
import { KeepsakeError } from "../errors.ts";
import { readJson } from "../io/json.ts";
import { isCommit, refFile, snapshotFolder, storageFolder, type HubModel } from "./hub-model.ts";
import { readTree, type TreeListing } from "./tree-listing.ts";
import { optionalFiles, wantedFiles, type Variant } from "./wanted-files.ts";

/** A model that lies in the cache, whole. */
export interface CachedModel {
  readonly commit: string;
  /** `snapshots/<commit>`, a folder in the diffusers layout. */
  readonly folder: string;
  /** What Keepsake reads of it. */
  readonly files: readonly string[];
  readonly precisions: readonly Variant[];
  /** Whether it is known that no file is missing which the model may or may not have. */
  readonly isCertain: boolean;
}

/** Finds a model by what was last known of its revision. @returns undefined if it is not there, or not whole */
export async function findCached(cache: string, model: HubModel, variant?: Variant): Promise<CachedModel | undefined> {
  const commit = isCommit(model.revision) ? model.revision : await cachedCommit(cache, model);
  return commit === undefined ? undefined : cachedAt(cache, model.repo, commit, variant);
}

/** The commit at which a branch or tag was last; undefined if it was never asked for. */
export async function cachedCommit(cache: string, model: HubModel): Promise<string | undefined> {
  const text = await readFile(refFile(cache, model), "utf8").catch(() => "");
  return isCommit(text.trim()) ? text.trim() : undefined;
}

/** What the cache holds of a model at a commit; undefined if that is not all of it. */
export async function cachedAt(
  cache: string,
  repo: string,
  commit: string,
  variant?: Variant,
): Promise<CachedModel | undefined> {
  const folder = snapshotFolder(cache, repo, commit);
  const tree = await readTree(cache, repo, commit);
  const there = await wholeFiles(folder, tree);
  try {
    const index = there.has(modelIndex) ? await readJson(join(folder, modelIndex)) : undefined;
    const pipeline = isObject(index) ? index._class_name : undefined;
    if (!isPipelineName(pipeline)) return undefined;
    const { files, precisions } = wantedFiles(repo, pipeline, there.keys(), variant);
    const optional = optionalFiles(pipeline).filter((name) => !there.has(name) && tree?.has(name) !== false);
    if (tree !== undefined && optional.length > 0) return undefined;
    const absent = await Promise.all(optional.map((name) => isKnownToBeAbsent(cache, repo, commit, name)));
    return { commit, folder, files, precisions, isCertain: absent.every(Boolean) };
  } catch (error) {
    if (error instanceof KeepsakeError) return undefined;
    throw error;
  }
}

/** The files of a snapshot that are there and, where that is known, have their size. Links are followed. */
export async function wholeFiles(folder: string, tree?: TreeListing): Promise<Map<string, number>> {
  const entries = await readdir(folder, { recursive: true, encoding: "utf8" }).catch((): string[] => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const name = entry.replaceAll("\\", "/");
      const status = await stat(join(folder, entry)).catch(() => undefined);
      const isWhole = status?.isFile() === true && status.size === (tree?.get(name)?.size ?? status.size);
      return isWhole ? ([[name, status.size]] as const) : [];
    }),
  );
  return new Map(found.flat());
}

/** The mark of huggingface_hub that a file was asked for, and does not exist at that commit. */
export function absenceFile(cache: string, repo: string, commit: string, name: string): string {
  return join(storageFolder(cache, repo), ".no_exist", commit, ...name.split("/"));
}

async function isKnownToBeAbsent(cache: string, repo: string, commit: string, name: string): Promise<boolean> {
  const found = await stat(absenceFile(cache, repo, commit, name)).catch(() => undefined);
  return found !== undefined;
}
