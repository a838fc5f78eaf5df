/** @file Opening the files a user names: what is missing, not a file, too large or not readable is said in one line. */
import { open, readFile, stat } from "node:fs/promises";
import { KeepsakeError } from "../errors.ts";

/** What is known of a regular file before it is opened. */
export interface FileStatus {
  /** In bytes. */
  readonly size: number;
  /** Time of the last change, in milliseconds since 1970. */
  readonly modified: number;
}

const faults: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  ENOTDIR: "no such file: a part of the path is a file, not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "the symbolic links go in a circle",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many files are open in this process",
  ENFILE: "too many files are open on this machine",
  ENOMEM: "the machine has too little free memory",
  EIO: "the disk reported a read error",
  // Of Node, which refuses 2 GiB and more before it asks the system.
  ERR_FS_FILE_TOO_LARGE: "the file is too large to be read at once",
};

/** Turns an error of reading into one line that names the file. Any other error is returned as it is. */
export function describeReadError(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const code = String(error.code);
  const isKnown = Object.hasOwn(faults, code);
  if (!isKnown && !("syscall" in error)) return error;
  const fault = isKnown ? faults[code] : `the system reported ${code}`;
  return new KeepsakeError("input", `Cannot read ${path}: ${fault}.`, { cause: error });
}

/**
 * Checks that a path is a regular file. A folder, a device or a pipe (which might never end) is refused.
 * @throws KeepsakeError in one line that names the path.
 */
export async function statFile(path: string): Promise<FileStatus> {
  const status = await stat(path).catch((error: unknown) => {
    throw describeReadError(path, error);
  });
  if (status.isDirectory()) throw new KeepsakeError("input", `Cannot read ${path}: it is a folder, not a file.`);
  if (!status.isFile()) throw new KeepsakeError("input", `Cannot read ${path}: it is not a regular file.`);
  return { size: status.size, modified: status.mtimeMs };
}

/**
 * Reads a whole file.
 * @param maxSize In bytes.
 * @throws KeepsakeError in one line that names the file, also if it is larger than `maxSize`.
 */
export async function readWholeFile(path: string, maxSize: number): Promise<Uint8Array> {
  const { size } = await statFile(path);
  if (size > maxSize) {
    const [megabytes, limit] = [size, maxSize].map((bytes) => Math.ceil(bytes / 1e6));
    throw new KeepsakeError("input", `${path} has ${megabytes} MB; the limit is ${limit} MB.`);
  }
  return readFile(path).catch((error: unknown) => {
    throw describeReadError(path, error);
  });
}

/**
 * Reads the beginning of a file.
 * @param size In bytes; fewer if the file is shorter.
 * @throws KeepsakeError in one line that names the file.
 */
export async function readBeginning(path: string, size: number): Promise<Uint8Array> {
  await statFile(path);
  try {
    const handle = await open(path);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw describeReadError(path, error);
  }
}
