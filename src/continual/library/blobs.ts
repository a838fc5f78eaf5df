/**
 * @file Immutable blobs named by their content: float32 tensors in safetensors files called after their SHA-256.
 */
import { mkdir, readdir, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { KeepsakeError } from "../../errors.ts";
import { writeFileAtomic } from "../../io/atomic.ts";
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
    await writeFileAtomic(this.#path(name), bytes);
    return name;
  }

  /**
   * Opens a blob after hashing it.
   *
   * @throws KeepsakeError if it is missing or its content is not what its name says
   */
  async open(name: string): Promise<SafetensorsFile> {
    const path = this.#path(name);
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

  /** Removes every file that is not one of `names`, and the folder if nothing is left in it. */
  async prune(names: ReadonlySet<string>): Promise<void> {
    const entries = await readdir(this.#folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const isKept = entry.name.endsWith(ENDING) && names.has(entry.name.slice(0, -ENDING.length));
      if (!isKept && !entry.isDirectory()) await rm(join(this.#folder, entry.name), { force: true });
    }
    await rmdir(this.#folder).catch(() => undefined);
  }

  #path(name: string): string {
    return join(this.#folder, name + ENDING);
  }
}
