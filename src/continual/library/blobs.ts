/**
 * @file Immutable blobs named by their content: float32 tensors in safetensors files called after their SHA-256.
 */
import { mkdir, readdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { describeWriteError, writeFileAtomic } from "../../io/atomic.ts";
import { sha256 } from "../../io/hash.ts";
import { describeReadError } from "../../io/read-file.ts";
import { SafetensorsFile, serializeSafetensors, type TensorToWrite } from "../../io/safetensors.ts";

const ENDING = ".safetensors";

/** The blobs of one library. */
export class BlobStore {
  readonly #folder: string;

  constructor(library: string) {
    this.#folder = join(library, "blobs");
  }

  /** Stores tensors; the same content is stored once. @returns its name. */
  async write(tensors: ReadonlyMap<string, TensorToWrite>): Promise<string> {
    const bytes = serializeSafetensors(tensors);
    const name = sha256(bytes);
    await mkdir(this.#folder, { recursive: true });
    await writeFileAtomic(this.path(name), bytes);
    return name;
  }

  /**
   * Opens a blob after hashing it.
   *
   * @throws KeepsakeError if it is missing or its content is not what its name says
   */
  async open(name: string): Promise<SafetensorsFile> {
    const path = this.path(name);
    const bytes = await readFile(path).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw describeReadError(path, error);
      const fault = "this part of the library is missing; restore the library from a backup";
      throw new KeepsakeError("state", `${path}: ${fault}.`, { cause: error });
    });
    if (sha256(bytes) !== name) {
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

  /** Every file that is not one of `names`. */
  async others(names: ReadonlySet<string>): Promise<string[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true }).catch(() => []);
    const isNeeded = (file: string) => file.endsWith(ENDING) && names.has(file.slice(0, -ENDING.length));
    const others = entries.filter((entry) => !entry.isDirectory() && !isNeeded(entry.name));
    return others.map((entry) => join(this.#folder, entry.name)).sort();
  }

  /**
   * Removes every file that is not one of `names`, and the folder if nothing is left in it.
   *
   * @throws KeepsakeError naming the file that could not be removed
   */
  async prune(names: ReadonlySet<string>): Promise<void> {
    for (const path of await this.others(names)) {
      await rm(path, { force: true }).catch((error: unknown) => {
        throw describeWriteError(path, error);
      });
    }
    await rmdir(this.#folder).catch(() => undefined);
  }

  /** Where a blob is. */
  path(name: string): string {
    return join(this.#folder, name + ENDING);
  }
}
