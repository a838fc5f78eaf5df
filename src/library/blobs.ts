/**
 * @file Immutable blobs named by their content: float32 tensors in safetensors files called after their SHA-256.
 */
import { chmod, lstat, mkdir, readdir, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError } from "../errors.ts";
import { describeWriteError, removeFile } from "../io/atomic.ts";
import { sha256File, sha256Pieces } from "../io/hash.ts";
import { describeReadError } from "../io/read-file.ts";
import {
  SafetensorsFile,
  safetensorsPieces,
  writeSafetensors,
  type TensorToWrite,
} from "../io/safetensors/safetensors.ts";
import { folderPermissionsIn, permissionsIn } from "./permissions.ts";
import { isForeign, isTemporary } from "./names.ts";

const ENDING = ".safetensors";

/** What is in a folder of blobs beside those that are needed. */
export interface OtherFiles {
  /** Ours: blobs that nothing needs, and what was left half-written. */
  readonly unneeded: string[];
  /** Not ours. */
  readonly foreign: string[];
}

/** The blobs of one library. */
export class BlobStore {
  readonly #library: string;
  readonly #folder: string;

  constructor(library: string) {
    this.#library = library;
    this.#folder = join(library, "blobs");
  }

  /** Stores tensors; the same content is stored once. @returns its name. */
  async write(tensors: ReadonlyMap<string, TensorToWrite>): Promise<string> {
    const name = sha256Pieces(safetensorsPieces(tensors));
    await this.#makeFolder();
    await writeSafetensors(this.path(name), tensors, undefined, await permissionsIn(this.#library));
    return name;
  }

  /**
   * Opens a blob after hashing it.
   *
   * @throws KeepsakeError if it is missing or its content is not what its name says
   */
  async open(name: string): Promise<SafetensorsFile> {
    const path = this.path(name);
    if ((await hashOf(path)) !== name) {
      throw new KeepsakeError(
        "state",
        `${path}: the file has been changed or damaged; restore the library from a backup.`,
      );
    }
    return SafetensorsFile.open(path);
  }

  /** Bytes that blobs take together, each counted once; one that is missing takes none. */
  async sizeOf(names: Iterable<string>): Promise<number> {
    const sizes = [...new Set(names)].map((name) => stat(this.path(name)).catch(() => ({ size: 0 })));
    return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * What there is beside the blobs in `names`.
   *
   * @throws KeepsakeError if the folder is a link, or cannot be read
   */
  async others(names: ReadonlySet<string>): Promise<OtherFiles> {
    const others: OtherFiles = { unneeded: [], foreign: [] };
    if (!(await this.check())) return others;
    const entries = await readdir(this.#folder, { withFileTypes: true }).catch((error: unknown) => {
      throw describeReadError(this.#folder, error);
    });
    for (const entry of entries) {
      const path = join(this.#folder, entry.name);
      if (isBlob(entry.name) && names.has(entry.name.slice(0, -ENDING.length))) continue;
      if (entry.isFile() && (isBlob(entry.name) || isTemporary(entry.name))) others.unneeded.push(path);
      else if (isForeign(entry.name)) others.foreign.push(path);
    }
    return { unneeded: others.unneeded.sort(), foreign: others.foreign.sort() };
  }

  /**
   * Removes blobs that are not in `names` and what was left half-written, and the folder if nothing is left in it. What
   * is not ours stays.
   *
   * @throws KeepsakeError naming the file that could not be removed, or if the folder is a link
   */
  async prune(names: ReadonlySet<string>): Promise<void> {
    for (const path of (await this.others(names)).unneeded) await removeFile(path);
    await rmdir(this.#folder).catch(() => undefined);
  }

  /**
   * Makes sure that the blobs are in the library: were their folder a link, files elsewhere would be written and
   * removed.
   *
   * @returns whether there is such a folder
   * @throws KeepsakeError if something else has its name
   */
  async check(): Promise<boolean> {
    const status = await lstat(this.#folder).catch((error: unknown) => {
      if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return undefined;
      throw describeReadError(this.#folder, error);
    });
    if (status === undefined || status.isDirectory()) return status !== undefined;
    const [what, advice] = status.isSymbolicLink()
      ? ["a link", "put the folder itself in its place"]
      : ["no folder", "move it elsewhere"];
    throw new KeepsakeError(
      "state",
      `${this.#folder}: this is ${what}, and the library keeps its files there; ${advice}.`,
    );
  }

  async #makeFolder(): Promise<void> {
    if (await this.check()) return;
    await mkdir(this.#folder, { recursive: true }).catch((error: unknown) => {
      throw describeWriteError(this.#folder, error);
    });
    await chmod(this.#folder, await folderPermissionsIn(this.#library)).catch(() => undefined);
  }

  /** Where a blob is. */
  path(name: string): string {
    return join(this.#folder, name + ENDING);
  }
}

async function hashOf(path: string): Promise<string> {
  try {
    return await sha256File(path);
  } catch (error) {
    const cause = error instanceof KeepsakeError ? error.cause : undefined;
    if (!isCode(cause, "ENOENT")) throw error;
    const fault = "this part of the library is missing; restore the library from a backup";
    throw new KeepsakeError("state", `${path}: ${fault}.`, { cause });
  }
}

/** Whether a file is named as blobs are. */
export function isBlob(name: string): boolean {
  return /^[0-9a-f]{64}\.safetensors$/.test(name);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
