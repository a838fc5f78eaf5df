/**
 * @file How a model of the Hugging Face Hub is named, `owner/name` or `owner/name@revision`, and where the cache keeps
 * it. Names follow huggingface_hub (`validate_repo_id`, `repo_folder_name`).
 */
import { join } from "node:path";
import { KeepsakeError, shown } from "../errors.ts";

/** A model of the hub, at a revision. */
export interface HubModel {
  /** `owner/name`. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** The branch that is meant if no revision is named. */
const DEFAULT_REVISION = "main";

const FOLDER_START = "models--";

/**
 * Reads a name as people type it; the address of the model's page will do.
 *
 * @returns undefined if it cannot be the name of a model of the hub
 */
export function parseHubModel(text: string): HubModel | undefined {
  const [, repo, revision = DEFAULT_REVISION] =
    /^(?:https:\/\/(?:huggingface\.co|hf\.co)\/)?([^@/]+\/[^@/]+)(?:@(.+))?$/.exec(text) ?? [];
  return repo !== undefined && isRepo(repo) && isRevision(revision) ? { repo, revision } : undefined;
}

/** As {@link parseHubModel}. @throws KeepsakeError ("usage") if it is no name */
export function hubModelOf(text: string): HubModel {
  const model = parseHubModel(text);
  if (model !== undefined) return model;
  const example = "stable-diffusion-v1-5/stable-diffusion-v1-5";
  throw new KeepsakeError(
    "usage",
    `${shown(text)} is no model of the Hugging Face Hub; give <owner>/<name> or <owner>/<name>@<revision>, e.g. ${example}.`,
  );
}

/** As people type it: the revision only if it is not the usual one. */
export function formatHubModel({ repo, revision }: HubModel): string {
  return revision === DEFAULT_REVISION ? repo : `${repo}@${revision}`;
}

function isRepo(repo: string): boolean {
  const isName = (name: string) => /^[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?$/.test(name) && name.length <= 96;
  return repo.split("/").every(isName) && !/--|\.\.|\.git$/.test(repo);
}

/** Revisions become names of files in `refs/`: only what git allows, and nothing that leads elsewhere. */
function isRevision(revision: string): boolean {
  return revision.length <= 200 && !revision.includes("..") && /^\w[\w.+-]*(?:\/\w[\w.+-]*)*$/.test(revision);
}

/** Whether a revision is a whole commit hash, which never changes its meaning. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** The folder of a model in the cache. */
export function storageFolder(cache: string, repo: string): string {
  return join(cache, folderName(repo));
}

/** The folder for locks on a model's files. */
export function locksFolder(cache: string, repo: string): string {
  return join(cache, ".locks", folderName(repo));
}

/** The folder with a model's files at a commit. */
export function snapshotFolder(cache: string, repo: string, commit: string): string {
  return join(storageFolder(cache, repo), "snapshots", commit);
}

/** The file that says at which commit a branch or tag was last. */
export function refFile(cache: string, { repo, revision }: HubModel): string {
  return join(storageFolder(cache, repo), "refs", ...revision.split("/"));
}

/** A model of the hub at a commit, which never changes. */
export interface HubOrigin {
  /** `owner/name`. */
  readonly repo: string;
  readonly commit: string;
}

/** What a folder of a hub cache is a snapshot of, by its path alone; undefined for other folders. */
export function originOf(folder: string): HubOrigin | undefined {
  const [commit = "", snapshots, storage = ""] = folder.split(/[\\/]+/).reverse();
  const repo = repoOfFolder(storage);
  return repo !== undefined && snapshots === "snapshots" && isCommit(commit) ? { repo, commit } : undefined;
}

/** Whether a value from a file is a {@link HubOrigin}. */
export function isOrigin(value: unknown): value is HubOrigin {
  if (typeof value !== "object" || value === null || !("repo" in value && "commit" in value)) return false;
  const { repo, commit } = value;
  return (
    typeof repo === "string" && repo.includes("/") && isRepo(repo) && typeof commit === "string" && isCommit(commit)
  );
}

function folderName(repo: string): string {
  return FOLDER_START + repo.split("/").join("--");
}

/** The model that a folder of the cache is of; undefined for folders of other kinds. */
export function repoOfFolder(name: string): string | undefined {
  if (!name.startsWith(FOLDER_START)) return undefined;
  const repo = name.slice(FOLDER_START.length).split("--").join("/");
  return repo.includes("/") && isRepo(repo) ? repo : undefined;
}
