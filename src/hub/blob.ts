/**
 * @file Downloads one file of a repository to the cache's blobs. It grows under a name that ends in `.incomplete`, is
 * resumed there after whatever stopped it, and gets its own name only when size and hash are right.
 *
 * huggingface_hub today downloads to a name of each process's own and removes it at a failure
 * (`_download_to_tmp_and_move`), since it cannot trust locks everywhere. Here the name is the same each time, so that a
 * download can go on, and the hash of the whole file is checked, so that two writers could never make a wrong file.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { KeepsakeError } from "../errors.ts";
import { blobName, type TreeEntry } from "../hub-cache/tree-listing.ts";
import type { HubModel } from "../hub-cache/hub-model.ts";
import { describeWriteError } from "../io/atomic.ts";
import { closeAfter } from "../io/file-handle.ts";
import { checkAnswer, Transient } from "./faults.ts";
import { get, pieces, type Answer } from "./request.ts";
import { persistently } from "./retry.ts";
import { hubUrl, type HubSettings } from "./settings.ts";

/** A file to be downloaded. */
export interface WantedBlob {
  readonly model: HubModel;
  readonly commit: string;
  /** Path in the repository. */
  readonly name: string;
  readonly entry: TreeEntry;
}

/** Where a blob grows. The middle tells it from the files of other programs, which are never touched. */
export function incompleteFile(blobs: string, entry: TreeEntry): string {
  return join(blobs, `${blobName(entry)}.keepsake.incomplete`);
}

/**
 * Downloads a file, unless an earlier download has left all of it.
 *
 * @param blobs - folder of the blobs, which exists
 * @param onBytes - hears how much of the file there is
 * @throws KeepsakeError if it cannot be had or written, or is not what was promised; NoSuchFile; the signal's reason
 */
export async function downloadBlob(
  blobs: string,
  wanted: WantedBlob,
  settings: HubSettings,
  onBytes: (there: number) => void,
): Promise<void> {
  const { entry, name } = wanted;
  const incomplete = incompleteFile(blobs, entry);
  const blob = join(blobs, blobName(entry));
  try {
    // Opened to be written at any place, and made if need be.
    const handle = await open(incomplete, "a").then((made) => made.close().then(() => open(incomplete, "r+")));
    const isRight = await closeAfter(handle, async () => {
      // What an earlier download left may be damaged: if the whole is wrong, it is tried once more from nothing.
      for (const isLast of [false, true]) {
        const resumed = await download(handle, wanted, settings, onBytes);
        await handle.sync().catch(() => undefined);
        if (await isIntact(incomplete, entry)) return true;
        await handle.truncate(0);
        if (isLast || !resumed) return false;
      }
      return false;
    });
    if (!isRight) {
      await rm(incomplete, { force: true });
      const fault = `${name} of ${wanted.model.repo} does not have the hash that ${settings.endpoint.host} promised`;
      throw new KeepsakeError(
        "input",
        `${fault}, so it was deleted; repeat the command, and look at proxies if it stays so.`,
      );
    }
    await rename(incomplete, blob);
    const folder = await open(dirname(blob), "r").catch(() => undefined);
    await folder?.sync().catch(() => undefined);
    await folder?.close().catch(() => undefined);
  } catch (error) {
    throw describeWriteError(blob, error);
  }
}

/** @returns whether some of it was there before */
async function download(
  handle: FileHandle,
  { model, commit, name, entry }: WantedBlob,
  settings: HubSettings,
  onBytes: (there: number) => void,
): Promise<boolean> {
  const url = hubUrl(settings, ...model.repo.split("/"), "resolve", commit, ...name.split("/"));
  let { size: there } = await handle.stat();
  if (there > entry.size) {
    await handle.truncate(0);
    there = 0;
  }
  const resumed = there > 0;
  const restart = async () => {
    await handle.truncate(0);
    there = 0;
  };
  const attempt = async () => {
    onBytes(there);
    if (there === entry.size) return;
    const answer = await get(url, there > 0 ? { Range: `bytes=${there}-` } : {}, settings);
    if (answer.status === 416) {
      answer.body.destroy();
      await restart();
      throw new Transient("it could not go on in the middle of a file");
    }
    checkAnswer(answer, model, settings);
    if (!continuesAt(answer, there, entry.size)) await restart();
    for await (const piece of pieces(answer, settings.timeout)) {
      if (there + piece.byteLength > entry.size) {
        answer.body.destroy();
        await restart();
        throw wrongSize(name, model, entry, "more");
      }
      await writeAll(handle, piece, there);
      there += piece.byteLength;
      onBytes(there);
    }
    if (there < entry.size) throw new Transient(`${name} ended after ${there} of ${entry.size} bytes`);
  };
  await persistently(url, settings, attempt, () => there);
  return resumed;
}

/** Whether the body goes on where the file ends. @throws KeepsakeError if it is something else than was asked for */
function continuesAt({ status, headers, url, body }: Answer, there: number, size: number): boolean {
  const encoding = headers["content-encoding"] ?? "identity";
  const [, from, whole] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers["content-range"] ?? "") ?? [];
  const isPart = status === 206;
  const isFit = !isPart || (Number(from) === there && (whole === "*" || Number(whole) === size));
  if (encoding === "identity" && isFit) return there > 0 && isPart;
  body.destroy();
  const what = isFit ? `a file that is compressed (${encoding})` : "another part of a file";
  throw new KeepsakeError("input", `${url.host} answered with ${what} than was asked for; look at the proxy settings.`);
}

function wrongSize(name: string, { repo }: HubModel, { size }: TreeEntry, what: string): KeepsakeError {
  return new KeepsakeError(
    "input",
    `${name} of ${repo} has ${what} than the ${size} bytes that were promised; try again.`,
  );
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}

/** SHA-256 of a file in large-file storage; of others SHA-1 as git makes it, with a header. */
async function isIntact(file: string, { size, blobId, sha256 }: TreeEntry): Promise<boolean> {
  const hash = createHash(sha256 === undefined ? "sha1" : "sha256");
  if (sha256 === undefined) hash.update(`blob ${size}\0`);
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex") === (sha256 ?? blobId);
}
