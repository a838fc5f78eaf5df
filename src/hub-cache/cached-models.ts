/**
 * @file Which models there are to work on: the built-in one, and those of the Hugging Face cache that are in the
 * diffusers layout. No connection is made.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isObject } from "../diffusion/config/config-reader.ts";
import { familyOfFolder } from "../diffusion/family/recognise.ts";
import { foreignPipeline, modelIndex } from "../diffusion/not-a-model.ts";
import { isPipelineName } from "../diffusion/pipeline-folder.ts";
import { KeepsakeError } from "../errors.ts";
import { readJson } from "../io/json.ts";
import { hubCacheFolder, type Environment } from "./cache-folder.ts";
import { cachedAt, wholeFiles } from "./cached-snapshot.ts";
import { formatHubModel, isCommit, repoOfFolder, snapshotFolder, storageFolder } from "./hub-model.ts";

/** A model, as `keepsake models` shows it. */
export interface ListedModel {
  /** What to give as --model. */
  readonly model: string;
  readonly family: string;
  /** Of all of its files that are there, in bytes. */
  readonly bytes: number;
  /** What its weights are stored as: fp16, fp32. */
  readonly precisions: readonly string[];
  /** Whether Keepsake can work on it: its family is supported, and no file is missing. */
  readonly isUsable: boolean;
  /** Whether all files that are needed are there. */
  readonly isWhole: boolean;
  readonly commit?: string;
  readonly folder: string;
}

/** The models of the cache, sorted by name. */
export async function listCached(env: Environment): Promise<ListedModel[]> {
  const cache = hubCacheFolder(env);
  const folders = await readdir(cache).catch((): string[] => []);
  const repos = folders.map(repoOfFolder).filter((repo) => repo !== undefined);
  const lists = await Promise.all(repos.sort().map((repo) => snapshotsOf(cache, repo)));
  return lists.flat();
}

async function snapshotsOf(cache: string, repo: string): Promise<ListedModel[]> {
  const storage = storageFolder(cache, repo);
  const commits = await readdir(join(storage, "snapshots")).catch((): string[] => []);
  const names = await namesOfCommits(join(storage, "refs"));
  const listed = commits
    .filter(isCommit)
    .sort()
    .map(async (commit): Promise<ListedModel[]> => {
      const folder = snapshotFolder(cache, repo, commit);
      const sizes = await wholeFiles(folder);
      const kind = sizes.has(modelIndex) ? await familyOf(folder) : undefined;
      if (kind === undefined) return [];
      const whole = kind.isSupported ? await cachedAt(cache, repo, commit) : undefined;
      const isWhole = whole !== undefined || !kind.isSupported;
      return [
        {
          model: formatHubModel({ repo, revision: names.get(commit) ?? commit }),
          family: kind.family,
          bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
          precisions: whole?.precisions ?? [],
          ...{ isUsable: whole !== undefined, isWhole, commit, folder },
        },
      ];
    });
  return (await Promise.all(listed)).flat();
}

/** The branch or tag of each commit, `main` before others. */
async function namesOfCommits(refs: string): Promise<Map<string, string>> {
  const files = await readdir(refs, { recursive: true, encoding: "utf8" }).catch((): string[] => []);
  const names = new Map<string, string>();
  for (const file of files.sort()) {
    const commit = (await readFile(join(refs, file), "utf8").catch(() => "")).trim();
    if (file === "main" || !names.has(commit)) names.set(commit, file.replaceAll("\\", "/"));
  }
  return names;
}

/** What kind of model a folder holds, by its configs; undefined if it is none, or its index cannot be read. */
export async function familyOf(
  folder: string,
): Promise<{ readonly family: string; readonly isSupported: boolean } | undefined> {
  const index = await readObject(join(folder, modelIndex));
  const pipeline = index?._class_name;
  if (typeof pipeline !== "string") return undefined;
  if (!isPipelineName(pipeline)) return { family: foreignPipeline(pipeline), isSupported: false };
  return { family: (await familyOfFolder(folder))?.title ?? "Stable Diffusion", isSupported: true };
}

async function readObject(file: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    const json = await readJson(file);
    return isObject(json) ? json : undefined;
  } catch (error) {
    if (error instanceof KeepsakeError) return undefined;
    throw error;
  }
}
