/**
 * @file `pullModel`, the one way into this folder and the only code of Keepsake that opens connections: brings a model
 * of the Hugging Face Hub into the cache that the Python tools use too (huggingface_hub: `snapshot_download`,
 * `hf_hub_download`).
 *
 * What the cache holds is found without a connection. A file gets its name only when it is whole, and the revision its
 * commit only when all files are there, so whatever stops a pull leaves what was there before, and a part from which
 * the same call goes on.
 */
import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { foreignPipeline, SUPPORTED, modelIndex } from "../diffusion/not-a-model.ts";
import { isPipelineName, type PipelineName } from "../diffusion/pipeline-folder.ts";
import { isObject } from "../diffusion/config/config-reader.ts";
import { KeepsakeError, shown } from "../errors.ts";
import { hubCacheFolder, isOffline, type Environment } from "../hub-cache/cache-folder.ts";
import { cachedAt, findCached, wholeFiles, type CachedModel } from "../hub-cache/cached-snapshot.ts";
import { formatHubModel, hubModelOf, locksFolder, snapshotFolder, storageFolder } from "../hub-cache/hub-model.ts";
import type { HubModel } from "../hub-cache/hub-model.ts";
import { blobName, readTree, type TreeListing } from "../hub-cache/tree-listing.ts";
import { wantedFiles, type Variant } from "../hub-cache/wanted-files.ts";
import { makeFolder } from "../io/folder.ts";
import { readJson } from "../io/json.ts";
import { formatBytes } from "../units.ts";
import { downloadBlob, incompleteFile } from "./blob.ts";
import { NoSuchFile } from "./faults.ts";
import { commitOf, listFiles } from "./listing.ts";
import { lockModel } from "./model-lock.ts";
import { hubSettings, type HubSettings, type Patience } from "./settings.ts";
import { pointTo, tagCache, writeAbsence, writeRef, writeTree } from "./snapshot.ts";

