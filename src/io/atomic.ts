/**
 * @file Files that are written whole or not at all. The content goes to a temporary file in the same folder, is forced
 * to the disk, and is then given its name in one step: whenever the process or the power dies, the name holds the old
 * content or the new.
 */
import { randomBytes } from "node:crypto";
import { link, lstat, open, realpath, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { KeepsakeError } from "../errors.ts";
import { closeAfter } from "./file-handle.ts";

export interface WriteOptions {
  /** Permissions of the file, whatever the umask. Default: what the umask leaves. */
  readonly mode?: number;
}

/**
 * Writes a file atomically, replacing one of that name. A symbolic link keeps pointing to the file it points to.
 * @throws KeepsakeError ("environment") in one line if the disk is full, the folder is read-only or missing, and the
 *   like.
 */
export function writeFileAtomic(file: string, data: Uint8Array | string, options: WriteOptions = {}): Promise<void> {
  const write = async (handle: FileHandle) => {
    await handle.writeFile(data);
  };
  return writeAtomically(file, write, options);
}

/**
 * As {@link writeFileAtomic}, for content that comes in pieces.
 * @param write Writes the content. If it throws, nothing is left behind and the error is passed on.
 */
export async function writeAtomically(
  file: string,
  write: (handle: FileHandle) => Promise<void>,
  { mode }: WriteOptions = {},
): Promise<void> {
  const target = await resolveTarget(file);
  const folder = path.dirname(target);
  // Hidden, and of a fixed length: the name of the target may already be as long as the file system allows.
  const temporary = path.join(folder, `.keepsake-${randomBytes(8).toString("hex")}.tmp`);
  try {
    // "wx": never a file, or a link, that somebody else put there.
    const handle = await open(temporary, "wx", mode);
    await closeAfter(handle, async () => {
      // The umask may have taken some of them away. Disks without permissions (exFAT) refuse to set any.
      if (mode !== undefined) await handle.chmod(mode).catch(() => undefined);
      await write(handle);
      await forceToDisk(handle);
    });
    await rename(temporary, target);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw describeWriteError(file, error);
  }
}

/**
 * Writes a file that does not exist yet, whole or not at all. Of several processes that do so at once, one succeeds.
 * @returns false, with nothing changed, if there is something of that name.
 * @throws KeepsakeError as {@link writeFileAtomic}.
 */
export async function writeNewFile(file: string, data: Uint8Array): Promise<boolean> {
  const temporary = path.join(path.dirname(file), `.keepsake-${randomBytes(8).toString("hex")}.tmp`);
  try {
    if (await isTaken(file)) return false;
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const isWritten = await giveNewName(temporary, file);
    await syncFolder(path.dirname(file));
    return isWritten;
  } catch (error) {
    throw describeWriteError(file, error);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/**
 * A second name for the file, which unlike a renaming replaces nothing; disks without such links leave a moment for a
 * race.
 */
async function giveNewName(temporary: string, file: string): Promise<boolean> {
  try {
    await link(temporary, file);
    return true;
  } catch {
    if (await isTaken(file)) return false;
    await rename(temporary, file);
    return true;
  }
}

/** Whether there is anything of that name, be it a link that leads nowhere. */
function isTaken(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

/** Follows a link, and refuses what must not be replaced by a file. */
async function resolveTarget(file: string): Promise<string> {
  let target = path.resolve(file);
  try {
    target = await realpath(target);
    const status = await lstat(target);
    if (status.isDirectory()) throw new KeepsakeError("input", `${file} is a folder: give the name of a file.`);
    if (!status.isFile()) throw new KeepsakeError("input", `${file} is not a regular file and is not replaced by one.`);
  } catch (error) {
    // The file need not exist yet; whatever else is wrong shows when the temporary file is opened.
    if (error instanceof KeepsakeError) throw error;
  }
  return target;
}

/** Some drives (FUSE, network) know no such call, and their files are as safe as they get. */
async function forceToDisk(handle: FileHandle): Promise<void> {
  await handle.sync().catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (!["EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"].includes(String(code))) throw error;
  });
}

/**
 * Forces the new name to the disk. Some systems (Windows, network drives) cannot do that for a folder; the file is
 * whole anyway.
 */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close().catch(() => undefined);
}

/** What the codes of the operating system mean to the user, and what to do. */
const faults: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full. Free some space and try again",
  EDQUOT: "your disk quota is used up. Free some space and try again",
  EFBIG: "the file is larger than the file system or a limit of this session allows",
  EROFS: "the disk is read-only. Choose another folder",
  EACCES: "permission denied. Choose another folder, or change its permissions",
  EPERM: "the operation is not permitted. Choose another folder, or change its permissions",
  ENOENT: "the folder does not exist. Create it first",
  ENOTDIR: "a part of the path is a file, not a folder",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many files are open in this process",
  ENFILE: "too many files are open on this machine",
  EIO: "the disk reported an error. Check its health",
  EBUSY: "the file is in use by another program",
};

/**
 * Deletes a file, if it exists.
 * @throws KeepsakeError ("environment") in one line if that is not possible.
 */
export async function removeFile(file: string): Promise<void> {
  await rm(file, { force: true }).catch((error: unknown) => {
    throw describeWriteError(file, error, "remove");
  });
}

/**
 * Turns an error of the operating system into one line that names the file. Any other error is returned as it is.
 * @param file What was being written.
 * @param what What was being done to it.
 */
export function describeWriteError(file: string, error: unknown, what: "write" | "remove" = "write"): unknown {
  if (!(error instanceof Error) || !("syscall" in error && "code" in error)) return error;
  const code = String(error.code);
  const fault = Object.hasOwn(faults, code) ? faults[code] : `the system reported ${code}`;
  return new KeepsakeError("environment", `Cannot ${what} ${file}: ${fault}.`, { cause: error });
}
