/**
 * @file The files of a repository at a commit, with their sizes and hashes. huggingface_hub keeps such a list in the
 * cache as `trees/<commit>.json` (`_tree_cache.py`, format 1), and so does Keepsake.
 */
import { join } from "node:path";
import { isObject } from "../diffusion/config/config-reader.ts";
import { KeepsakeError, shown } from "../errors.ts";
import { readJson } from "../io/json.ts";
import { storageFolder } from "./hub-model.ts";

/** One file of a repository. */
export interface TreeEntry {
  /** In bytes. */
  readonly size: number;
  /** SHA-1 of the file as git hashes it; of files in large-file storage, that of the pointer. */
  readonly blobId: string;
  /** SHA-256 of a file in large-file storage. */
  readonly sha256?: string;
  /** Hash of huggingface's chunked storage; not used here, but part of the list. */
  readonly xetHash?: string;
}

/** Files by their paths in the repository. */
export type TreeListing = ReadonlyMap<string, TreeEntry>;

/** No repository of a model comes near. */
const MOST_FILES = 100_000;

/** The name of a file's content among the blobs: its hash. */
export function blobName({ blobId, sha256 }: TreeEntry): string {
  return sha256 ?? blobId;
}

/** Where the list of a commit is kept. */
export function treeFile(cache: string, repo: string, commit: string): string {
  return join(storageFolder(cache, repo), "trees", `${commit}.json`);
}

/**
 * The list that the cache holds; undefined if it holds none that can be used, which is no fault: it can be asked for
 * again.
 */
export async function readTree(cache: string, repo: string, commit: string): Promise<TreeListing | undefined> {
  try {
    const json = await readJson(treeFile(cache, repo, commit));
    if (!isObject(json) || json.format_version !== 1 || !isObject(json.files)) return undefined;
    const entries = Object.entries(json.files).map(([path, file]) => {
      if (!isObject(file)) throw malformed(repo, file);
      const { size, blob_id: blobId, lfs_sha256: sha256, lfs_size: lfsSize, xet_hash: xetHash } = file;
      return checkedEntry(repo, path, { size: lfsSize ?? size, blobId, sha256, xetHash });
    });
    return new Map(entries);
  } catch (error) {
    if (error instanceof KeepsakeError) return undefined;
    throw error;
  }
}

/** The list as huggingface_hub writes it: sorted, in ASCII, indented by one. */
export function formatTree(tree: TreeListing): string {
  const byPath = [...tree].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const files = byPath.map(([path, { size, blobId, sha256, xetHash }]): [string, object] => [
    path,
    {
      ...{ size, blob_id: blobId },
      ...(sha256 !== undefined && { lfs_sha256: sha256, lfs_size: size }),
      ...(xetHash !== undefined && { xet_hash: xetHash }),
    },
  ]);
  const text = JSON.stringify({ format_version: 1, files: Object.fromEntries(files) }, undefined, 1);
  return text.replace(/[\u007f-\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/**
 * Adds a page of the hub's answer to a list. @throws KeepsakeError ("input") if it is something else, or names a file
 * that leads out of the repository
 */
export function addPage(repo: string, page: unknown, tree: Map<string, TreeEntry>): void {
  if (!Array.isArray(page)) throw malformed(repo, page);
  const items: unknown[] = page;
  for (const item of items) {
    if (!isObject(item) || typeof item.path !== "string") throw malformed(repo, item);
    if (item.type !== "file") continue;
    const { path, size, oid: blobId, lfs, xetHash } = item;
    const large = isObject(lfs) ? { size: lfs.size, sha256: lfs.oid } : undefined;
    tree.set(...checkedEntry(repo, path, { size: large?.size ?? size, blobId, sha256: large?.sha256, xetHash }));
    if (tree.size > MOST_FILES) throw new KeepsakeError("input", `${repo} has more than ${MOST_FILES} files.`);
  }
}

/** Sizes, hashes and paths come from a server, and become names of files. */
function checkedEntry(
  repo: string,
  path: string,
  { size, blobId, sha256, xetHash }: Readonly<Record<keyof TreeEntry, unknown>>,
): [string, TreeEntry] {
  if (!isSafePath(path)) {
    const fault = `${repo} has a file ${shown(path)}, whose name leads out of the repository or is reserved`;
    throw new KeepsakeError("input", `${fault}; nothing of it is downloaded.`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) throw malformed(repo, size);
  if (!isHash(blobId, 40)) throw malformed(repo, blobId);
  if (sha256 !== undefined && !isHash(sha256, 64)) throw malformed(repo, sha256);
  const entry = { size, blobId, ...(sha256 !== undefined && { sha256 }) };
  return [path, isHash(xetHash, 64) ? { ...entry, xetHash } : entry];
}

/**
 * Whether a path stays in its folder on every system; stricter than `_validate_relative_filename` of huggingface_hub.
 */
function isSafePath(path: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (path.length > 1000 || /[\u0000-\u001f\u007f\\]/.test(path)) return false;
  const isDrive = (part: string) => /^[A-Za-z]:/.test(part);
  return path.split("/").every((part) => !["", ".", ".."].includes(part) && part.length <= 255 && !isDrive(part));
}

function isHash(value: unknown, digits: number): value is string {
  return typeof value === "string" && value.length === digits && /^[0-9a-f]+$/.test(value);
}

function malformed(repo: string, found: unknown): KeepsakeError {
  const fault = `The list of the files of ${repo} is not as the Hugging Face Hub writes it (${shown(found)})`;
  return new KeepsakeError("input", `${fault}; look at HF_ENDPOINT and the proxy settings.`);
}