/** What is pulled, and how. */
export interface PullRequest extends Partial<Patience> {
  /** `owner/name` or `owner/name@revision`. */
  readonly model: string;
  /** Which weights. Default: fp16 where there are such. */
  readonly variant?: Variant;
  /** Ask the hub whether the branch has moved on, even if the cache holds the model. */
  readonly update?: boolean;
  /** Default: that of this process. */
  readonly env?: Environment;
  /** Stops the download; what has come is kept. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PullProgress) => void;
}

export type PullProgress =
  /** Somebody else pulls the same model, and is waited for. */
  | { readonly kind: "waiting"; readonly reason: string }
  /** What is to come; `bytes` is what the model has, `missing` what is to be downloaded of it. */
  | { readonly kind: "plan"; readonly files: number; readonly bytes: number; readonly missing: number }
  /** `done` of `missing` bytes have come. */
  | { readonly kind: "bytes"; readonly file: string; readonly done: number; readonly missing: number };

export interface PullResult {
  readonly model: string;
  readonly commit: string;
  /** The folder to give as a model. */
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  readonly precisions: readonly string[];
  /** Bytes that were downloaded. */
  readonly downloaded: number;
}

/**
 * Brings a model into the cache, unless it is there.
 *
 * @throws KeepsakeError in one line, with what to do; the signal's reason
 */
export async function pullModel(request: PullRequest): Promise<PullResult> {
  const { variant, update = false, env = process.env, signal, onProgress } = request;
  const model = hubModelOf(request.model);
  const cache = hubCacheFolder(env);
  const cached = await findCached(cache, model, variant);
  const offline = isOffline(env);
  if (cached !== undefined && (offline || (cached.isCertain && !update))) return resultOf(model, cached, 0);
  if (offline) {
    const fault = `${formatHubModel(model)} is not in the cache (${cache}), and HF_HUB_OFFLINE forbids connections`;
    throw new KeepsakeError("environment", `${fault}; unset HF_HUB_OFFLINE to download it.`);
  }
  const { timeout, tries, wait } = request;
  const patience = {
    ...(timeout !== undefined && { timeout }),
    ...(tries !== undefined && { tries }),
    ...(wait !== undefined && { wait }),
  };
  const settings = await hubSettings(env, { signal, ...patience });
  const commit = await commitOf(model, settings);
  const tree = (await readTree(cache, model.repo, commit)) ?? (await listFiles(model, commit, settings));
  const pull = { cache, model, commit, tree, settings };
  const unlock = await lockModel(locksFolder(cache, model.repo), formatHubModel(model), settings, (reason) => {
    onProgress?.({ kind: "waiting", reason });
  });
  try {
    await makeFolder(join(storageFolder(cache, model.repo), "blobs"));
    await tagCache(cache);
    await writeTree(cache, model.repo, commit, tree);
    const downloaded = await fetchFiles(pull, variant, onProgress);
    await writeRef(cache, model, commit);
    const whole = await cachedAt(cache, model.repo, commit, variant);
    if (whole === undefined)
      throw new KeepsakeError("state", `${cache}: files were removed meanwhile; repeat the command.`);
    return await resultOf(model, whole, downloaded);
  } finally {
    await unlock();
  }
}

interface Pull {
  readonly cache: string;
  readonly model: HubModel;
  readonly commit: string;
  readonly tree: TreeListing;
  readonly settings: HubSettings;
}

/** Downloads what is missing: first what says whether the model can be used at all. @returns how many bytes came */
async function fetchFiles(
  pull: Pull,
  variant: Variant | undefined,
  onProgress: PullRequest["onProgress"],
): Promise<number> {
  const { cache, model, commit, tree } = pull;
  const folder = snapshotFolder(cache, model.repo, commit);
  let downloaded = 0;
  const isIndexNew = tree.has(modelIndex) && !(await wholeFiles(folder, tree)).has(modelIndex);
  if (isIndexNew && (await fetchFile(pull, modelIndex, () => undefined))) downloaded += sizeIn(tree, modelIndex);
  // Without an index wantedFiles says what there is instead.
  const hasIndex = tree.has(modelIndex);
  const pipeline = hasIndex ? await pipelineOf(model, join(folder, modelIndex)) : "StableDiffusionPipeline";
  const { files } = wantedFiles(model.repo, pipeline, tree.keys(), variant);
  const there = await wholeFiles(folder, tree);
  const missing = files.filter((name) => !there.has(name));
  const left = await bytesLeft(pull, missing);
  const all = left.reduce((sum, bytes) => sum + bytes, 0);
  onProgress?.({ kind: "plan", files: files.length, bytes: sum(tree, files), missing: all });
  await checkSpace(cache, all);
  let done = 0;
  for (const [index, file] of missing.entries()) {
    const before = sizeIn(tree, file) - (left[index] ?? 0);
    await fetchFile(pull, file, (bytes) => {
      onProgress?.({ kind: "bytes", file, done: done + Math.max(0, bytes - before), missing: all });
    });
    done += left[index] ?? 0;
  }
  return downloaded + done;
}

/**
 * Brings one file into the snapshot. @returns whether it was downloaded: content that another file or commit has is not
 */
async function fetchFile(pull: Pull, name: string, onBytes: (there: number) => void): Promise<boolean> {
  const { cache, model, commit, tree, settings } = pull;
  const { repo } = model;
  const entry = tree.get(name);
  if (entry === undefined) throw new Error(`${name} is not listed`);
  const blobs = join(storageFolder(cache, repo), "blobs");
  const pointer = join(snapshotFolder(cache, repo, commit), ...name.split("/"));
  settings.signal?.throwIfAborted();
  const blob = join(blobs, blobName(entry));
  const isThere = (await sizeOf(blob)) === entry.size;
  if (!isThere) {
    try {
      await downloadBlob(blobs, { model, commit, name, entry }, settings, onBytes);
    } catch (error) {
      if (!(error instanceof NoSuchFile)) throw error;
      await writeAbsence(cache, repo, commit, name);
      const fault = `${settings.endpoint.host} lists ${name} of ${repo}, and says that there is no such file`;
      throw new KeepsakeError("input", `${fault}; try again later, or another revision.`);
    }
  }
  await pointTo(blob, pointer, !isThere, settings.env);
  return !isThere;
}

/** Refuses another kind of model before gigabytes are downloaded. */
async function pipelineOf({ repo }: HubModel, file: string): Promise<PipelineName> {
  const index = await readJson(file);
  const pipeline = isObject(index) ? index._class_name : undefined;
  if (isPipelineName(pipeline)) return pipeline;
  const what = typeof pipeline === "string" ? `${foreignPipeline(pipeline)} (${shown(pipeline)})` : "no pipeline";
  throw new KeepsakeError("input", `${repo} is ${what}; use ${SUPPORTED}.`);
}

/** What each file still needs, in bytes. */
async function bytesLeft({ cache, model, tree }: Pull, names: readonly string[]): Promise<number[]> {
  const blobs = join(storageFolder(cache, model.repo), "blobs");
  const seen = new Set<string>();
  const left: number[] = [];
  for (const name of names) {
    const entry = tree.get(name);
    if (entry === undefined || seen.has(blobName(entry))) {
      left.push(0);
      continue;
    }
    seen.add(blobName(entry));
    const whole = await sizeOf(join(blobs, blobName(entry)));
    const part = (await sizeOf(incompleteFile(blobs, entry))) ?? 0;
    left.push(whole === entry.size ? 0 : part > entry.size ? entry.size : entry.size - part);
  }
  return left;
}

/** @throws KeepsakeError if what is to come does not fit the disk, as far as the system knows */
async function checkSpace(cache: string, bytes: number): Promise<void> {
  const disk = await statfs(cache).catch(() => undefined);
  if (disk === undefined || disk.blocks === 0) return;
  const free = disk.bavail * disk.bsize;
  if (free >= bytes) return;
  const fault = `${cache}: ${formatBytes(bytes)} are to be downloaded, and ${formatBytes(free)} are free`;
  throw new KeepsakeError("environment", `${fault}; free some space, or name another folder in HF_HUB_CACHE.`);
}

async function resultOf(model: HubModel, cached: CachedModel, downloaded: number): Promise<PullResult> {
  const { commit, folder, files, precisions } = cached;
  const sizes = await Promise.all(files.map((name) => sizeOf(join(folder, name))));
  const bytes = sizes.reduce<number>((all, size) => all + (size ?? 0), 0);
  return { model: formatHubModel(model), commit, folder, files: files.length, bytes, precisions, downloaded };
}

function sum(tree: TreeListing, names: readonly string[]): number {
  return names.reduce((all, name) => all + sizeIn(tree, name), 0);
}

function sizeIn(tree: TreeListing, name: string): number {
  return tree.get(name)?.size ?? 0;
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() === true ? found.size : undefined;
}
