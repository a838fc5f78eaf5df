/**
 * @file Writes to the cache beside the blobs: snapshots, refs, the list of files, marks of absence. Names and contents
 * are those of huggingface_hub (`_create_symlink`, `_cache_commit_hash_for_specific_revision`, `_create_cachedir_tag`),
 * so that what one program has downloaded is there for the other.
 */
import { randomBytes } from "node:crypto";
import { copyFile, lstat, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { isTrue, type Environment } from "../hub-cache/cache-folder.ts";
import { absenceFile } from "../hub-cache/cached-snapshot.ts";
import { isCommit, refFile, type HubModel } from "../hub-cache/hub-model.ts";
import { formatTree, treeFile, type TreeListing } from "../hub-cache/tree-listing.ts";
import { describeWriteError, writeFileAtomic, writeNewFile } from "../io/atomic.ts";
import { makeFolder } from "../io/folder.ts";

/** Tells backup programs to leave the cache out: the same bytes as huggingface_hub's. */
const CACHE_TAG = [
  "Signature: 8a477f597d28d172789f06886806bc55",
  "# This file is a cache directory tag created by huggingface_hub.",
  "# For information about cache directory tags, see:",
  "#\thttps://bford.info/cachedir/",
  "",
].join("\n");

/** Marks the folder as a cache. That it cannot be marked is no reason to fail. */
export async function tagCache(cache: string): Promise<void> {
  await writeNewFile(join(cache, "CACHEDIR.TAG"), Buffer.from(CACHE_TAG)).catch(() => undefined);
}

/** Keeps the list of a commit's files. */
export async function writeTree(cache: string, repo: string, commit: string, tree: TreeListing): Promise<void> {
  const file = treeFile(cache, repo, commit);
  await makeFolder(dirname(file));
  await writeFileAtomic(file, formatTree(tree));
}

/** Notes at which commit a branch or tag is. A commit needs no note. */
export async function writeRef(cache: string, model: HubModel, commit: string): Promise<void> {
  if (isCommit(model.revision)) return;
  const file = refFile(cache, model);
  if ((await readFile(file, "utf8").catch(() => "")) === commit) return;
  await makeFolder(dirname(file));
  await writeFileAtomic(file, commit);
}

/** Notes that a file does not exist at a commit. */
export async function writeAbsence(cache: string, repo: string, commit: string, name: string): Promise<void> {
  const file = absenceFile(cache, repo, commit, name);
  await makeFolder(dirname(file));
  await writeFileAtomic(file, "");
}

/**
 * Gives a blob its name in a snapshot: a relative link, or where links do not work the file itself. It then moves there
 * if it was downloaded just now, else it is copied, since other snapshots may need it.
 *
 * @throws KeepsakeError in one line if it cannot be written
 */
export async function pointTo(blob: string, pointer: string, isNew: boolean, env: Environment): Promise<void> {
  await makeFolder(dirname(pointer));
  const target = relative(dirname(pointer), blob);
  const temporary = join(dirname(pointer), `.keepsake-${randomBytes(8).toString("hex")}.tmp`);
  try {
    if (await isLinkTo(pointer, target)) return;
    if (!(await linked(target, temporary, env))) {
      if (isNew) {
        await rename(blob, pointer);
        return;
      }
      await copyFile(blob, temporary);
    }
    await rename(temporary, pointer);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw describeWriteError(pointer, error);
  }
}

/** @returns whether links work here */
async function linked(target: string, path: string, env: Environment): Promise<boolean> {
  if (isTrue(env.HF_HUB_DISABLE_SYMLINKS)) return false;
  try {
    await symlink(target, path);
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL"].includes(code)) return false;
    throw error;
  }
}

async function isLinkTo(path: string, target: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isSymbolicLink() === true && (await readlink(path)) === target;
}
